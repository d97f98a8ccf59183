"""What runs inside a Hugging Face Job: fetch, train, and keep sending what the run's folder holds.

It is sent as a file of its own and started before anything of this project is there, so it imports nothing of it. It
reads its orders from the environment:

    RANGIN_REPOSITORY, RANGIN_COMMIT   the job's private model repository, and the commit that holds its orders in job/
    RANGIN_PICTURES                    the private dataset repository with the pictures
    RANGIN_ATTEMPT                     number of this start; job/stop-<attempt> in the repository asks it to end
    RANGIN_SECONDS                     after how long the service ends it
    RANGIN_PACE                        seconds between looks for a stop, uploads, and uploads of checkpoints
    HF_TOKEN                           a secret; may read and write both repositories

run/ in the repository is the run's folder as it was last sent; a later start goes on from the checkpoint there.
run/ended.json is the last word. Exit code: 0 when trained to the end, or ended on request with a checkpoint.
"""

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from typing import Any

# What of a run's folder is sent. Checkpoints are large, and each one sent stays in the repository's history.
SMALL = re.compile(r"(recipe\.yaml|metrics\.csv|run\.json|log\.txt|samples/[\w.-]+\.(webp|json))")
WEIGHTS = re.compile(r"[a-z0-9][a-z0-9_.-]*\.(safetensors|md)")
CHECKPOINTS = ("last.ckpt", "best.ckpt")
# So long before the service's own end the training is asked to end, so that its checkpoint still goes out; of short
# jobs a share of the time.
FAREWELL_SECONDS, FAREWELL_SHARE = 300, 0.2
# So long may writing the checkpoint take.
PATIENCE = 240
TRIES = 5


def main() -> int:
    """Do the whole job; its exit code."""
    work = Work(Path("rangin").absolute(), dict(os.environ))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: work.stop.set())
    code, sentence = 1, ""
    try:
        code = work.train()
    except Exception as error:  # noqa: BLE001  whatever it is, the page should show it
        sentence = f"The job could not be set up: {type(error).__name__}: {error}"
        print(sentence, file=sys.stderr, flush=True)
    return work.end(code, sentence)


