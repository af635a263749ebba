"""A copy of the working tree as a fresh clone with tiny params, and commands run in it as a user types them.

Commands, and the stages that DVC runs, are forks of one process (`forks.py`), except in a `Repository` that `is_real`.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from forks import with_forks
from helpers import ROOT, TINY

from timbre.core.yaml_file import with_changes

ALL = [  # the stages, in the order in which they run
    "check_params",
    "download",
    "prepare",
    "describe",
    "extract_mels",
    "layer_mixtures",
    "arrange_songs",
    "train_layered",
    "train_single",
    "train_timeline",
    "find_suspects",
    "evaluate",
]
IDENTITY = {f"GIT_{who}_{what}": "tests" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "DVC_"))},
    **IDENTITY,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "COLUMNS": "200",
}


class Repository:
    """One temporary clone. If `is_real`, each command and each stage is a Python process of its own."""

    def __init__(self, folder: Path, is_real: bool = False):
        self.folder, self.is_real = folder, is_real

    def start(self, *command, is_real=True, **options):
        """Start a command."""
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=ENVIRONMENT if is_real else with_forks(ENVIRONMENT),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            **options,
        )

    def copy(self, folder):
        """Copy it to a folder that does not exist, and return the copy."""
        return Repository(shutil.copytree(self.folder, folder))

    def run(self, command, status=0):
        """What a command printed; it must end with `status`."""
        process = self.start(*command.split(), is_real=self.is_real)
        out, err = process.communicate(timeout=600)
        assert process.returncode == status, f"{command}: {process.returncode}\n{out}\n{err}"
        return out + err

    def commit(self, message):
        self.run("git add --all")
        self.run(f"git commit --quiet --message={message}")

    def set_params(self, changes):
        path = self.folder / "params.yaml"
        path.write_text(yaml.safe_dump(with_changes(yaml.safe_load(path.read_text()), changes), sort_keys=False))

    def lock(self):
        return yaml.safe_load((self.folder / "dvc.lock").read_text())["stages"]

    def hashes(self, *stages):
        """The hashes of what some stages produced, as dvc.lock has them."""
        return {out["path"]: out["md5"] for stage in stages for out in self.lock()[stage]["outs"]}


def tiny_clone(folder: Path, is_real: bool = False) -> Repository:
    """Copy what git tracks or would track, commit it, and make the params tiny."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in sorted(set(listed.stdout.decode().split("\0")) - {""}):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    repository = Repository(folder, is_real)
    repository.run("git init --quiet")
    repository.set_params(TINY)
    repository.commit("tiny")
    return repository


def stages_run(output):
    """The stages that DVC says it ran."""
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
