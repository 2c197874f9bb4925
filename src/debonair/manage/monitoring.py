"""The command ``monitoring``."""

from __future__ import annotations

from importlib.resources import files

from debonair.room import Argument, Context

_FILES = {"alerts": "alerts.yml", "dashboard": "dashboard.json"}


class Monitoring:
    """Print the alerting rules for Prometheus, or the dashboard for Grafana, of the service."""

    arguments = (Argument("what", choices=list(_FILES), help="what to print"),)
    needs_app = False

    def run(self, context: Context, what: str) -> None:
        """Print the file with the service's name in it."""
        text = files("debonair").joinpath("monitoring", _FILES[what]).read_text()
        print(text.replace("@SERVICE@", context.service.name), end="")
