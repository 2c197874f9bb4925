"""Refuses answers that would make a broken service: one line for each, before anything is written."""

import builtins
import json
import keyword
import re
import sys

answers = json.loads(r"""{{ cookiecutter | tojson }}""")

# Packages that a service installs and that its tests need, and the directory of its tests.
USED = """
    alembic apispec bandit blinker click coverage debonair flask flask-migrate flask-script-ng flask-smorest
    flask-sqlalchemy flask-swagger-ui greenlet gunicorn itsdangerous jinja2 konfig mako marshmallow markupsafe
    orjson packaging pip prometheus-client pytest rich ruff setuptools six sphinx sqlalchemy test tests
    typing-extensions webargs werkzeug
"""

# Users that Debian's base-passwd makes, and commands that every Debian has: the service would have the same.
OF_DEBIAN = """
    adduser apt apt-get awk backup bash bin cat chmod chown cp daemon dash date dd df dir dpkg echo env false
    find games grep gzip hostname id init ip irc kill less link list login lp ls mail man mkdir mount mv news
    nobody passwd perl proxy ps pwd python3 reboot rm root run-parts sed sh shutdown sleep sort su sync sys
    systemctl
    systemd tail tar tee touch true tty uname uucp wc whoami www-data xargs
"""

# What YAML 1.1 and Hiera take for a truth value or nothing.
WORDS_OF_YAML = "yes no on off true false null y n"

slug = answers["project_slug"]
package = slug.replace("-", "_")
port = answers["port"]
faults = []

if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", slug):
    known = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-") or "my-service"
    faults.append(
        f"project_slug {slug!r}: use lower-case letters, digits and single hyphens, such as {known!r}"
    )
elif not 2 <= len(slug) <= 31:
    faults.append(f"project_slug {slug!r}: use 2 to 31 characters, the limit of a user's name on Debian")
elif package in sys.stdlib_module_names or keyword.iskeyword(package) or hasattr(builtins, package):
    faults.append(f"project_slug {slug!r}: {package} has a meaning in Python already; choose another")
elif slug in USED.split():
    faults.append(f"project_slug {slug!r}: this is the name of a package that it uses; choose another")
elif slug in WORDS_OF_YAML.split():
    faults.append(f"project_slug {slug!r}: YAML reads this word as a truth value or null; choose another")
elif slug in OF_DEBIAN.split():
    faults.append(f"project_slug {slug!r}: Debian has a user or a command of this name; choose another")
elif slug in ("common", "source", "rules", "control", "changelog", "copyright"):
    faults.append(f"project_slug {slug!r}: this is the name of a file in debian/; choose another")

if not re.fullmatch(r"[1-9][0-9]{3,4}", port) or not 1024 <= int(port) <= 65535:
    faults.append(f"port {port!r}: use a number from 1024 to 65535")
if not re.fullmatch(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){1,2}", answers["version"]):
    faults.append(
        f"version {answers['version']!r}: use numbers without leading zeros and dots, such as '0.1.0'"
    )
if not re.fullmatch(r"[^\s<>@,;()]+@[^\s<>@,;()]+", answers["email"]) or not answers["email"].isprintable():
    faults.append(f"email {answers['email']!r}: use an address such as 'you@example.org'")
if answers["sample"] not in ("yes", "no"):
    faults.append(f"sample {answers['sample']!r}: use yes, or no for a service without the sample")
for name in ("project_name", "project_short_description", "full_name"):
    text = answers[name]
    if not text.strip() or not text.isprintable():
        faults.append(f"{name} {text!r}: use one line of text")
    elif len(text) > 72:
        faults.append(f"{name}: {len(text)} characters are too many for a title; use at most 72")
if re.match(r"\s*(file|attr):", answers["project_short_description"]):
    faults.append(
        "project_short_description: setuptools reads a text that begins with file: or attr:; reword it"
    )
if re.search(r"[<>]", answers["full_name"]):
    faults.append(f"full_name {answers['full_name']!r}: leave out < and >, which enclose the address")

for fault in faults:
    print(f"error: {fault}", file=sys.stderr)
sys.exit(1 if faults else 0)
