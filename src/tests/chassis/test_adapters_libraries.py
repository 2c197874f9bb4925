"""What our adapters of flask-smorest, Flask-SQLAlchemy and psycopg rely on beyond their documentation.

When one of these tests fails, the library has changed: adapt the module that the message names.
"""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask_smorest
import flask_sqlalchemy
import psycopg
import pytest
import sqlalchemy

from debonair.database import pooled
from debonair.database.engine import db

OPENAPI = "debonair.api.openapi"
ENGINE = "debonair.database.engine"
HANG_GUARD = "debonair.database.hang_guard"


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("owner", "name", "expected"),
    [
        (
            flask_smorest.Blueprint,
            "register_views_in_doc",
            ["self", "api", "app", "spec", "name", "parameters"],
        ),
        (flask_smorest.Api, "_register_error_handlers", ["self"]),
        (flask_smorest.Api, "_register_responses", ["self"]),
        (
            flask_smorest.Api,
            "_init_spec",
            [
                "self",
                "flask_plugin",
                "marshmallow_plugin",
                "extra_plugins",
                "title",
                "version",
                "openapi_version",
                "options",
            ],
        ),
    ],
)
def test_flask_smorest_has_the_methods_that_the_adapter_overrides_or_calls(
    owner: type, name: str, expected: list[str]
) -> None:
    method = getattr(owner, name, None)
    assert method is not None, f"{owner.__name__}.{name} is gone from flask-smorest: adapt {OPENAPI}"
    assert parameters(method) == expected, f"{owner.__name__}.{name} has other parameters: adapt {OPENAPI}"


@pytest.mark.parametrize("used", ["DEFAULT_RESPONSE_CONTENT_TYPE", "ERROR_SCHEMA"])
def test_flask_smorest_has_the_attributes_that_the_adapter_sets(used: str) -> None:
    assert hasattr(flask_smorest.Api, used), f"Api.{used} is gone from flask-smorest: adapt {OPENAPI}"


def test_flask_smorest_keeps_its_apis_where_the_adapter_finds_them(app: Any) -> None:
    extension = app.extensions["flask-smorest"]
    assert isinstance(extension["apis"][""]["ext_obj"], flask_smorest.Api), f"adapt {OPENAPI}._Api.add"
    assert isinstance(extension["blp_name_to_api"], dict), f"adapt {OPENAPI}._Api.add"


def test_marshmallow_compiles_no_expression_for_addresses_before_one_is_validated() -> None:
    program = """if True:
        from debonair.api import email_domain
        from marshmallow import fields, validate
        found = type(validate.Email.DOMAIN_REGEX)
        assert found is email_domain.Deferred, "marshmallow has changed: adapt or drop email_domain"
        email = fields.Email()
        for address in ("a@b.org", "a@m\u00fcnchen.de", "a@M\u00dcNCHEN.de", "a@[127.0.0.1]"):
            assert email.deserialize(address) == address
        for address in ("a@b", "a@-b.org", "a b@c.org"):
            try:
                email.deserialize(address)
            except Exception as error:
                assert type(error).__name__ == "ValidationError"
            else:
                raise AssertionError(address)
        compiled = validate.Email.DOMAIN_REGEX
        assert compiled.pattern.startswith("(?:") and compiled.fullmatch("b.org")
        import re
        assert type(re.compile("[\u00a1-\uffff]", re.IGNORECASE)) is re.Pattern
    """
    subprocess.run([sys.executable, "-c", program], check=True)


def test_psycopg_waits_through_the_method_that_the_adapter_overrides() -> None:
    wait = getattr(psycopg.Connection, "wait", None)
    assert wait is not None, f"Connection.wait is gone from psycopg: adapt {HANG_GUARD}"
    assert parameters(wait)[:2] == ["self", "gen"], f"its parameters changed: adapt {HANG_GUARD}"
    source = inspect.getsource(psycopg.Cursor.execute)
    assert "self._conn.wait(" in source, f"a cursor no longer waits by its connection: adapt {HANG_GUARD}"


def test_psycopg_sends_something_false_while_a_socket_is_not_ready() -> None:
    from psycopg import waiting

    default = inspect.signature(psycopg.Connection.wait).parameters["interval"].default
    assert 0 < default <= 1, f"psycopg wakes a wait every {default} s: adapt {HANG_GUARD}"
    assert hasattr(waiting, "wait"), f"psycopg.waiting.wait is gone: adapt {HANG_GUARD}"


def test_flask_sqlalchemy_ends_sessions_in_the_method_that_the_adapter_overrides(app: Any) -> None:
    method = getattr(flask_sqlalchemy.SQLAlchemy, "_teardown_session", None)
    assert method is not None, f"SQLAlchemy._teardown_session is gone: adapt {ENGINE}"
    assert parameters(method) == ["self", "exc"], f"its parameters changed: adapt {ENGINE}"
    assert db._teardown_session in app.teardown_appcontext_funcs, f"it is not called: adapt {ENGINE}"
    with app.app_context():
        db.session.execute(sqlalchemy.text("SELECT 1"))
        assert db.session.registry.has()
        assert db.engine.pool.checkedout() == 1  # type: ignore[attr-defined]
    with app.app_context():
        assert not db.session.registry.has()
        assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_connection_is_taken_from_the_pool_and_given_back(tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(
        f"sqlite:///{tmp_path}/pool.db", pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    pool: Any = engine.pool
    first = pooled.take(engine)
    assert type(first) is pooled.Pooled and pool.checkedout() == 1
    with pytest.raises(sqlalchemy.exc.TimeoutError):
        pooled.take(engine)
    first.execute("CREATE TABLE t (a)")
    first.execute("BEGIN")
    first.execute("INSERT INTO t VALUES (1)")
    own = first.driver_connection
    first.close()
    first.close()
    assert pool.checkedout() == 0
    second = pooled.take(engine)
    assert second.driver_connection is own
    assert second.execute("SELECT count(*) FROM t").fetchone() == (0,)
    second.invalidate()
    second.close()
    third = pooled.take(engine)
    assert third.driver_connection is not own and pool.checkedout() == 1
    del second, third
    assert pool.checkedout() == 0
    engine.dispose()


def test_listeners_of_a_pool_are_called(tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path}/pool.db")
    calls: list[str] = []
    for name in ("checkout", "checkin"):
        sqlalchemy.event.listen(engine, name, lambda *_, name=name: calls.append(name))
    pooled.take(engine).close()
    assert calls == ["checkout", "checkin"]
    engine.dispose()
