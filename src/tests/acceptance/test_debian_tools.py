"""Debian's own tools on the package: piuparts in a bare Debian, autopkgtest on a booted one.

Both install from a signed repository that was published as users publish theirs: piuparts finds there the
version before, and autopkgtest the package itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import builds, versions
from tests.acceptance import host as hosts

pytestmark = pytest.mark.acceptance

APT = "/srv/apt"
#: Any version that sorts before the built one.
OLD = "0.0.1~before"

#: What is left, or linked to a file that is not there, by the installation and purge of systemd alone, as
#: piuparts finds: our package depends on it, so it comes and goes with ours. The links and debconf's scratch
#: directory are of Debian 13.
OTHERS_LEAVE = (
    r"^/(root/\.ssh/|var/(cache|lib|log)/private/|var/lib/systemd/(coredump|pstore)/"
    r"|etc/vconsole\.conf|etc/default/locale|var/cache/debconf/tmp\.ci/)$"
)

#: What of this machine lets apt trust an https mirror, unless its configuration names another file.
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

#: autopkgtest's way to the host, in the words of its README.virtualisation-server. A test host is what that
#: calls a container.
SERVER = """#!/usr/bin/python3
import sys

sys.path.insert(0, "/usr/share/autopkgtest/lib")
import VirtSubproc


def hook_open():
    VirtSubproc.auxverb = {enter!r}


def hook_capabilities():
    return ["root-on-testbed", "isolation-container"]


def hook_downtmp(path):
    return VirtSubproc.downtmp_mktemp(path)


def hook_cleanup():
    VirtSubproc.downtmp_remove()


VirtSubproc.main()
"""


@pytest.fixture(scope="module")
def name(deb: Path) -> str:
    """Return the name of the service."""
    return deb.name.partition("_")[0]


@pytest.fixture(scope="module")
def version(deb: Path) -> str:
    """Return the version under test."""
    return deb.name.split("_")[1]


def publish(directory: Path, release: str, *debs: Path) -> Path:
    """Publish packages in a repository below ``directory``, and return it."""
    dist = directory / "dist" / release
    dist.mkdir(parents=True, exist_ok=True)
    for deb in debs:
        shutil.copy(deb, dist)
    with builds.signer() as environment:
        published = builds.publish(directory, environment)
    assert published.returncode == 0, published.stderr
    return directory / "dist" / "repository"


# -- piuparts --------------------------------------------------------------------------------------


def base(release: str) -> Path:
    """Return the archive of a bare Debian whose apt asks this machine's mirrors, made once and cached."""
    sources, options = hosts.apt_sources(release), hosts.apt_options()
    if any(source.startswith("deb https:") for source in sources):
        named = re.findall(r'Acquire::https::(?:\S+::)?CaInfo "(.+)";', "\n".join(options), re.IGNORECASE)
        for path in named or [CERTIFICATES]:
            options += [
                f'--customize-hook=mkdir -p "$1{Path(path).parent}"',
                f"--customize-hook=upload {path} {path}",
            ]
    recipe = ["mmdebstrap", "--variant=minbase", "--format=tar", *options, release]
    key = hashlib.sha256(json.dumps([recipe, sources]).encode()).hexdigest()[:12]
    directory = hosts.cache_directory() / "bases"
    directory.mkdir(parents=True, exist_ok=True)
    archive = directory / f"{release}-{key}.tar.gz"
    with (directory / f"{release}-{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once make it once
        if not archive.exists():
            partial = directory / f"{release}-{key}.partial.tar.gz"
            made = subprocess.run([*recipe, str(partial), *sources], capture_output=True, text=True)
            assert made.returncode == 0, made.stderr
            partial.rename(archive)
    return archive


@pytest.fixture(scope="module")
def piuparts(
    deb: Path, release: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.CompletedProcess[str]]:
    """Return how piuparts went: install, purge, install, remove, purge; then the old version, upgrade, purge.

    It works in memory, and in namespaces of its own: it sees no process of others, which it might take for
    one left in its chroot, and when it is killed, its mounts and processes go with it.
    """
    directory = tmp_path_factory.mktemp("piuparts")
    (directory / "before").mkdir()
    old = versions.make(deb, directory / "before", OLD)
    repository = publish(directory, release, old)
    old.unlink()
    scratch = directory / "scratch"
    scratch.mkdir()
    published = f"deb [signed-by={repository}/key.asc] file:{repository}/{release} {release} main"
    command = ["piuparts", "--basetgz", base(release), "--distribution", release, "--tmpdir", scratch]
    command += ["--bindmount", repository]
    command += ["--install-purge-install", "--pedantic-purge-test"]
    command += ["--fail-on-broken-symlinks", "--fail-if-inadequate", "--warn-on-usr-move=fail"]
    command += ["--ignore-regex", OTHERS_LEAVE]
    first, *others = hosts.apt_sources(release) or [""]
    if first:
        command += ["--mirror", f"{first.split()[1]} main"]
    for source in [*others, published]:
        command += ["--extra-repo", source]
    apart = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
    ]
    apart += ["sh", "-c", 'mount -t tmpfs tmpfs "$1" && shift && exec "$@"', "sh", scratch]
    try:
        yield subprocess.run([*apart, *command, deb], capture_output=True, text=True, timeout=600)
    finally:
        shutil.rmtree(directory)


