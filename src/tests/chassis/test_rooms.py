"""Rooms: the chassis's own, and a service's by the same contract."""

from __future__ import annotations

import importlib.metadata
import inspect
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from flask import Flask

import debonair
from debonair import rooms
from debonair.errors import CommandError
from debonair.names import Service
from debonair.room import Room, resolve
from debonair.settings import ServerSection, Settings
from debonair.web.health import monitor_of
from tests.support import chassis_settings

Factory = Callable[..., Flask]


class Greeting(debonair.Section, name="greeting"):
    """Greetings."""

    word = debonair.option(str, default="Hello", help="The word to greet with.")


def init_greeting(app: Flask, settings: Settings, service: Service) -> None:
    app.add_url_rule("/greet", "greet", lambda: settings[Greeting].word)


def check_greeting(app: Flask) -> Callable[[], None]:
    def check() -> None:
        raise debonair.UnhealthyError("nobody to greet")

    return check


GREETING = Room("greeting", sections=(Greeting,), init_app=init_greeting, checks={"greeting": check_greeting})


def settings_with(*own: debonair.Section, tmp_path: Path) -> Settings:
    chassis = chassis_settings(database={"uri": f"sqlite:///{tmp_path}/test.db"})
    return Settings([*chassis, *own])


def test_room_of_a_service_adds_routes_settings_and_checks(tmp_path: Path) -> None:
    settings = settings_with(Greeting(word="Ahoy"), tmp_path=tmp_path)
    app = debonair.create_app("debonair", settings, rooms=[GREETING])
    assert app.test_client().get("/greet").text == "Ahoy"
    assert monitor_of(app).run_once()["checks"]["greeting"]["error"] == "nobody to greet"


def test_sections_of_a_room_are_sections_of_the_service() -> None:
    assert Greeting in rooms.sections([GREETING])


def test_settings_without_the_section_of_a_room_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the settings lack \[greeting\] of the room 'greeting'"):
        debonair.create_app("debonair", settings_with(tmp_path=tmp_path), rooms=[GREETING])


def test_package_that_a_room_does_not_find_is_an_error_that_names_the_extra(tmp_path: Path) -> None:
    def init_app(app: Flask, settings: Settings, service: Service) -> None:
        raise ModuleNotFoundError("No module named 'pika'", name="pika")

    queue = Room("queue", init_app=init_app, extra="rabbitmq")
    with pytest.raises(CommandError, match=r"queue needs the package pika: install debonair\[rabbitmq\]"):
        debonair.create_app("debonair", settings_with(tmp_path=tmp_path), rooms=[queue])


def test_room_that_is_declared_and_not_given_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debonair, "ROOMS", (GREETING,), raising=False)
    settings = settings_with(Greeting(), tmp_path=tmp_path)
    with pytest.raises(ValueError, match="ROOMS names the room 'greeting', which create_app is not given"):
        debonair.create_app("debonair", settings)


def test_two_rooms_of_one_name_are_refused(tmp_path: Path) -> None:
    settings = settings_with(Greeting(), tmp_path=tmp_path)
    with pytest.raises(ValueError, match="two rooms are named 'greeting'"):
        debonair.create_app("debonair", settings, rooms=[GREETING, GREETING])


def test_two_sections_of_one_name_are_refused() -> None:
    class Server(debonair.Section, name="server"):
        """Another server."""

    with pytest.raises(ValueError, match=r"two sections are named \[server\]"):
        rooms.sections((), [Server])
    assert ServerSection in rooms.sections()


@pytest.mark.parametrize("room", rooms.chassis(), ids=lambda room: room.name)
def test_everything_that_a_room_of_the_chassis_names_exists(room: Room) -> None:
    if room.init_app is not None:
        assert list(inspect.signature(resolve(room.init_app)).parameters) == ["app", "settings", "service"]
    for target in room.checks.values():
        assert list(inspect.signature(resolve(target)).parameters) == ["app"]
    for command in room.commands.values():
        target = resolve(command.target)
        assert isinstance(target, click.Command) or hasattr(target, "run"), command.target
    if room.extra is not None:
        assert room.extra in importlib.metadata.metadata("debonair").get_all("Provides-Extra", [])
