"""A run is a folder, and everything in it is whole at any moment.

    recipe.yaml             the resolved recipe
    run.json                status (running, finished, stopped, failed) and a sentence; times, versions, data, commit
    log.txt                 what was said, with the tracebacks that the terminal was spared
    metrics.csv             a row a logging point
    last.ckpt, best.ckpt    where to go on, and the best validation so far
    NAME.safetensors, .md   what came out, with its card

run = Run.begin(Path("runs/mine"), recipe, resume=False)
run.note(status="finished", sentence="...")
"""

import json
import logging
import os
import platform
import socket
import subprocess
import sys
import time
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock, Timeout
from pydantic import ValidationError

from colorizer.errors import OptionError
from train import atomic
from train.data import Pictures
from train.machine import describe
from train.recipe import Recipe
from train.standing import read, status

__all__ = ["Run", "commit", "differences", "now", "read", "status", "versions"]

PACKAGES = ("torch", "torchvision", "lightning", "kornia", "timm", "numpy", "pillow", "safetensors")
# What a resumed run may change: its length, how it is carried out, and where the same pictures lie. All else would
# make one run of two.
FREE = (
    *("steps", "epochs", "minutes", "early_stopping", "finetune", "validate_every", "samples"),
    *("devices", "num_nodes", "workers", "threads", "cache"),
)
FREE_OF_SOURCES = ("images", "labels")
# How long the processes of a killed run may take to let go of its folder.
PATIENCE = 15.0


