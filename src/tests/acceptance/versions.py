"""Other versions of the package of the sample service, made from the built one in a second each.

Every version has two routes more than the sample: ``/slow`` answers after a while, and ``/late`` tells
the version of the code that answers and that of a module which it imports only then.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.repository import repack

Edit = Callable[[Path], None]

SLOW = 2.0

ROUTES = '''

@checkins.get("/slow")
def slow() -> dict[str, Any]:
    """Answer after a while."""
    import time

    time.sleep({slow})
    return {{"slow": True}}


@checkins.get("/late")
def late() -> dict[str, Any]:
    """Tell the versions of this module and of one that is imported now."""
    from {package} import late_module

    return {{"here": "{version}", "there": late_module.VERSION}}
'''

MIGRATION = '''"""A migration of version {version}."""

from alembic import op

revision = "{revision}"
down_revision = "{previous}"


def upgrade() -> None:
    {step}


def downgrade() -> None:
    op.execute("DROP TABLE IF EXISTS later")
'''


def make(deb: Path, directory: Path, version: str, *edits: Edit) -> Path:
    """Return the package of ``version``, with what ``edits`` change in its package's directory."""
    name = deb.name.partition("_")[0]
    package = name.replace("-", "_")

    def edit(tree: Path) -> None:
        (site,) = tree.glob(f"opt/venvs/{name}/lib/python3*/site-packages")
        (metadata,) = site.glob(f"{package}-*.dist-info/METADATA")
        metadata.write_text(re.sub(r"(?m)^Version: .*", f"Version: {version}", metadata.read_text()))
        metadata.parent.rename(site / f"{package}-{version}.dist-info")
        routes = ROUTES.format(package=package, version=version, slow=SLOW)
        append("views.py", routes)(site / package)
        (site / package / "late_module.py").write_text(f'VERSION = "{version}"\n')
        for change in edits:
            change(site / package)

    architecture = deb.stem.rpartition("_")[2]
    return repack(deb, directory / f"{name}_{version}_{architecture}.deb", version, edit)


def append(module: str, text: str) -> Edit:
    """Return an edit that adds ``text`` to a module, whose bytecode nobody would find outdated."""

    def edit(package: Path) -> None:
        with (package / module).open("a", encoding="utf-8") as file:
            file.write(text)
        for compiled in (package / module).parent.glob(f"__pycache__/{Path(module).stem}.*.pyc"):
            compiled.unlink()

    return edit


def migration(version: str, step: str) -> Edit:
    """Return an edit that adds a migration which does ``step``."""

    def edit(package: Path) -> None:
        versions = package / "migrations" / "versions"
        texts = [path.read_text(encoding="utf-8") for path in versions.glob("*.py")]
        revisions = {match[1] for text in texts if (match := re.search(r'(?m)^revision\b.*"(.+)"', text))}
        parents = {match[1] for text in texts if (match := re.search(r'(?m)^down_revision\b.*"(.+)"', text))}
        (head,) = revisions - parents
        revision = f"later{version.replace('.', '')}"
        text = MIGRATION.format(version=version, revision=revision, previous=head, step=step)
        (versions / f"{revision}.py").write_text(text, encoding="utf-8")

    return edit
