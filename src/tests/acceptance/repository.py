"""A signed apt repository in a directory: the one that a host under test installs from.

It keeps every version that was published, so that a downgrade finds the one before. The key is made
for the repository, lives beside it and is good for nothing else.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    """A published package: what apt calls it."""

    name: str
    version: str
    architecture: str


class Repository:
    """A flat-named, signed repository: ``pool/`` and ``dists/<suite>/`` below ``directory``."""

    def __init__(self, directory: Path, suite: str = "stable") -> None:
        self.directory = directory
        self.suite = suite
        self._keys = directory.with_name(directory.name + "-keys")
        (directory / "pool").mkdir(parents=True, exist_ok=True)
        if not (self._keys / "public.asc").exists():
            self._make_key()
        self._index()

    @property
    def key(self) -> str:
        """The public key, ASCII-armoured, as ``Signed-By`` takes it."""
        return (self._keys / "public.asc").read_text(encoding="ascii")

    def publish(self, deb: Path) -> Package:
        """Add a package, keep all others, and sign; return what it is called."""
        shown = subprocess.run(
            ["dpkg-deb", "--show", "--showformat=${Package} ${Version} ${Architecture}", str(deb)],
            check=True,
            capture_output=True,
            text=True,
        )
        package = Package(*shown.stdout.split())
        # A colon (the epoch's) is no good in a file name that apt makes a URL of.
        version = package.version.replace(":", "%3a")
        name = f"{package.name}_{version}_{package.architecture}.deb"
        shutil.copyfile(deb, self.directory / "pool" / name)
        self._index()
        return package

    def withdraw(self, package: Package) -> None:
        """Take one version of a package away, as if it had never been published."""
        version = package.version.replace(":", "%3a")
        (self.directory / "pool" / f"{package.name}_{version}_{package.architecture}.deb").unlink()
        self._index()

    def _make_key(self) -> None:
        self._keys.mkdir(parents=True, exist_ok=True)
        self._keys.chmod(0o700)
        name = "Debonair test repository"
        self._gpg("--passphrase", "", "--quick-generate-key", name, "rsa2048", "sign", "never")
        (self._keys / "public.asc").write_bytes(self._gpg("--armor", "--export", name))

    def _gpg(self, *arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(self._keys), "--batch", "--yes", "--quiet", *arguments]
        done = subprocess.run(command, check=True, capture_output=True)
        subprocess.run(["gpgconf", "--homedir", str(self._keys), "--kill", "all"], check=True)
        return done.stdout

    def _index(self) -> None:
        """Write Packages and Release, and sign; each file is replaced whole."""
        architecture = subprocess.run(
            ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
        ).stdout.strip()
        dist = self.directory / "dists" / self.suite
        binary = dist / "main" / f"binary-{architecture}"
        binary.mkdir(parents=True, exist_ok=True)
        self._replace(binary / "Packages", self._ftparchive("packages", "pool"))
        options = {
            "Origin": "Debonair",
            "Suite": self.suite,
            "Codename": self.suite,
            "Components": "main",
            "Architectures": architecture,
        }
        fields = [f"-oAPT::FTPArchive::Release::{name}={text}" for name, text in options.items()]
        (dist / "InRelease").unlink(missing_ok=True)
        self._replace(dist / "Release", self._ftparchive(*fields, "release", f"dists/{self.suite}"))
        release = str(dist / "Release")
        signed = str(dist / "InRelease.new")
        self._gpg("--output", signed, "--clear-sign", release)
        os.replace(signed, dist / "InRelease")
        (dist / "Release").unlink()  # InRelease holds it, and an unsigned copy helps nobody

    def _ftparchive(self, *arguments: str) -> bytes:
        command = ["apt-ftparchive", *arguments]
        done = subprocess.run(command, cwd=self.directory, check=True, capture_output=True)
        return done.stdout

    @staticmethod
    def _replace(path: Path, content: bytes) -> None:
        new = path.with_name(path.name + ".new")
        new.write_bytes(content)
        os.replace(new, path)


def repack(deb: Path, target: Path, version: str, edit: Callable[[Path], None]) -> Path:
    """Make another version of a package: unpack ``deb``, let ``edit`` change the tree, pack it.

    Returns ``target``. The checksums that dpkg keeps of the files are left out.
    """
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", str(deb), str(tree)], check=True)
        edit(tree)
        control = tree / "DEBIAN" / "control"
        lines = control.read_text(encoding="utf-8").splitlines()
        new = [f"Version: {version}" if line.startswith("Version: ") else line for line in lines]
        control.write_text("\n".join(new) + "\n", encoding="utf-8")
        (tree / "DEBIAN" / "md5sums").unlink(missing_ok=True)
        build = ["dpkg-deb", "--build", "--root-owner-group", "-Znone", str(tree), str(target)]
        subprocess.run(build, check=True, stdout=subprocess.DEVNULL)
    return target
