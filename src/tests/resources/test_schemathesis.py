"""Resources keep to their document, reading and writing, whatever schemathesis thinks of.

The document is that of OpenAPI 3.2, which has the method QUERY.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask

from tests.resources.served_music import served

# A valid request may be refused by the state of the database: 404, 409, 412, and 422 for its constraints.
CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "404", "409", "412", "422"]
[checks.negative_data_rejection]
expected-statuses = ["400", "404", "405", "406", "409", "412", "415", "422", "428"]
"""


EXAMPLES = os.environ.get("FUZZ_EXAMPLES")
"""Examples of each operation; all phases are run when it is given. 200 takes half an hour."""


def test_resources_keep_to_their_document(
    make_app: Callable[..., Flask], database: dict[str, Any], tmp_path: Path
) -> None:
    phases = "examples,coverage,fuzzing,stateful" if EXAMPLES else "examples,fuzzing"
    app = make_app(database=database)
    assert_finds_nothing(app, tmp_path, "--max-examples", EXAMPLES or "5", "--phases", phases)


def assert_finds_nothing(app: Flask, directory: Path, *options: str) -> None:
    (directory / "schemathesis.toml").write_text(CONFIGURATION)
    hooks = Path(__file__).parent / "schemathesis_hooks.py"
    (directory / "schemathesis_hooks.py").write_text(hooks.read_text())
    environment = {**os.environ, "PYTHONPATH": str(directory), "SCHEMATHESIS_HOOKS": "schemathesis_hooks"}
    with served(app, bulk=True) as url:
        command = [
            Path(sys.executable).with_name("schemathesis"), "run", f"{url}/openapi.json?version=3.2",
            *options, "--continue-on-failure", "--generation-database", "none", "--no-color", "--seed", "1",
            # The filter of QUERY refers to itself, so that its examples take long to make.
            "--suppress-health-check", "too_slow", "--workers", "2",
            # A busy machine is no fault of the document.
            "--request-timeout", "60",
        ]  # fmt: skip
        ran = subprocess.run(
            command, cwd=directory, env=environment, capture_output=True, text=True, check=False
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr
