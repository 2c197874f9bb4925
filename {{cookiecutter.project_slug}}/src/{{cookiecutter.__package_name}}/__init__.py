"""{{ cookiecutter.project_slug }}: a Flask service on the Debonair chassis."""