def told(ran: subprocess.CompletedProcess[str]) -> str:
    """Return what piuparts complains of, for the message of a test that fails."""
    lines = ran.stdout.splitlines()
    at = [number for number, line in enumerate(lines) if re.search(r" (ERROR|WARN)", line)]
    return "\n".join(line for number in at for line in lines[number : number + 12]) or ran.stdout + ran.stderr


def test_piuparts_passes_install_remove_and_purge(piuparts: subprocess.CompletedProcess[str]) -> None:
    assert "PASS: Installation and purging test." in piuparts.stdout, told(piuparts)
    assert "Running adequate version" in piuparts.stdout
    assert "Reinstalling after purge" in piuparts.stdout


def test_piuparts_passes_upgrade_from_the_version_before(
    piuparts: subprocess.CompletedProcess[str], name: str, version: str
) -> None:
    assert "PASS: Installation, upgrade and purging tests." in piuparts.stdout, told(piuparts)
    assert f"Unpacking {name} ({version}) over ({OLD})" in piuparts.stdout
    assert piuparts.returncode == 0, told(piuparts)


# -- autopkgtest -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def host(deb: Path, release: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[hosts.Host]:
    """Return a host without the package, whose apt knows where it is."""
    directory = tmp_path_factory.mktemp("published")
    repository = publish(directory, release, deb)
    with hosts.Host("test-debian-tools", release, {repository: APT}, say=print) as host:
        source = f"deb [signed-by={APT}/key.asc] file:{APT}/{release} {release} main\n"
        host.write("/etc/apt/sources.list.d/test.list", source)
        host.run("apt-get", "update", "--error-on=any")
        yield host
    shutil.rmtree(directory)


def test_autopkgtest_installs_the_package_starts_the_service_and_asks_it(
    host: hosts.Host, deb: Path, name: str, version: str, tmp_path: Path
) -> None:
    enter = ["nsenter", "--target", str(host.pid), "--all", "--", "env", "-i", "-C", "/", "HOME=/root"]
    enter += [f"{variable}={text}" for variable, text in hosts.ENVIRONMENT.items()]
    server = tmp_path / "server"
    server.write_text(SERVER.format(enter=enter), encoding="utf-8")
    server.chmod(0o755)
    source = tmp_path / name
    project = next(path for path in deb.parents if (path / "debian" / "rules").exists())
    shutil.copytree(project / "debian", source / "debian")
    (source / "debian" / "files").touch()  # says that it was built, so that nothing is built on the host
    summary = tmp_path / "summary"
    command = ["autopkgtest", "--summary-file", summary, source, "--", server]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.fullmatch(r"command1 +PASS\n", summary.read_text(encoding="utf-8"))
    installed = host.run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name).stdout
    assert installed == f"installed {version}"
    # Nobody else has asked the service, so it is the package's test that it counts.
    counted = 'http_requests_total{method="GET",rule="/health/ready",status="200"} 1.0'
    assert counted in host.http("GET", "/metrics").body
