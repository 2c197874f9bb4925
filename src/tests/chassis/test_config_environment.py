"""Variables of the environment: those that set options, and those of other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from debonair import config, rooms
from debonair.names import Service
from debonair.settings import ServerSection

Load = Callable[..., config.Configuration]


def test_misspelt_variable_is_a_fault(faults: Any) -> None:
    assert faults("", {"ORDERS_SERVER_PROT": "1", "OTHER_SERVER_PROT": "1"}) == [
        "environment ORDERS_SERVER_PROT: stands for no key of any section: did you mean 'ORDERS_SERVER_PORT'?"
    ]


def test_variables_of_an_orchestrator_for_a_service_of_this_name_are_left_alone(load: Load) -> None:
    load("", {"ORDERS_SERVICE_HOST": "10.0.0.1", "ORDERS_PORT_80_TCP": "tcp://10.0.0.1:80"})


def test_file_is_found_by_the_variable(package: Path, tmp_path: Path) -> None:
    service = Service.of("orders")
    assert config.configuration_file(service, {"ORDERS_CONFIG": "/x.ini"}) == Path("/x.ini")
    assert config.configuration_file(service, {}) is None


def test_checkout_reads_the_file_beside_setup_cfg(orders: ModuleType, package: Path) -> None:
    service, file = Service.of("orders"), package.parents[1] / "config.ini"
    file.write_text("[server]\nport = 7001\n")
    assert config.configuration_file(service, {}) == file
    assert config.configuration_file(service, {"ORDERS_CONFIG": "/x.ini"}) == Path("/x.ini")
    loaded = config.load(service, rooms.sections(*rooms.declared(orders)), environ={})
    assert loaded.settings[ServerSection].port == 7001
    assert loaded.origins["server", "port"] == f"{file}:2"


def test_installed_service_reads_etc_only(package: Path, tmp_path: Path) -> None:
    (tmp_path / "config.ini").write_text("[server]\nport = 7001\n")
    assert config.configuration_file(Service("orders", package), {}) is None


def links(name: str) -> dict[str, str]:
    """Return what Kubernetes sets for a service of this name (its documentation, "Service", "Discovery")."""
    return {
        f"{name}_SERVICE_HOST": "10.0.0.11",
        f"{name}_SERVICE_PORT": "6379",
        f"{name}_SERVICE_PORT_HTTP": "6379",
        f"{name}_PORT": "tcp://10.0.0.11:6379",
        f"{name}_PORT_6379_TCP": "tcp://10.0.0.11:6379",
        f"{name}_PORT_6379_TCP_PROTO": "tcp",
        f"{name}_PORT_6379_TCP_PORT": "6379",
        f"{name}_PORT_6379_TCP_ADDR": "10.0.0.11",
    }


@pytest.mark.parametrize("name", ["ORDERS", "ORDERS_API", "ORDERS_SERVICE", "ORDERS_SERVER"])
def test_links_of_kubernetes_are_ignored(load: Load, name: str) -> None:
    configuration = load("", links(name))
    assert configuration.settings[ServerSection].port == 5000


def test_link_of_docker_is_ignored(load: Load) -> None:
    load(
        "",
        {
            "ORDERS_DB_PORT": "tcp://172.17.0.5:5432",
            "ORDERS_DB_PORT_5432_TCP_ADDR": "172.17.0.5",
            "ORDERS_DB_NAME": "/web/db",
            "ORDERS_DB_ENV_PASSWORD": "x",
        },
    )


def test_misspelt_variable_is_a_fault_beside_links(faults: Any) -> None:
    found = faults("", {**links("ORDERS_API"), "ORDERS_SEVER_PORT": "80", "ORDERS_API_TOKEN": "x"})
    assert [fault.partition(":")[0] for fault in found] == [
        "environment ORDERS_API_TOKEN",
        "environment ORDERS_SEVER_PORT",
    ]


@pytest.mark.parametrize(
    "variable",
    [
        "NOTIFY_SOCKET", "JOURNAL_STREAM", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_USEC",
        "WATCHDOG_PID", "STATE_DIRECTORY", "LOGS_DIRECTORY", "RUNTIME_DIRECTORY", "CACHE_DIRECTORY",
        "CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE",
        "INVOCATION_ID", "SYSTEMD_EXEC_PID",
    ],
)  # fmt: skip
def test_variables_of_systemd_are_ignored(variable: str, tmp_path: Path) -> None:
    service = Service(variable.partition("_")[0].lower(), tmp_path, project=tmp_path)
    assert variable.startswith(service.environment_prefix)
    config.load(service, rooms.sections(), environ={variable: str(tmp_path)})


def test_credentials_directory_that_is_missing_is_a_fault(faults: Any, tmp_path: Path) -> None:
    assert faults("", {"CREDENTIALS_DIRECTORY": str(tmp_path / "gone")}) == [
        "environment CREDENTIALS_DIRECTORY: gone cannot be read: no such file or directory"
    ]
