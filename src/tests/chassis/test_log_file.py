"""The log file: its failure breaks nothing, is reported elsewhere, and ends by itself."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from debonair.logs import file as module
from debonair.logs.file import LogFile

Break = Callable[[Path], None]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """A logger that writes to ``tmp_path/log/orders.log``, without a pause between two attempts."""
    monkeypatch.setattr(module, "_RETRY", 0.0)
    (tmp_path / "log").mkdir()
    logger = logging.Logger("orders")
    handler = LogFile(str(tmp_path / "log" / "orders.log"))
    logger.addHandler(handler)
    yield logger
    handler.close()


def remove_directory(file: Path) -> None:
    shutil.rmtree(file.parent)


def replace_by_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def replace_by_full_device(file: Path) -> None:
    file.unlink()
    file.symlink_to("/dev/full")


def mend(file: Path) -> None:
    shutil.rmtree(file.parent, ignore_errors=True)
    file.parent.mkdir()


@pytest.mark.parametrize("break_file", [remove_directory, replace_by_directory, replace_by_full_device])
def test_file_that_cannot_be_written_breaks_nothing_and_is_written_again(
    break_file: Break, log: logging.Logger, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log" / "orders.log"
    log.warning("before")
    break_file(path)
    log.warning("lost")
    log.warning("lost too")
    mend(path)
    log.warning("after")
    assert path.read_text().splitlines() == ["after"]
    errors, ends = (
        [r.getMessage() for r in caplog.records if r.levelname == level] for level in ("ERROR", "WARNING")
    )
    assert len(errors) == 1 and f"The log file {path} cannot be written" in errors[0]
    assert ends == [f"The log file {path} can be written again; 2 records were lost."]


def test_line_that_was_cut_off_is_ended_before_the_next(log: logging.Logger, tmp_path: Path) -> None:
    path = tmp_path / "log" / "orders.log"
    log.warning("before")
    replace_by_directory(path)
    log.warning("lost")
    path.rmdir()
    path.write_text("cut o")
    log.warning("after")
    assert path.read_text() == "cut o\nafter\n"


def test_losses_are_counted(log: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost: list[float] = []
    monkeypatch.setattr(module, "on_loss", [lost.append])
    remove_directory(tmp_path / "log" / "orders.log")
    for _ in range(3):
        log.warning("lost")
    assert sum(lost) == 3


def test_between_two_attempts_nothing_is_opened(
    log: logging.Logger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RETRY", 3600.0)
    path = tmp_path / "log" / "orders.log"
    remove_directory(path)
    log.warning("lost")
    mend(path)
    log.warning("lost too")
    assert not path.exists()


def test_error_of_the_code_is_not_taken_for_one_of_the_file(
    log: logging.Logger, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.warning("%d orders", "many")
    assert "TypeError" in capsys.readouterr().err
    log.warning("after")
    assert (tmp_path / "log" / "orders.log").read_text() == "after\n"
