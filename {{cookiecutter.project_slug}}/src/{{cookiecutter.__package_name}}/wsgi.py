"""For a WSGI server of your choice: ``{{ cookiecutter.__package_name }}.wsgi:app``."""

import debonair

app = debonair.load_app("{{ cookiecutter.__package_name }}")
