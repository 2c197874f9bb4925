"""The sample service with one more endpoint, which returns a constant.

As a program it has the commands of the service. Imported, it has the application as ``serve`` makes it.
"""

import os

from example_service import application

_create_app = application.create_app


def create_app(settings):
    made = _create_app(settings)
    made.add_url_rule("/trivial", "trivial", lambda: {"hello": "world"})
    return made


application.create_app = create_app

if __name__ == "__main__":
    from example_service.manage import manager

    manager.run()
else:
    from debonair import config
    from debonair.logs import gathered, setup
    from debonair.names import Service
    from debonair.rooms import sections
    from debonair.settings import LogSection

    configuration = config.load(
        Service.of("example_service"),
        sections((), application.SECTIONS),
        environ={},
        overrides=[f"database.uri={os.environ['BENCH_URI']}", f"log.file={os.environ['BENCH_LOG']}"],
    )
    setup.configure(configuration.settings[LogSection], configuration.service, server=True)
    gathered.begin()  # as a worker does
    app = create_app(configuration.settings)