class LogFile(logging.FileHandler):
    """log.txt; a full disk must not hide, with complaints about the log, why the run ended."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's name
        """Let the record be lost if the disk takes no more."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class Run:
    """One run's folder, held by one process at a time.

    Args:
        folder: it exists.
        recipe: the resolved one.
    """

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self.folder, self.recipe = folder, recipe
        self.about: dict[str, Any] = {}
        self._lock = FileLock(folder / ".lock")
        self._log: LogFile | None = None

    @classmethod
    def begin(cls, folder: Path, recipe: Recipe, resume: bool) -> "Run":
        """Make the folder, or take one up again, and write what is known before the first picture is decoded.

        Raises:
            OptionError: it holds a run and `resume` wasn't said, another recipe's run, or one that still goes on.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"--out: {folder} can't be made a folder ({error.strerror}).") from error
        run = cls(folder, recipe)
        try:
            run._lock.acquire(timeout=PATIENCE if resume else 0)
        except Timeout as error:
            raise OptionError(
                f"{folder} is being trained by another process right now; wait, or choose another --out."
            ) from error
        except OSError as error:
            raise OptionError(
                f"--out: {folder} can't be written ({error.strerror}); choose another one."
            ) from error
        try:
            run._take_up(resume)
        except OptionError:
            run._lock.release()
            raise
        return run

    def _take_up(self, resume: bool) -> None:
        before = read(self.folder)
        if self.last.is_file() or (self.folder / f"{self.recipe.name}.safetensors").is_file():
            if not resume:
                raise OptionError(
                    f"{self.folder} already holds a run ({before.get('status', 'unknown')} at step "
                    f"{before.get('step', '?')}): --resume goes on with it, another --out starts a new one."
                )
            self._check_recipe()
        atomic.clean(self.folder)
        text = yaml.safe_dump(json.loads(self.recipe.model_dump_json()), sort_keys=False, allow_unicode=True)
        atomic.write(self.folder / "recipe.yaml", text)
        self.about = {key: before[key] for key in ("started", "data", "validation") if key in before}
        self._log = LogFile(self.folder / "log.txt", encoding="utf-8")
        self._log.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logging.getLogger().addHandler(self._log)
        logging.getLogger("train").setLevel(logging.INFO)
        self.about.setdefault("started", now())
        self.note(
            name=self.recipe.name,
            status="running",
            sentence="The pictures are being decoded.",
            starts=before.get("starts", 0) + 1,
            pid=os.getpid(),
            host=socket.gethostname(),
            machine=describe(),
            commit=commit(),
            versions=versions(),
            step=before.get("step", 0),
        )

    def _check_recipe(self) -> None:
        path = self.folder / "recipe.yaml"
        try:
            earlier = Recipe.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise OptionError(
                f"{path} can't be read, so nobody knows what {self.last} is of; start anew with another --out."
            ) from error
        changed = differences(earlier, self.recipe)
        if changed:
            raise OptionError(
                f"{self.folder} holds a run of another recipe; these keys differ: {'; '.join(changed)}. A resumed run "
                f"may change only {', '.join(FREE)} and where the pictures lie; start anew with another --out."
            )

    @property
    def last(self) -> Path:
        """The checkpoint to go on from."""
        return self.folder / "last.ckpt"

    @property
    def best(self) -> Path:
        """The checkpoint of the best validation."""
        return self.folder / "best.ckpt"

    @property
    def weights(self) -> Path:
        """What comes out."""
        return self.folder / f"{self.recipe.name}.safetensors"

    def check_data(self, data: list[Pictures], validation: list[Pictures]) -> None:
        """Keep the fingerprints of the pictures, or compare them with what the run began with.

        Raises:
            OptionError: a source has changed since.
        """
        for part, specs, sources in (
            ("data", self.recipe.data, data),
            ("validation", self.recipe.validation, validation),
        ):
            known = [
                {"images": str(spec.images), "pictures": len(source), "fingerprint": source.fingerprint}
                for spec, source in zip(specs, sources, strict=True)
            ]
            for i, (then, present) in enumerate(zip(self.about.get(part, known), known, strict=True)):
                if self.last.is_file() and then["fingerprint"] != present["fingerprint"]:
                    raise OptionError(
                        f"{part}.{i}: {present['images']} or its labels have changed since this run began "
                        f"({then['pictures']} pictures then, {present['pictures']} now); put back what was there, "
                        "or start a new run with another --out."
                    )
            self.about[part] = known

    def note(self, **values: Any) -> None:
        """Write values to run.json, and that it was now.

        Raises:
            OSError: the disk takes no more.
        """
        self.about |= values | {"updated": now()}
        atomic.write(self.folder / "run.json", json.dumps(self.about, indent=2, ensure_ascii=False) + "\n")

    def traceback(self, error: BaseException) -> None:
        """Keep an error's traceback in log.txt, and nowhere else."""
        if self._log is not None:
            record = logging.makeLogRecord(
                {"msg": "The traceback:", "levelname": "ERROR", "levelno": logging.ERROR}
            )
            record.exc_info = (type(error), error, error.__traceback__)
            self._log.handle(record)

    def end(self, status: str, sentence: str) -> None:
        """The last word on this run, in run.json and the log; the folder is free again."""
        logging.getLogger(__name__).info("%s: %s", status, sentence)
        try:
            self.note(status=status, sentence=sentence, ended=now())
        except OSError:  # a disk that takes no more; the sentence goes to the terminal all the same
            pass
        finally:
            if self._log is not None:
                logging.getLogger().removeHandler(self._log)
                self._log.close()
            self._lock.release()


def differences(earlier: Recipe, recipe: Recipe) -> list[str]:
    """ "key: before, now" of all that a resumed run may not change."""
    then, now = _flat(json.loads(earlier.model_dump_json())), _flat(json.loads(recipe.model_dump_json()))
    keys = [key for key in then | now if then.get(key) != now.get(key) and not _is_free(key)]
    return [f"{key} was {then.get(key)!r} and is {now.get(key)!r}" for key in keys]


def _is_free(key: str) -> bool:
    first, *rest = key.split(".")
    return first in FREE or (
        first in ("data", "validation") and rest[-1:] in [[name] for name in FREE_OF_SOURCES]
    )


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts and lists -> dotted keys."""
    if isinstance(values, dict) and values:
        items: list[tuple[Any, Any]] = list(values.items())
    elif isinstance(values, list) and any(isinstance(value, dict) for value in values):
        items = list(enumerate(values))
    else:
        return {prefix: values}
    flat: dict[str, Any] = {}
    for key, value in items:
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.fromtimestamp(time.time(), timezone.utc).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Python's, and of the packages that decide what comes out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "none"
    return found


def commit() -> str:
    """This repository's, with "-dirty" where tracked files have changed; "unknown" outside one or without git."""
    here = Path(__file__).parent
    said = _git(here, "rev-parse", "--short", "HEAD")
    if said is None:
        return "unknown"
    return said + ("-dirty" if _git(here, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        found = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()
