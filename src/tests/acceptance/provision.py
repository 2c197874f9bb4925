"""What stands around a host in production, made here for a test: apt repository and git server.

``Surroundings`` keeps both in one directory, which the host sees as ``/srv/debonair``, read-only:

* ``apt/``: the signed repository of ``repository``;
* ``git/debonair.git``: a bare repository of this checkout's ``puppet/``, as it is on disk;
* ``git/control.git``: a bare one of ``puppet/control-repo``, with the Hiera data of the test.

In the order of time: ``repository.publish`` → ``write_data`` → ``deploy`` (r10k) → ``apply``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.acceptance.repository import Repository

if TYPE_CHECKING:
    from tests.acceptance.host import Host

#: Where the host sees the surroundings.
MOUNT = "/srv/debonair"
#: The root of this checkout.
CHECKOUT = Path(__file__).resolve().parents[3]
#: The branch of the control repository, and so the environment that r10k deploys.
ENVIRONMENT = "production"

R10K = f"""---
cachedir: /var/cache/r10k
sources:
  control:
    remote: {MOUNT}/git/control.git
    basedir: /etc/puppet/code/environments
"""


class ProvisionError(Exception):
    """A step on the way to a provisioned host failed; the text says which and how."""


class Surroundings:
    """The apt repository and the git server of one host, below ``directory``."""

    def __init__(self, directory: Path) -> None:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        self.directory = directory
        self._shared = directory / "shared"
        self.repository = Repository(self._shared / "apt")
        self._module = self._shared / "git" / "debonair.git"
        self._control = self._shared / "git" / "control.git"

    @property
    def binds(self) -> dict[Path, str]:
        """What a Host must see, for its ``binds``."""
        return {self._shared: MOUNT}

    def write_data(self, data: Mapping[str, object]) -> None:
        """Commit ``data`` as the node's Hiera data, and the module and control repo as they are.

        The apt repository is part of the data already.
        """
        apt = {
            "debonair::manage_repository": True,
            "debonair::repository::url": f"file:{MOUNT}/apt",
            "debonair::repository::suite": self.repository.suite,
            "debonair::repository::key": self.repository.key,
        }
        puppet = CHECKOUT / "puppet"
        with tempfile.TemporaryDirectory() as scratch:
            tree = Path(scratch) / "debonair"
            shutil.copytree(puppet, tree / "puppet")
            _commit(tree, self._module)
            tree = Path(scratch) / "control"
            shutil.copytree(puppet / "control-repo", tree)
            node = tree / "data" / "nodes" / "host.test.yaml"
            node.parent.mkdir(parents=True, exist_ok=True)
            # JSON is YAML, and in the standard library.
            node.write_text(json.dumps({**apt, **data}, indent=2), encoding="utf-8")
            _commit(tree, self._control)

    def deploy(self, host: Host) -> None:
        """Let r10k deploy the control repository on the host, with the modules it names."""
        host.write("/etc/puppet/r10k.yaml", R10K)
        variables = {"DEBONAIR_GIT_URL": f"{MOUNT}/git/debonair.git", "DEBONAIR_GIT_REF": "main"}
        deploy = ["r10k", "deploy", "environment", ENVIRONMENT, "--modules"]
        done = host.run(*deploy, "--config=/etc/puppet/r10k.yaml", "--verbose", env=variables, check=False)
        if done.returncode:
            raise ProvisionError(f"r10k failed ({done.returncode}):\n{done.stdout}{done.stderr}")

    def apply(self, host: Host, *options: str) -> subprocess.CompletedProcess[str]:
        """Apply the deployed environment once; return the run, with Puppet's detailed exit code.

        0: nothing to change; 2: changed; 4: failures; 6: both; 1: no catalog.
        """
        manifests = f"/etc/puppet/code/environments/{ENVIRONMENT}/manifests"
        command = ["puppet", "apply", "--environment", ENVIRONMENT, "--certname=host.test"]
        command += ["--detailed-exitcodes", "--color=false", *options, manifests]
        return host.run(*command, check=False, timeout=600)

    def provision(self, host: Host, data: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
        """Write the data, deploy and apply; return how ``apply`` went."""
        self.write_data(data)
        self.deploy(host)
        return self.apply(host)


def _commit(tree: Path, bare: Path) -> None:
    """Commit what is in ``tree`` to the bare repository, as the next commit of its branch."""
    branch = ENVIRONMENT if bare.name == "control.git" else "main"
    identity = {
        f"GIT_{who}_{what}": text
        for who in ("AUTHOR", "COMMITTER")
        for what, text in (("NAME", "Acceptance test"), ("EMAIL", "test@localhost"))
    }
    git = ["git", f"--git-dir={bare}", f"--work-tree={tree}"]
    if not bare.exists():
        init = ["git", "init", "--quiet", "--bare", f"--initial-branch={branch}", str(bare)]
        subprocess.run(init, check=True)
    for step in (["add", "--all", "."], ["commit", "--quiet", "--allow-empty", "--message=test"]):
        command = [*git, "-c", "core.bare=false", *step]
        done = subprocess.run(
            command,
            cwd=tree,
            env={**os.environ, **identity},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ProvisionError(f"{' '.join(command)}: {done.stderr.strip()}")
