"""The Hugging Face Hub with Jobs, on this machine: its HTTP calls, and containers that are processes here.

with serving(monkeypatch, tmp_path) as hub:         # HF_ENDPOINT points there
    hub.holds = True                                # jobs wait
    hub.start(number); hub.end(number)              # by hand
    hub.jobs[number]["status"]["stage"]
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from huggingface_hub import constants

from tests.labeling.hub_server import Handler, LocalHub, Repository
from train.jobs import hf_prices

HARDWARE = [
    {
        "name": "l4x1",
        "prettyName": "Nvidia L4",
        "cpu": "8 vCPU",
        "ram": "30 GB",
        "accelerator": {
            "type": "gpu",
            "model": "L4",
            "quantity": "1",
            "vram": "24 GB",
            "manufacturer": "Nvidia",
        },
        "unitCostMicroUSD": 13333,
        "unitCostUSD": 0.013333,
        "unitLabel": "minute",
    },
    {
        "name": "cpu-basic",
        "prettyName": "CPU Basic",
        "cpu": "2 vCPU",
        "ram": "16 GB",
        "accelerator": None,
        "unitCostMicroUSD": 167,
        "unitCostUSD": 0.000167,
        "unitLabel": "minute",
    },
]


class JobsHub(LocalHub):
    """The Hub of `tests.labeling.hub_server`, with models, accounts and jobs."""

    account = "asha"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[str, dict[str, Any]] = {}
        self.specs: dict[str, dict[str, Any]] = {}
        """What was asked for, by the job's number."""
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.holds = False
        """New jobs stay in the queue."""
        self.drops_answer = False
        """The next job is taken, and the answer is lost."""
        self.garbles_answer = False
        """The next job is taken, and the answer says that something went wrong."""
        self.goes_away = False
        """So is then the network."""
        self.organizations = ["lab"]
        self.others: dict[str, str] = {}
        """Token -> account of people who have no part in `account`'s jobs."""
        self.hardware = HARDWARE
        self.types: dict[str, str] = {}
        super().__init__()

    def start(self, number: str) -> None:
        """Carry out what the container would: its command, its environment, and nothing of ours."""
        spec, job = self.specs[number], self.jobs[number]
        home = self.folder / number
        home.mkdir(parents=True)
        own = {"PATH": os.environ["PATH"], "HOME": str(home), "HF_HOME": str(home / "hf")}
        own |= {"HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        program, *arguments = spec["command"]
        assert program == "python"
        with (home / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=home,
                env=own | spec["environment"] | spec.get("secrets", {}),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes[number] = process
        job["status"]["stage"] = "RUNNING"
        threading.Thread(target=self._wait, args=(number, process), daemon=True).start()

    def _wait(self, number: str, process: "subprocess.Popen[bytes]") -> None:
        code = process.wait()
        status = self.jobs[number]["status"]
        if status["stage"] == "RUNNING":
            status["stage"] = "ERROR" if code else "COMPLETED"
            status["message"] = f"Job failed with exit code: {code}" if code else None

    def end(self, number: str, stage: str = "CANCELED") -> None:
        """End the container at once, as the service does."""
        self.jobs[number]["status"]["stage"] = stage
        if number in self.processes:
            os.killpg(self.processes[number].pid, 9)
            self.processes[number].wait()

    def log(self, number: str) -> list[str]:
        path = self.folder / number / "log"
        return path.read_text(errors="replace").splitlines() if path.is_file() else []

    def close(self) -> None:
        for number, process in self.processes.items():
            if process.poll() is None:
                self.end(number)
        super().close()


class _JobsHandler(Handler):
    hub: JobsHub

    def _handle(self) -> None:
        self.hub = self.server.hub  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        words = unquote(parts.path).strip("/").split("/")
        if words[:2] not in (["api", "jobs"], ["api", "whoami-v2"]):
            if words[0] not in ("api", "datasets", "lfs"):
                self.path = "/models" + self.path  # a model's address begins with its name
            return super()._handle()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.calls.append(f"{self.command} {parts.path}")
        if self.hub.is_away:
            self.close_connection = True
            return None
        if self.hub.fails:
            return self._answer({"error": "not now"}, self.hub.fails)
        if words == ["api", "jobs", "hardware"]:
            return self._answer(self.hub.hardware)
        known = {self.hub.token: self.hub.account, **self.hub.others}
        account = known.get(str(self.headers.get("Authorization")).removeprefix("Bearer "))
        if account is None:
            return self._answer({"error": "Invalid username or password."}, 401)
        if words[1] == "whoami-v2":
            named = [{"name": name, "type": "org"} for name in self.hub.organizations]
            return self._answer({"type": "user", "name": account, "orgs": named})
        if account != self.hub.account and words[2] != account:
            return self._answer({"error": "Not found"}, 404)
        if words[2] not in (account, *self.hub.organizations):
            return self._answer({"error": "not yours"}, 403)
        if len(words) == 3 and self.command == "POST":
            return self._run(words[2], json.loads(body))
        if len(words) == 3:
            wanted = dict(label.split("=", 1) for label in parse_qs(parts.query).get("label", []))
            return self._answer(
                [job for job in self.hub.jobs.values() if wanted.items() <= job["labels"].items()][::-1]
            )
        number = words[3]
        if number not in self.hub.jobs:
            return self._answer({"error": "Job not found"}, 404)
        if words[4:] == ["cancel"]:
            self.hub.end(number)
            return self._answer({})
        if words[4:] == ["logs"]:
            return self._log(number, int(parse_qs(parts.query).get("tail", ["100000"])[0]))
        return self._answer(self.hub.jobs[number])

    do_GET = do_POST = do_PUT = do_HEAD = lambda self: self._handle()  # noqa: N815

    def _run(self, namespace: str, spec: dict[str, Any]) -> None:
        number = f"{len(self.hub.jobs) + 1:024x}"
        self.hub.specs[number] = spec
        self.hub.jobs[number] = {
            "id": number,
            "createdAt": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),
            "dockerImage": spec["dockerImage"],
            "command": spec["command"],
            "environment": spec["environment"],
            "flavor": spec["flavor"],
            "labels": spec.get("labels", {}),
            "status": {"stage": "SCHEDULING", "message": None},
            "owner": {"id": "1", "name": namespace, "type": "user"},
        }
        if not self.hub.holds:
            self.hub.start(number)
        if self.hub.garbles_answer:
            self.hub.garbles_answer = False
            return self._answer({"error": "The gateway was tired of waiting."}, 504)
        if self.hub.drops_answer:
            self.hub.drops_answer = False
            self.close_connection = True
            self.hub.is_away = self.hub.goes_away
            return None
        return self._answer(self.hub.jobs[number])

    def _log(self, number: str, tail: int) -> None:
        now = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
        events = [
            f"data: {json.dumps({'data': line, 'timestamp': now})}\n\n"
            for line in ["===== Job started =====", *self.hub.log(number)][-tail:]
        ]
        self._send("".join(events).encode(), 200, "text/event-stream", {})

    def _tree(self, repo: Repository, name: str, rest: list[str], *_: Any) -> None:
        _, files = repo.at(rest[0])
        below = "/".join(rest[1:])
        found = [
            self._entry(path, file)
            for path, file in files.items()
            if not below or path.startswith(f"{below}/")
        ]
        if below and not found:
            return self._answer({"error": "no such folder"}, 404, {"X-Error-Code": "EntryNotFound"})
        return self._answer(found)


JobsHub.handler = _JobsHandler


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[JobsHub]:
    """A Hub that this process and its children take for the real one."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # the local Hub knows uploads by LFS only
    with JobsHub(folder) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        hf_prices._known.clear()
        yield hub
    hf_prices._known.clear()


def until(condition: Any, seconds: float = 120.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.2)