class Work:
    """One job's folder here, and its repository there."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        from huggingface_hub import HfApi

        self.folder, self.run = folder, folder / "run"
        self.repository, self.commit = environment["RANGIN_REPOSITORY"], environment["RANGIN_COMMIT"]
        self.pictures, self.attempt = environment["RANGIN_PICTURES"], environment["RANGIN_ATTEMPT"]
        self.look_every, self.send_every, self.checkpoint_every = map(
            float, environment["RANGIN_PACE"].split(",")
        )
        seconds = float(environment["RANGIN_SECONDS"])
        self.ends = time.monotonic() + seconds - min(FAREWELL_SECONDS, FAREWELL_SHARE * seconds)
        self.api = HfApi(token=environment["HF_TOKEN"])
        self.stop = threading.Event()
        self.why = ""
        """What ended it before its time: "asked" or "time"."""
        self.sent: dict[str, str] = {}
        """What the repository has: name in run/ -> content's hash."""

    def train(self) -> int:
        """Fetch, install, train and keep sending; the training's exit code."""
        self._fetch()
        self._install()
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "project"), "PYTHONUNBUFFERED": "1"}
        del environment["HF_TOKEN"]  # training has no use for it
        arguments = ["fit", str(self.folder / "job" / "recipe.yaml"), "--out", str(self.run), "--resume"]
        child = subprocess.Popen(
            [sys.executable, "-m", "train", *arguments], cwd=self.folder, env=environment
        )
        try:
            self._keep_sending(child)
        finally:
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(PATIENCE)
                except subprocess.TimeoutExpired:
                    child.kill()
        return child.wait()

    def end(self, code: int, sentence: str) -> int:
        """Send everything and the last word; the job's exit code."""
        self.run.mkdir(parents=True, exist_ok=True)
        last = {"exit_code": code, "why": self.why, "sentence": sentence, "attempt": self.attempt}
        (self.run / "ended.json").write_text(json.dumps(last))
        for attempt in range(TRIES):
            try:
                self._send(with_checkpoints=True, names=["ended.json"])
                return 0 if self.why else code
            except Exception as error:  # noqa: BLE001  the Hub's and the network's are many, and each is worth a retry
                print(f"The results could not be sent: {error}", file=sys.stderr, flush=True)
                time.sleep(min(self.send_every, 2.0**attempt))
        return code or 1

    def _fetch(self) -> None:
        from huggingface_hub import hf_hub_download, snapshot_download

        token = self.api.token
        snapshot_download(
            self.repository,
            revision=self.commit,
            allow_patterns=["job/*", "run/*"],
            local_dir=self.folder,
            token=token,
        )
        self.run.mkdir(exist_ok=True)
        (self.run / "ended.json").unlink(missing_ok=True)
        self.sent = {name: _hash(path) for name, path in self._files(with_checkpoints=True)}
        unpack(self.folder / "job" / "project.tar.gz", self.folder / "project")
        parcel: dict[str, Any] = json.loads((self.folder / "job" / "parcel.json").read_text())
        for name, place in parcel["pictures"].items():
            if not (self.folder / place).is_dir():
                print(f"Fetching {name}", flush=True)
                file = hf_hub_download(
                    self.pictures,
                    name,
                    repo_type="dataset",
                    local_dir=self.folder / "fetched",
                    token=token,
                )
                unpack(Path(file), self.folder / place)
                Path(file).unlink()

    def _install(self) -> None:
        """What the project needs, where the container doesn't bring it."""
        if all(importlib.util.find_spec(name) for name in ("torch", "lightning", "kornia", "timm")):
            return
        print("Installing", flush=True)
        wanted = self.folder / "project" / "requirements-train.txt"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-cache-dir", "-r", str(wanted)]
        environment = {key: value for key, value in os.environ.items() if key != "HF_TOKEN"}
        subprocess.run(pip, check=True, env=environment)

    def _keep_sending(self, child: "subprocess.Popen[bytes]") -> None:
        """Until the training ends, or is asked to."""
        sent = checkpoint = time.monotonic()
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(self.look_every)
            now = time.monotonic()
            if child.poll() is not None:
                return
            if now > self.ends or self.stop.is_set() or self._is_asked():
                self.why = "time" if now > self.ends else "asked"
                return
            if now - sent < self.send_every:
                continue
            sent = now
            is_due = now - checkpoint >= self.checkpoint_every
            try:
                self._send(with_checkpoints=is_due)
            except Exception as error:  # noqa: BLE001  training goes on while the Hub is away
                print(f"Not sent, will try again: {error}", file=sys.stderr, flush=True)
            else:
                checkpoint = now if is_due else checkpoint

    def _is_asked(self) -> bool:
        try:
            return self.api.file_exists(self.repository, f"job/stop-{self.attempt}")
        except Exception as error:  # noqa: BLE001  as above
            print(f"The Hub can't be asked: {error}", file=sys.stderr, flush=True)
            return False

    def _files(self, with_checkpoints: bool) -> list[tuple[str, Path]]:
        found = []
        for path in sorted([*self.run.glob("*"), *self.run.glob("samples/*")]):
            name = path.relative_to(self.run).as_posix()
            is_wanted = SMALL.fullmatch(name) or WEIGHTS.fullmatch(name)
            if path.is_file() and (is_wanted or (with_checkpoints and name in CHECKPOINTS)):
                found.append((name, path))
        return found

    def _send(self, with_checkpoints: bool, names: list[str] | None = None) -> None:
        """One commit with what has changed, copied first: the training goes on writing meanwhile."""
        from huggingface_hub import CommitOperationAdd

        aside = self.folder / "sending"
        shutil.rmtree(aside, ignore_errors=True)
        try:
            changed = {}
            operations = []
            files = self._files(with_checkpoints) + [(name, self.run / name) for name in names or ()]
            for name, path in files:
                copy = aside / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, copy)
                digest = _hash(copy)
                if self.sent.get(name) != digest:
                    changed[name] = digest
                    operations.append(CommitOperationAdd(f"run/{name}", copy))
            if operations:
                self.api.create_commit(
                    self.repository, operations, commit_message=f"{len(changed)} files of the run"
                )
                self.sent |= changed
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def unpack(archive: Path, folder: Path) -> None:
    """A tar's plain files into a new folder, which is there whole or not at all.

    Raises:
        ValueError: a member leads elsewhere, or is no plain file.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    with tarfile.open(archive) as opened:
        for member in opened:
            if member.isdir():
                continue
            target = (part / member.name).resolve()
            if not member.isfile() or part.resolve() not in target.parents:
                raise ValueError(f"{archive.name} holds {member.name!r}, which is no plain file of its own")
            target.parent.mkdir(parents=True, exist_ok=True)
            content = opened.extractfile(member)
            assert content is not None
            with target.open("wb") as file:
                shutil.copyfileobj(content, file)
            os.utime(target, (member.mtime, member.mtime))  # a run knows its pictures by it, too
    os.replace(part, folder)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
