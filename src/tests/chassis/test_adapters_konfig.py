"""What ``debonair.config.konfig_adapter`` relies on in Konfig and configparser, beyond their documentation.

A failure means that the library has changed: read its new source, then change the adapter.
"""

from __future__ import annotations

import configparser
import inspect
import io
from typing import Any

import konfig
import pytest

from debonair.config.konfig_adapter import PlaceholderError, Reader

CHANGED = "Konfig has changed: {}. Adapt debonair.config.konfig_adapter"
PARSER_CHANGED = "Python's configparser has changed: {}. Adapt debonair.config.konfig_adapter"


class Recorder(konfig.Config):
    """Notes the calls of Konfig's private methods."""

    calls: list[Any]

    def _configparser_kwargs(self) -> dict[str, Any]:
        self.calls = ["_configparser_kwargs"]
        given: dict[str, Any] = super()._configparser_kwargs()
        return given

    def read(self, filenames: Any, encoding: str | None = None) -> list[str]:
        self.calls.append(("read", filenames))
        self.read_dict({"DEFAULT": {"extends": "a.ini\nb.ini", "overrides": "c.ini"}, "s": {"k": "v"}})
        self.read_file(io.StringIO(""), "name.ini")
        return []

    def _extend(self, filename: str, override: bool = False) -> None:
        self.calls.append(("_extend", filename, override))


def test_konfig_reads_a_named_file_by_read_and_names_other_files_to_extend() -> None:
    recorder = Recorder("name.ini")
    assert recorder.filename == "name.ini", CHANGED.format("Config.filename is not the file's name")
    assert recorder.calls[:2] == ["_configparser_kwargs", ("read", "name.ini")], CHANGED.format(
        "Config.__init__ does not call _configparser_kwargs and then read with the file's name"
    )
    extended = [call for call in recorder.calls if call[0] == "_extend"]
    assert [call[2] for call in extended] == [False, True], CHANGED.format(
        "Config._read does not call _extend(names, override) for extends, then for overrides"
    )
    assert recorder.get("s", "k") == "v", CHANGED.format("reading an empty file removes what was set before")


def test_konfig_gives_its_interpolation_to_the_parser() -> None:
    interpolation = Recorder("name.ini")._interpolation
    assert isinstance(interpolation, konfig.ExtendedEnvironmentInterpolation), CHANGED.format(
        "Config._configparser_kwargs does not hold the interpolation"
    )
    assert isinstance(interpolation.environment, dict), CHANGED.format(
        "ExtendedEnvironmentInterpolation.environment does not hold the variables"
    )
    assert callable(interpolation._unserialize), CHANGED.format(
        "ExtendedEnvironmentInterpolation._unserialize is gone: types may be guessed"
    )


def test_configparser_expands_by_interpolate_some() -> None:
    function = getattr(configparser.ExtendedInterpolation, "_interpolate_some", None)
    assert function is not None, PARSER_CHANGED.format("ExtendedInterpolation._interpolate_some is gone")
    parameters = list(inspect.signature(function).parameters)
    expected = ["self", "parser", "option", "accum", "rest", "section", "map", "depth"]
    assert parameters == expected, PARSER_CHANGED.format("the parameters of _interpolate_some differ")


@pytest.mark.parametrize("text", ["0123", "1.10", "true", '"quoted"', "a$b", "$$", "50%"])
def test_no_type_is_guessed_and_no_text_is_changed(text: str) -> None:
    reader = Reader("x.ini", {"s": {"k": text}}, lambda *arguments: None)
    assert reader.expanded("s", "k") == text.replace("$$", "$")


def test_reader_reports_files_in_order_with_the_directory_of_the_first() -> None:
    asked = []
    texts = {"DEFAULT": {"extends": "${HERE}/a.ini\nb.ini", "overrides": "c.ini"}, "s": {}}
    Reader("/srv/x.ini", texts, lambda reader, names, override: asked.append((names, override)))
    assert asked == [("/srv/a.ini\nb.ini", False), ("c.ini", True)]


def test_text_that_was_put_in_is_not_expanded() -> None:
    reader = Reader("x.ini", {"s": {}}, lambda *arguments: None)
    reader.put("t", "k", "${NOWHERE} $$ $")
    assert reader.expanded("t", "k") == "${NOWHERE} $$ $"


def test_placeholder_without_end_is_explained() -> None:
    reader = Reader("x.ini", {"s": {"k": "a${b"}}, lambda *arguments: None)
    with pytest.raises(PlaceholderError, match="does not end"):
        reader.expanded("s", "k")


def test_configparser_asks_for_the_names_of_a_section_by_items() -> None:
    class Asked(Reader):
        asked: list[Any] = []  # noqa: RUF012

        def items(self, *arguments: Any, **options: Any) -> Any:
            self.asked.append((arguments, options))
            return super().items(*arguments, **options)

    reader = Asked("x.ini", {"s": {"k": "${s:d}", "d": "$"}}, lambda *arguments: None)
    assert reader.expanded("s", "k") == "$"
    assert reader.asked == [(("s",), {"raw": True})], PARSER_CHANGED.format(
        "_interpolate_some does not call items(section, raw=True): large files may take very long"
    )
