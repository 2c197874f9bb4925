"""The command ``openapi``."""

from __future__ import annotations

import json

from debonair.room import Argument, Context


class OpenApi:
    """Print the OpenAPI document that the service publishes."""

    arguments: tuple[Argument, ...] = ()
    needs_app = True

    def run(self, context: Context) -> None:
        """Print the response to ``/openapi.json``."""
        response = context.app.test_client().get("/openapi.json")
        print(json.dumps(response.get_json(), indent=2, ensure_ascii=False))
