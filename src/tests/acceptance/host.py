"""A test host: a real Debian, booted with systemd as its first process, in half a second.

The root filesystem is made once by mmdebstrap and cached under its recipe's hash. A host is an
overlay of that root and of a tmpfs, mounted in a mount namespace of its own and booted by
systemd-nspawn with a cgroup and a network of its own. So nothing is left when its processes are
gone: ending a host is killing one cgroup, and a host that a crashed test left is ended the same way
at the next start.

In the order of time: ``require_tools`` → ``root_filesystem`` → ``Host.start`` → ``Host.run``,
``Host.http``, ``Host.wait_for`` → ``Host.stop``. As a command (``make host``)::

    PYTHONPATH=src python3 -m tests.acceptance.host up [--release bookworm] [DEB ...]
    PYTHONPATH=src python3 -m tests.acceptance.host status | enter | down

Standard library only, so that it runs before anything of the project is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.acceptance import provision

#: Commands a host cannot do without, and the Debian package of each.
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "curl": "curl",
    "git": "git",
    "apt-ftparchive": "apt-utils",
    "gpg": "gpg",
}

#: What a host has from the start: the base system that a sysadmin has, and what our packages
#: depend on, so that installing them needs our own repository and nothing else.
PACKAGES = (
    "systemd,systemd-sysv,dbus,init-system-helpers,adduser,procps,iproute2,ca-certificates,curl,"
    "logrotate,python3,libc6,libgcc-s1,libstdc++6,libpq5,git,gpgv,puppet,r10k,"
    "puppet-module-puppetlabs-stdlib,nginx-light"
)

#: Installed, but for Puppet and the tests to start.
DISABLED = ("nginx.service", "puppet.service", "apt-daily.timer", "apt-daily-upgrade.timer")

#: Addresses set apart for tests between devices (RFC 2544): no real network uses them.
NETWORK = "198.18"

#: The environment of every command on a host; nothing of the caller's leaks into it.
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}

Say = Callable[[str], None]
T = TypeVar("T")


class HostError(Exception):
    """A host could not be made, or something on it did not happen; the text says what to do."""


def cache_directory() -> Path:
    """Return the directory of big things that outlive a checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "debonair"


def missing_tools() -> list[str]:
    """Return the Debian packages to install before a host can be made; empty when none."""
    return sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})


def why_not() -> str | None:
    """Return the one line that says why no host can run here, or None when one can."""
    if os.geteuid() != 0:
        return "a test host needs root (systemd-nspawn, mounts): run it as root"
    if packages := missing_tools():
        return f"tools are missing: apt-get install {' '.join(packages)}"
    return None


def require_tools(say: Say = print) -> None:
    """Install what is missing when that is possible; raise HostError with one line when not."""
    if os.geteuid() == 0 and shutil.which("apt-get") and (packages := missing_tools()):
        say(f"installing {' '.join(packages)} ...")
        # When apt fails, the line of why_not says what is missing.
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            command = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", *arguments]
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if reason := why_not():
        raise HostError(reason)


def apt_sources(release: str) -> list[str]:
    """Return the sources of ``release`` as this machine's apt configuration has them.

    Mirrors are the machine's own. When it runs another release of Debian, that one's name is
    replaced; when apt knows no Debian at all, mmdebstrap's default is left to work (empty list).
    """
    own = "stable"
    for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines():
        if line.startswith("VERSION_CODENAME="):
            own = line.partition("=")[2].strip('"')
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sources = []
    for line in dict.fromkeys(listed.splitlines()):
        uri, suite, component = line.split()
        if suite.partition("-")[0] == own and component == "main":
            sources.append(f"deb {uri} {suite.replace(own, release, 1)} main")
    return sources


def apt_options() -> list[str]:
    """Return how this machine's apt reaches its mirrors (proxies, certificates), for mmdebstrap."""
    kept = ("Acquire::http::", "Acquire::https::")
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True)
    options = [line for line in dump.stdout.splitlines() if line.startswith(kept)]
    return [f"--aptopt={option}" for option in ['Acquire::Languages "none";', *options]]


