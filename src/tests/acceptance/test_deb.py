"""The Debian package of a baked service: what is in it, and when it must not be built at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from debonair.deb import facts
from debonair.names import Service
from tests.acceptance import builds, provision

pytestmark = pytest.mark.acceptance

TEMPLATE = provision.CHECKOUT / "{{cookiecutter.project_slug}}"
BUILD = builds.SCRIPTS / "build"
#: Left behind in the copies of a service.
LEFTOVERS = (".venv", "build", "dist")


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what a command prints, or fail with it."""
    ran = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert ran.returncode == 0, f"{command}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def refusal(service: Path, environment: Mapping[str, str]) -> str:
    """Return the one line with which a build stops that must not go on."""
    ran = subprocess.run(
        [BUILD], cwd=service, env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert ran.returncode == 1, ran.stdout
    assert not list(service.glob("dist/*.deb"))
    lines = [line for line in ran.stderr.splitlines() if not line.endswith(" packages")]
    assert len(lines) == 1, ran.stderr
    return lines[0]


@pytest.fixture(scope="module")
def tree(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the unpacked package."""
    directory = tmp_path_factory.mktemp("unpacked")
    run("dpkg-deb", "--extract", deb, directory)
    return directory


@pytest.fixture(scope="module")
def name(deb: Path) -> str:
    """Return the name of the service."""
    return run("dpkg-deb", "--field", deb, "Package").strip()


@pytest.fixture
def service(deb: Path, tmp_path: Path) -> Path:
    """Return a copy of the service's source, in a directory with spaces in its name."""
    source = deb.parent.parent
    if not (source / "debian" / "rules").exists():
        pytest.skip(f"{source} is not the source of {deb.name}")

    def leftovers(directory: str, names: list[str]) -> tuple[str, ...]:
        return LEFTOVERS if Path(directory) == source else ()

    return Path(shutil.copytree(source, tmp_path / "a place of its own" / "s", ignore=leftovers))


# -- what is in it ---------------------------------------------------------------------------------


def test_file_is_named_after_package_version_and_architecture(deb: Path) -> None:
    fields = ("Package", "Version", "Architecture")
    assert deb.name == "_".join(run("dpkg-deb", "-f", deb, f).strip() for f in fields) + ".deb"
    assert run("dpkg-deb", "-f", deb, "Architecture") == run("dpkg", "--print-architecture")
    assert deb.with_suffix(".changes").exists()
    assert deb.with_suffix(".buildinfo").exists()


def test_package_depends_on_the_very_python_it_was_built_with(deb: Path, tree: Path) -> None:
    depends = re.split(r",\s*", run("dpkg-deb", "--field", deb, "Depends").strip())
    interpreter = Path("/usr/bin/python3").resolve().name
    assert interpreter in depends
    assert any(depend.startswith("libc6 (>=") for depend in depends)
    links = {os.readlink(link) for link in tree.glob("opt/venvs/*/bin/python*")}
    assert links == {interpreter, f"/usr/bin/{interpreter}"}


def test_files_are_where_every_service_has_them(tree: Path, name: str) -> None:
    for path in (
        f"opt/venvs/{name}/bin/{name}",
        f"lib/systemd/system/{name}.service",
        f"lib/systemd/system/{name}.socket",
        f"usr/lib/sysusers.d/{name}.conf",
        f"etc/logrotate.d/{name}",
        f"usr/share/man/man1/{name}.1.gz",
        f"usr/share/doc/{name}/copyright",
    ):
        assert (tree / path).is_file() or (tree / "usr" / path).is_file(), path
    assert os.readlink(tree / f"usr/bin/{name}") == f"/opt/venvs/{name}/bin/{name}"
    example = (tree / f"usr/share/doc/{name}/examples/config.ini").read_text()
    assert {"[service]", "[database]"} <= set(example.splitlines())


def test_virtual_environment_holds_nothing_that_only_builds_need(tree: Path, name: str) -> None:
    venv = tree / "opt/venvs" / name
    packages = next(venv.glob("lib/python3*/site-packages"))
    found = {path.name.lower() for path in packages.iterdir()}
    assert not found & {"pip", "setuptools", "wheel", "pkg_resources", "tests"}
    suffixes = {path.suffix for path in packages.rglob("*")}
    assert not suffixes & {".pyi", ".c", ".h", ".pyx", ".pxd"}
    assert not [*venv.glob("include"), *packages.glob("*.dist-info/RECORD")]
    scripts = {path.name for path in (venv / "bin").iterdir() if not path.is_symlink()}
    assert scripts == {name, "gunicorn"}


def test_every_module_has_its_bytecode_which_nobody_checks(tree: Path) -> None:
    library = next(tree.glob("opt/venvs/*/lib/python3*"))
    sources = {path.relative_to(library) for path in library.rglob("*.py")}
    compiled = list(library.rglob("*.pyc"))
    assert sources == {
        path.relative_to(library).parent.parent / f"{path.name.split('.')[0]}.py" for path in compiled
    }
    unchecked = (1).to_bytes(4, "little")  # PEP 552
    assert all(path.read_bytes()[4:8] == unchecked for path in compiled)


def test_no_file_names_the_directory_of_the_build(deb: Path, tree: Path) -> None:
    log = deb.with_suffix(".build").read_text()
    built = re.search(r"Making the virtual environment (.+)/debian/", log)
    assert built
    for needle in (built[1], str(deb.parent.parent)):
        ran = subprocess.run(["grep", "-rlF", needle, tree], capture_output=True, text=True)
        assert ran.stdout == ""


def test_files_belong_to_root_and_none_else_may_write(deb: Path) -> None:
    for line in run("dpkg-deb", "--contents", deb).splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root", line
        assert mode.startswith("l") or (mode[5] == mode[8] == "-" and "s" not in mode), line


def test_service_is_hardened(tree: Path, name: str) -> None:
    unit = next(tree.glob(f"**/systemd/system/{name}.service"))
    rating = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    exposure = re.search(r"Overall exposure level for \S+ (\d+\.\d)", rating)
    assert exposure
    assert float(exposure[1]) <= 1.1


def test_lintian_has_nothing_to_say(deb: Path) -> None:
    ran = subprocess.run([*builds.LINTIAN, deb], capture_output=True, text=True)
    assert builds.complaints(ran.stdout + ran.stderr) == []


# -- how it is built -------------------------------------------------------------------------------


def test_build_elsewhere_is_the_same_to_the_bit(deb: Path, service: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch-of-another-length"
    scratch.mkdir()
    other = {"TMPDIR": str(scratch), "TZ": "Asia/Kathmandu", "LC_ALL": "C", "HOME": str(tmp_path)}
    cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    command = f"umask 077 && exec '{BUILD}'"
    environment = {**os.environ, **other, "XDG_CACHE_HOME": cache}
    ran = subprocess.run(
        ["bash", "-c", command], cwd=service, env=environment, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    again = service / "dist" / deb.name
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (deb, again)}
    assert len(digests) == 1
    assert list(scratch.iterdir()) == []


def test_versions_that_disagree_stop_the_build(service: Path) -> None:
    changelog = service / "debian" / "changelog"
    changelog.write_text(re.sub(r"\(.+?\)", "(9.9)", changelog.read_text(), count=1))
    assert re.search(
        r"setup\.cfg has version 0\.1\.0, but debian/changelog names 9\.9 instead", refusal(service, {})
    )


def test_history_that_disagrees_stops_the_build(service: Path) -> None:
    history = service / "HISTORY.rst"
    history.write_text(re.sub(r"(?m)^\d\S* \(", "9.9 (", history.read_text(), count=1))
    assert re.search(r"HISTORY\.rst names 9\.9 instead of", refusal(service, {}))


def test_changed_hash_stops_the_build_and_names_the_package(service: Path, tmp_path: Path) -> None:
    lock = service / "requirements.txt"
    text, count = re.subn(
        r"(?m)^(itsdangerous==.+)\n(    --hash=.+\n)+",
        rf"\1\n    --hash=sha256:{'0' * 64}\n",
        lock.read_text(),
    )
    assert count == 1
    lock.write_text(text)
    line = refusal(service, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert re.search(r"itsdangerous==.*: .* hash", line)


def test_missing_hash_stops_the_build_and_names_package_and_line(service: Path) -> None:
    lock = service / "requirements.txt"
    text, _ = re.subn(r"(?m)^(itsdangerous==\S+).*\n(    --hash=.+\n)+", r"\1\n", lock.read_text())
    lock.write_text(text)
    number = [line.startswith("itsdangerous") for line in text.splitlines()].index(True) + 1
    assert f"requirements.txt:{number}: itsdangerous" in refusal(service, {})


def test_changed_vendored_chassis_stops_the_build(service: Path, tmp_path: Path) -> None:
    wheels = list(service.glob("vendor/*.whl"))
    if not wheels:
        pytest.skip("this service takes the chassis from elsewhere")
    wheels[0].write_bytes(wheels[0].read_bytes() + b"\0")
    line = refusal(service, {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert re.search(r"debonair.*: .* hash", line)


def test_branch_in_place_of_a_revision_stops_the_build(service: Path) -> None:
    with (service / "requirements.txt").open("a") as lock:
        lock.write("thing @ git+https://example.org/thing.git@main\n")
    assert "thing needs a full revision" in refusal(service, {})


# -- the debhelper sequence ------------------------------------------------------------------------


def test_facts_agree_with_the_names_and_the_files_of_the_package(tree: Path, name: str) -> None:
    found = json.loads((tree / f"usr/share/{name}/facts.json").read_text())
    service = Service(name.replace("-", "_"), Path())
    assert found["paths"] == facts.paths(service)
    assert (found["name"], found["package"], found["user"]) == (name, service.package, name)
    units = {path.name: path.read_text() for path in tree.glob("**/systemd/system/*")}
    assert found["units"] == sorted(units)
    assert f"\nListenStream=127.0.0.1:{found['port']}\n" in units[f"{name}.socket"]
    unit = units[f"{name}.service"]
    assert f"\nConditionPathExists={found['paths']['configuration']}\n" in unit
    assert f"\nExecStart={found['paths']['command']} serve\n" in unit
    assert f"\nUser={found['user']}\n" in unit
    for key, base in (("state", "State"), ("logs", "Logs"), ("runtime", "Runtime")):
        (directory,) = re.findall(rf"(?m)^{base}Directory=(.+)", unit)
        assert Path(found["paths"][key]).name == directory
    users = (tree / f"usr/lib/sysusers.d/{name}.conf").read_text()
    assert re.search(rf'(?m)^u {found["user"]} - ".+" {found["paths"]["state"]} ', users)
    assert f"{found['paths']['logs']}/*.log" in (tree / f"etc/logrotate.d/{name}").read_text()
    assert os.readlink(tree / found["paths"]["command"][1:]).startswith(found["paths"]["virtual_environment"])


def replace_in_wheel(service: Path, member: str, text: str) -> None:
    """Append a text to a file of the vendored chassis, and lock the new wheel."""
    (wheel,) = service.glob("vendor/*.whl")
    before = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with zipfile.ZipFile(wheel) as archive:
        content = {info: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in content.items():
            archive.writestr(info, data + (text.encode() if info.filename == member else b""))
    lock = service / "requirements.txt"
    after = hashlib.sha256(wheel.read_bytes()).hexdigest()
    lock.write_text(lock.read_text().replace(before, after))


def test_service_overrides_parts_and_the_lock_brings_the_others(
    service: Path, name: str, tmp_path: Path
) -> None:
    package = name.replace("-", "_")
    # Own packaging: a unit, a fragment of postinst, and an override of debhelper's.
    (service / f"debian/{name}.service").write_text("[Service]\nExecStart=/bin/true\n")
    (service / f"debian/{name}.postinst").write_text("#!/bin/sh\nset -e\n: own\n#DEBHELPER#\n")
    with (service / "debian" / "rules").open("a") as rules:
        rules.write("override_dh_installlogrotate:\n")
    # A newer chassis, with another manual page.
    replace_in_wheel(service, "debonair/deb/templates/man.1", ".SH NEWER\n")
    # Libraries that are bundled with a wheel.
    libraries = service / "src" / package / "bundled"
    libraries.mkdir()
    shutil.copy(next(Path("/lib").glob("*-linux-gnu/libz.so.1")), libraries / "libz.so.1")
    setup = service / "setup.cfg"
    setup.write_text(
        setup.read_text().replace("    default_config.ini\n", "    default_config.ini\n    bundled/*\n")
    )
    # Tests that fail, and are left out.
    (service / "src/tests/test_failing.py").write_text("def test_failing() -> None:\n    assert 1 == 2\n")
    failed = subprocess.run([BUILD], cwd=service, capture_output=True, text=True)
    assert failed.returncode == 1
    assert "FAILED src/tests/test_failing.py::test_failing" in failed.stderr
    assert "deb: the build failed (log: " in failed.stderr
    environment = {**os.environ, "DEB_BUILD_OPTIONS": "nocheck"}
    ran = subprocess.run([BUILD], cwd=service, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (deb,) = service.glob("dist/*.deb")
    tree = tmp_path / "tree"
    run("dpkg-deb", "--raw-extract", deb, tree)
    (unit,) = tree.glob(f"**/systemd/system/{name}.service")
    assert unit.read_text() == "[Service]\nExecStart=/bin/true\n"
    assert next(tree.glob(f"**/systemd/system/{name}.socket")).is_file()
    postinst = (tree / "DEBIAN" / "postinst").read_text()
    assert postinst.index(": own") < postinst.index("systemd-sysusers") < postinst.index("debonair_prepare")
    assert not (tree / "etc/logrotate.d").exists()
    assert "NEWER" in run("zcat", tree / f"usr/share/man/man1/{name}.1.gz")
    assert list(tree.glob("opt/venvs/**/bundled/libz.so.1"))
    assert not {"shlibs", "triggers"} & {path.name for path in (tree / "DEBIAN").iterdir()}
    assert not list(tree.glob("**/test_failing*"))


# -- the lock --------------------------------------------------------------------------------------


def test_lock_has_every_requirement_of_the_chassis() -> None:
    setup = (provision.CHECKOUT / "setup.cfg").read_text()
    block = re.search(r"(?m)^install_requires =\n((?:    .+\n)+)", setup)
    assert block
    wanted = {re.split(r"[<>=!~\[]", line.strip())[0].lower() for line in block[1].splitlines()}
    locked = re.findall(r"(?m)^([\w.-]+)==", (provision.CHECKOUT / "requirements.txt").read_text())
    assert wanted <= set(locked)
