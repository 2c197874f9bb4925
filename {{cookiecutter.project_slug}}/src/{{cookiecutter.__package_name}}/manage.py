"""The commands: ``python src/{{ cookiecutter.__package_name }}/manage.py``, or ``{{ cookiecutter.project_slug }}`` once installed."""

import debonair

manager = debonair.Manager("{{ cookiecutter.__package_name }}")

{% if cookiecutter.sample == "yes" %}
@manager.command
def forget(user: str) -> None:
    """Delete all check-ins of a user."""
    from {{ cookiecutter.__package_name }} import models

    print(f"{models.forget(user)} check-ins of {user} deleted.")

{% endif %}
if __name__ == "__main__":
    manager.run()