def root_filesystem(release: str, say: Say = print) -> Path:
    """Return the cached root filesystem of ``release``; make it first when there is none.

    It is keyed by what it is made from, so a changed list of packages makes a new one.
    """
    recipe = json.dumps([release, PACKAGES, DISABLED, 1])
    key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    roots = cache_directory() / "roots"
    root = roots / f"{release}-{key}"
    roots.mkdir(parents=True, exist_ok=True)
    with (roots / f"{root.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs at once make it once
        if not root.is_dir():
            _make_root(release, root, say)
    return root


def _make_root(release: str, root: Path, say: Say) -> None:
    """Make ``root`` with mmdebstrap; it appears under its name only when it is whole."""
    log_path = root.with_suffix(".log")
    say(f"making a Debian {release} root filesystem, once (half a minute; log: {log_path})")
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    hooks = [
        f'chroot "$1" systemctl disable {" ".join(DISABLED)}',
        # A test host asks our own repository and no other, so apt must not look for mirrors.
        'rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*',
    ]
    command = ["mmdebstrap", "--variant=minbase", "--format=directory", f"--include={PACKAGES}"]
    command += apt_options() + [f"--customize-hook={hook}" for hook in hooks]
    command += [release, str(partial), *apt_sources(release)]
    with log_path.open("w", encoding="utf-8") as log:
        made = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        told = 0
        while made.poll() is None:
            time.sleep(0.5)
            steps = [s for s in log_path.read_text(errors="replace").split("\n") if s[:2] == "I:"]
            for step in steps[told:]:
                say(f"  {step[3:]}")
            told = len(steps)
    if made.returncode:
        shutil.rmtree(partial, ignore_errors=True)
        raise HostError(f"mmdebstrap failed ({made.returncode}); its log: {log_path}")
    partial.rename(root)


@dataclass(frozen=True)
class Response:
    """An answer over HTTP: status, header fields in lower case, and body."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> object:
        """Return the body, parsed."""
        return json.loads(self.body)


class Host:
    """One host. ``name`` is unique on the machine; ``binds`` maps directories to paths inside."""

    def __init__(
        self,
        name: str = "debonair",
        release: str = "bookworm",
        binds: Mapping[Path, str] | None = None,
        say: Say = lambda line: None,
    ) -> None:
        self.name = name
        self.release = release
        self.binds = dict(binds or {})
        self.say = say
        self.directory = Path("/run/debonair-hosts") / name
        self.log = self.directory / "console.log"
        self._nspawn: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Host:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    # -- life ------------------------------------------------------------------------------------

    def start(self) -> Host:
        """Boot the host, and return it when systemd says that it runs."""
        require_tools(self.say)
        root = root_filesystem(self.release, self.say)
        if (owner := self._owner()) is not None:
            raise HostError(f"the host {self.name!r} is in use by process {owner}: wait, or end it")
        self.stop()  # of an earlier run that could not clean up
        self.directory.mkdir(parents=True)
        (self.directory / "owner").write_text(str(os.getpid()), encoding="ascii")
        began = time.monotonic()
        try:
            self._boot(root)
            self._connect()
            self._wait_until_up()
        except BaseException:
            log = self.log.read_text(errors="replace") if self.log.exists() else ""
            self.stop()
            if log:
                self.say(f"the console said:\n{log}")
            raise
        self.say(f"{self.name}: Debian {self.release} up in {time.monotonic() - began:.1f} s")
        return self

    def _owner(self) -> int | None:
        """Return the process that started the host, when it is another one and still there."""
        with contextlib.suppress(FileNotFoundError):
            owner = int((self.directory / "owner").read_text(encoding="ascii"))
            return owner if owner != os.getpid() and Path(f"/proc/{owner}").exists() else None
        return None

    def _boot(self, root: Path) -> None:
        """Start systemd-nspawn in a mount namespace and in cgroups that are the host's own."""
        for group in self._cgroups():
            group.mkdir(exist_ok=True)
        nspawn = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"]
        nspawn += ["--console=pipe", "--private-network", "--link-journal=no"]
        nspawn += [f"--directory={self.directory}/mnt/root"]
        nspawn += [f"--bind-ro={source}:{target}" for source, target in self.binds.items()]
        # The overlay keeps the cached root as it is; "volatile" leaves out every sync to disk.
        script = """
            set -eu
            for group in $3; do echo $$ > "$group/cgroup.procs"; done
            mkdir "$1/mnt"
            mount -t tmpfs tmpfs "$1/mnt"
            mkdir "$1/mnt/upper" "$1/mnt/work" "$1/mnt/root"
            overlay="lowerdir=$2,upperdir=$1/mnt/upper,workdir=$1/mnt/work"
            mount -t overlay -o "volatile,$overlay" overlay "$1/mnt/root"
            hostname=$4
            echo "$hostname" > "$1/mnt/root/etc/hostname"
            echo "127.0.1.1 $hostname" >> "$1/mnt/root/etc/hosts"
            mkdir -p /run/systemd/nspawn
            mount -t tmpfs tmpfs /run/systemd/nspawn
            shift 4
            exec "$@"
        """
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
        command += [str(self.directory), str(root), " ".join(map(str, self._cgroups()))]
        command += [self.name, *nspawn]
        environment = {"PATH": ENVIRONMENT["PATH"], "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
        with self.log.open("w", encoding="utf-8") as log:
            self._nspawn = process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=environment,
            )

        def leader() -> int | None:
            if process.poll() is not None:
                raise HostError(f"systemd-nspawn ended at once ({process.returncode})")
            return _first_process(process.pid)

        pid = _poll(leader, 20, "systemd-nspawn started no system")
        (self.directory / "pid").write_text(str(pid), encoding="ascii")

    def _connect(self) -> None:
        """Lay a cable from this machine to the host; it goes when the host's network goes."""
        for number in range(1, 255):
            add = ["ip", "link", "add", f"debonair{number}", "type", "veth"]
            add += ["peer", "name", "host0", "netns", str(self.pid)]
            if subprocess.run(add, capture_output=True, check=False).returncode == 0:
                break
        else:
            raise HostError("no cable to the host: ip link add failed 254 times")
        network = f"{NETWORK}.{number}"
        (self.directory / "address").write_text(f"{network}.2", encoding="ascii")
        ip = ["ip", "-batch", "-"]
        near = f"addr add {network}.1/30 dev debonair{number}\nlink set debonair{number} up\n"
        subprocess.run(ip, input=near, text=True, check=True)
        far = f"addr add {network}.2/30 dev host0\nlink set host0 up\n"
        self._enter(["--net"], ip, input=far, check=True)

    def _wait_until_up(self) -> None:
        def state() -> str | None:
            asked = self.run("systemctl", "is-system-running", "--wait", check=False)
            return asked.stdout.strip() if asked.stdout.strip() in {"running", "degraded"} else None

        if self.wait_for(state, 60, "systemd did not come up") == "degraded":
            failed = self.run("systemctl", "--failed", "--plain", "--no-legend").stdout
            raise HostError(f"units failed at boot:\n{failed}")

    def stop(self) -> None:
        """End the host and leave nothing of it; a host that does not run is no error."""
        for group in self._cgroups():
            if not group.is_dir():
                continue
            if (group / "cgroup.kill").exists():
                (group / "cgroup.kill").write_text("1", encoding="ascii")
            _poll(functools.partial(_remove_cgroup, group), 20, f"{group} does not go")
        if self._nspawn is not None:
            self._nspawn.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _cgroups(self) -> list[Path]:
        """Return the host's cgroups: one, and on a hybrid hierarchy systemd's own as well."""
        base = Path("/sys/fs/cgroup")
        if (base / "cgroup.procs").exists():
            return [base / f"debonair-{self.name}"]
        both = [base / "unified", base / "systemd"]
        return [path / f"debonair-{self.name}" for path in both if path.is_dir()]

    @property
    def pid(self) -> int:
        """The host's first process, seen from this machine."""
        try:
            return int((self.directory / "pid").read_text(encoding="ascii"))
        except FileNotFoundError:
            raise HostError(f"no host {self.name!r} is running") from None

    @property
    def address(self) -> str:
        """The host's address, reachable from this machine."""
        return (self.directory / "address").read_text(encoding="ascii")

    @property
    def running(self) -> bool:
        """Whether the host is up."""
        with contextlib.suppress(HostError):
            return Path(f"/proc/{self.pid}").exists()
        return False

    # -- work ------------------------------------------------------------------------------------

    def _enter(
        self, spaces: list[str], command: list[str], **options: object
    ) -> subprocess.CompletedProcess[str]:
        entered = ["nsenter", "--target", str(self.pid), *spaces, "--", *command]
        return subprocess.run(entered, text=True, **options)  # type: ignore[call-overload,no-any-return]

    def run(
        self,
        *command: str,
        user: str | None = None,
        check: bool = True,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the host, in a clean environment, and return how it went.

        Args:
            command: one word as a script for ``sh``, or several as a command and its arguments.
            user: who runs it; root by default.
            check: whether an exit code other than 0 raises HostError, with what was said.
            stdin: its standard input.
            env: variables above those of ENVIRONMENT.
            timeout: seconds until it is killed and ``subprocess.TimeoutExpired`` raised.
        """
        words = ["sh", "-c", *command] if len(command) == 1 else list(command)
        variables = {**ENVIRONMENT, "HOME": "/root", **(env or {})}
        clean = ["env", "-i", "-C", "/", *(f"{name}={text}" for name, text in variables.items())]
        become = ["runuser", "-u", user, "--"] if user else []
        done = self._enter(
            ["--all"], [*clean, *become, *words], input=stdin, capture_output=True, timeout=timeout
        )
        if check and done.returncode:
            said = f"{done.stdout}{done.stderr}".strip()
            raise HostError(f"{' '.join(command)}: exit code {done.returncode}\n{said}")
        return done

    def write(self, path: str, text: str, mode: str = "0644") -> None:
        """Write a file on the host, and the directories above it."""
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, stdin=text)

    def http(
        self,
        method: str,
        path: str,
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        base: str = "http://127.0.0.1:5000",
    ) -> Response:
        """Ask the service; curl runs here, in the host's network, where 127.0.0.1 is the host.

        Raises HostError when nobody answers.
        """
        curl = ["curl", "--silent", "--show-error", "--include", "--max-time", "30"]
        curl += ["--request", method, *([] if body is None else ["--data-binary", "@-"])]
        for name, text in (headers or {}).items():
            curl += ["--header", f"{name}: {text}"]
        done = self._enter(["--net"], [*curl, base + path], input=body or "", capture_output=True)
        if done.returncode:
            raise HostError(f"{method} {base}{path}: {done.stderr.strip()}")
        head, _, text = done.stdout.partition("\n\n")
        first, *fields = head.splitlines()
        pairs = (field.partition(":") for field in fields)
        return Response(
            int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}, text
        )

    def wait_for(self, condition: Callable[[], T | None], seconds: float, failure: str) -> T:
        """Return the first true value of ``condition``; raise HostError after ``seconds``."""
        return _poll(condition, seconds, failure)


def _poll(condition: Callable[[], T | None], seconds: float, failure: str) -> T:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise HostError(f"{failure} (waited {seconds:.0f} s)")
        time.sleep(0.02)
    return value


def _first_process(nspawn: int) -> int | None:
    """Return the process below ``nspawn`` that is number 1 in its own namespace, once it is."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            fields = dict(line.partition(":")[::2] for line in status.read_text("utf-8").splitlines())
            is_first = fields.get("NSpid", "").split()[-1:] == ["1"]
            if int(fields["PPid"]) == nspawn and is_first:
                return int(status.parent.name)
    return None


def _remove_cgroup(group: Path) -> bool:
    """Remove an emptied cgroup from its leaves up; return whether it is gone."""
    inner = [Path(path) for path, _, _ in os.walk(group, topdown=False)]
    for process in (pid for path in inner for pid in _processes(path)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)  # on a kernel without cgroup.kill
    for path in inner:
        with contextlib.suppress(OSError):
            path.rmdir()
    return not group.exists()


def _processes(group: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(pid) for pid in (group / "cgroup.procs").read_text("ascii").split()]
    return []


# -- make host -----------------------------------------------------------------------------------


def up(name: str, release: str, debs: list[Path]) -> None:
    """Boot a host, publish ``debs``, and let r10k and Puppet put the service of each on it."""
    if not debs:
        built = provision.CHECKOUT.glob("build/example-service/dist/*.deb")
        debs = sorted(built, key=lambda deb: deb.stat().st_mtime)[-1:]
    if not debs:
        raise HostError("no package: build one with `make host`, or name .deb files to install")
    if absent := [str(deb) for deb in debs if not deb.is_file()]:
        raise HostError(f"no such package: {', '.join(absent)}")
    require_tools()
    surroundings = provision.Surroundings(cache_directory() / "hosts" / name)
    host = Host(name, release, surroundings.binds, say=print).start()
    print(f"publishing {', '.join(deb.name for deb in debs)} in a signed apt repository")
    packages = [surroundings.repository.publish(deb) for deb in debs]
    first = packages[0].name
    ports = {package.name: 5000 + number for number, package in enumerate(packages)}
    site = {"allow_probes": [f"{NETWORK}.0.0/16"]}  # this machine asks for /health/ready
    services = {name: {"port": port, "nginx": name == first and site} for name, port in ports.items()}
    surroundings.write_data({"debonair::services": services})
    print("deploying the control repository with r10k")
    surroundings.deploy(host)
    log = surroundings.directory / "puppet.log"
    print(f"puppet apply (log: {log})")
    applied = surroundings.apply(host)
    log.write_text(applied.stdout + applied.stderr, encoding="utf-8")
    if applied.returncode != 2:
        errors = [line for line in log.read_text("utf-8").splitlines() if "Error: " in line]
        raise HostError(
            f"puppet apply ended with {applied.returncode}: {errors[0] if errors else 'no error shown'}\n"
            f"its log: {log}; the host is left running: {_command('enter', name)}"
        )
    print(
        f"\n{first} runs on {name}, behind nginx. From here:\n"
        f"  curl http://{host.address}/health/ready\n"
        f"Its routes:\n{_routes(host, first)}\n"
        f"Enter it:  {_command('enter', name)}\n"
        f"Stop it:   {_command('down', name)}"
    )


def _routes(host: Host, service: str) -> str:
    """Return the service's own routes, one line each; those of the chassis are the same everywhere."""
    chassis = re.compile(r"/(health/|metrics |openapi\.json |static/)")
    lines = host.run(service, "routes", user=service).stdout.splitlines()
    own = [line.split()[:-1] for line in lines if not chassis.match(line)]
    return (
        "\n".join(f"  {' '.join(methods)} http://{host.address}{rule}" for rule, *methods in own)
        or "  none but those of the chassis"
    )


def _command(action: str, name: str) -> str:
    """Return the command line of ``action``, as it can be pasted into a shell in any directory."""
    source = shlex.quote(str(provision.CHECKOUT / "src"))
    return f"PYTHONPATH={source} python3 -m tests.acceptance.host {action}" + (
        f" --name {name}" if name != "debonair" else ""
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description="A Debian test host with a service on it.")
    parser.add_argument("action", choices=["up", "down", "enter", "status"])
    parser.add_argument("debs", nargs="*", type=Path, help="packages to install (up; default: the sample's)")
    parser.add_argument("--name", default="debonair", help="the host's name (%(default)s)")
    parser.add_argument("--release", default="bookworm", help="of Debian (%(default)s)")
    chosen = parser.parse_args(arguments)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    host = Host(chosen.name, chosen.release)
    try:
        if chosen.action == "up":
            up(chosen.name, chosen.release, chosen.debs)
        elif reason := why_not():
            raise HostError(reason)
        elif chosen.action == "down":
            was = "stopped" if host.running else "was not running; nothing is left of it"
            host.stop()
            print(f"{chosen.name} {was}")
        elif chosen.action == "enter":
            shell = ["env", "-i", "-C", "/", "TERM=" + os.environ.get("TERM", "dumb"), "HOME=/root"]
            shell += ["PATH=" + ENVIRONMENT["PATH"], "bash", "--login"]
            enter = ["nsenter", "--target", str(host.pid), "--all", "--", *shell]
            os.execvp("nsenter", enter)
        elif host.running:
            print(f"{chosen.name} is up at {host.address}; enter: {_command('enter', chosen.name)}")
        else:
            print(f"{chosen.name} is down")
            return 3
    except (HostError, provision.ProvisionError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
