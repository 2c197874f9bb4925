"""The interface keeps to its own document, whatever schemathesis thinks of."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.sample import Sample, Serve

pytest.importorskip("schemathesis", reason="there is no schemathesis: pip install schemathesis")

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
)


pytestmark = pytest.mark.acceptance


def test_no_answer_is_outside_of_the_document(serve: Serve, tmp_path: Path) -> None:
    assert_keeps_to_its_document(serve(), tmp_path)


def test_no_answer_is_outside_of_the_document_on_postgresql(
    on_postgresql: Callable[..., Sample], tmp_path: Path
) -> None:
    assert_keeps_to_its_document(on_postgresql(), tmp_path)


def assert_keeps_to_its_document(sample: Sample, directory: Path) -> None:
    command = [
        Path(sys.executable).with_name("schemathesis"), "run",
        f"http://127.0.0.1:{sample.port}/openapi.json?version=3.2",
        "--checks", ",".join(CHECKS), "--max-examples", "100", "--continue-on-failure",
        "--generation-database", "none", "--no-color", "--seed", "1",
    ]  # fmt: skip
    ran = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    asked = [entry for entry in sample.entries() if not entry.get("path", "/health").startswith("/health")]
    assert len(asked) > 100 and max(entry["status"] for entry in asked) < 500
