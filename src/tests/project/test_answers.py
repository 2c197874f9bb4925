"""Answers that the template refuses, and odd ones that it takes as they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.project.test_template import bake as bake

Bake = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        *(({"project_slug": word}, "YAML reads this word") for word in ("yes", "no", "on", "off", "null")),
        *(({"project_slug": name}, "Debian has a user or a command") for name in ("root", "apt", "bash")),
        ({"project_slug": "www-data"}, "Debian has a user or a command"),
        ({"project_slug": "rich"}, "the name of a package that it uses"),
        ({"project_slug": "test"}, "the name of a package that it uses"),
        ({"version": "01.0"}, "version '01.0': use numbers without leading zeros"),
        ({"email": "a@b\u202ecom"}, "use an address"),
        ({"email": "a\x07@b.com"}, "use an address"),
        ({"project_short_description": "file: /etc/passwd"}, "setuptools reads a text that begins with"),
    ],
)
def test_answer_that_would_make_a_broken_service_is_refused(
    bake: Bake, tmp_path: Path, answers: dict[str, str], message: str
) -> None:
    ran = bake(**answers)
    assert ran.returncode != 0
    errors = [line for line in ran.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and message in errors[0], ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answers",
    [
        {"project_name": "注文サービス", "project_slug": "orders"},
        {"project_name": "🚀 Rockets", "project_slug": "rockets"},
        {"project_short_description": "Keeps foo_ and `bar and *baz and |qux \\ here"},
    ],
    ids=["wide", "emoji", "markup"],
)
def test_odd_text_makes_no_warning_in_the_readme(bake: Bake, tmp_path: Path, answers: dict[str, str]) -> None:
    assert bake(**answers).returncode == 0
    (service,) = tmp_path.iterdir()
    ran = subprocess.run(
        [sys.executable, "-m", "docutils", "--report=1", "--halt=5", service / "README.rst", "/dev/null"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    serious = [line for line in ran.stderr.splitlines() if "Unknown directive" not in line]
    assert not [line for line in serious if "WARNING" in line or "ERROR" in line], ran.stderr
