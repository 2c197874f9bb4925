"""Alerts and dashboard: what they ask for is what ``/metrics`` has, and Prometheus can read it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from debonair.web import metrics
from tests.support import ROOT

DATA = ROOT / "src" / "debonair" / "monitoring"


def known() -> set[str]:
    """Return the names of all series that the chassis has, Prometheus's own ``up`` among them."""
    described: list[Metric] = [
        metric
        for item in vars(metrics).values()
        if isinstance(item, MetricWrapperBase)
        for metric in item.describe()
    ]
    return {
        f"{metric.name}{suffix}" for metric in described for suffix in ("", "_total", "_bucket", "_count")
    } | {"up"}


def asked(text: str) -> set[str]:
    return set(re.findall(r"([a-z_]+)\\?\{job=", text))


@pytest.mark.parametrize("name", ["alerts.yml", "dashboard.json"])
def test_every_series_that_is_asked_for_exists(name: str) -> None:
    text = (DATA / name).read_text()
    assert asked(text)
    assert asked(text) <= known()


def test_dashboard_is_json_with_a_query_in_each_panel() -> None:
    dashboard = json.loads((DATA / "dashboard.json").read_text())
    assert all(panel["targets"][0]["expr"] for panel in dashboard["panels"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is missing: apt-get install prometheus")
def test_prometheus_accepts_the_alerts(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text((DATA / "alerts.yml").read_text().replace("@SERVICE@", "orders"))
    ran = subprocess.run(
        ["promtool", "check", "rules", str(rules)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "5 rules found" in ran.stdout


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is missing: apt-get install prometheus")
def test_prometheus_accepts_the_metrics() -> None:
    from prometheus_client import generate_latest

    exposed = generate_latest(metrics.REGISTRY)
    ran = subprocess.run(["promtool", "check", "metrics"], input=exposed, capture_output=True, check=False)
    own = [
        line
        for line in ran.stderr.decode().splitlines()
        if line.startswith(("http_", "health_", "function_"))
    ]
    assert own == []
