"""Runs the parts of a batch as processes of their own: what a job of kind colorize does.

python -m train.jobs.batch_work runs/<id>

A part whose process was killed is run again, and skips what is done. run.json says how it all went.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import FrameType

from colorizer import shard_rows, shards
from colorizer.errors import RanginError
from colorizer.settings import ROOT
from colorizer.shards import Plan, Shard
from train.jobs import batch, files
from train.jobs import job as jobs
from train.jobs.job import Job
from train.jobs.work import die_with

DEATHS = 5
"""How often in a row a part may die without one photo more being done; more than one photo may cost (shard_run)."""
_EVERY = 0.1


class Crew:
    """The processes at work on a batch.

    Args:
        job: whose arguments say which parts.
        planned: the batch.
    """

    def __init__(self, job: Job, planned: Plan) -> None:
        self._job = job
        wanted = batch.archive(job.order)
        numbers = range(1, wanted.shards + 1) if wanted.shard is None else (wanted.shard,)
        self.planned, self.retry = planned, wanted.retry
        self.waiting = deque(Shard(number, wanted.shards) for number in numbers)
        self.failed: list[str] = []
        """Of each part that did not come to its end, why."""
        self.is_asked = False
        """Whether the work is to end."""
        self._free = places(job)
        self._present: list[_Part] = []
        self._deaths: dict[Shard, int] = {}

    def work(self) -> None:
        """Run all parts to their ends, or until `stop`."""
        was_said = False
        while self._present or (self.waiting and not self.is_asked):
            while self._free and self.waiting and not self.is_asked:
                self._present.append(
                    _Part(self.planned, self.waiting.popleft(), self._free.pop(), self.retry)
                )
            time.sleep(_EVERY)
            if self.is_asked:
                self.stop()  # a part that was being started then has not been told
                if not was_said:  # at once: there may be no time for it later
                    was_said = True
                    _say(self._job, "stopped", "Stopped; resuming goes on.")
            for ended in [part for part in self._present if part.process.poll() is not None]:
                self._present.remove(ended)
                self._free.append(ended.place)
                self._see(ended)

    def stop(self, number: int = signal.SIGTERM, frame: FrameType | None = None) -> None:
        """Have all parts end."""
        self.is_asked = True
        for part in self._present:
            part.end()

    def _see(self, part: "_Part") -> None:
        """What the end of a part's process means."""
        code, shard = part.process.returncode, part.shard
        said = part.last_words()
        if code == 0 or self.is_asked:
            return
        if code in (2, 130):  # it says itself why it can't go on, or was asked to end
            self.failed.append(f"{_capital(shard)}: {said or 'it was ended from outside.'}")
            return
        has_moved = part.done_now() > 0
        self._deaths[shard] = 1 if has_moved else self._deaths.get(shard, 0) + 1
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        if self._deaths[shard] >= DEATHS:
            self.failed.append(f"{_capital(shard)} {how} {DEATHS} times, the last time after saying: {said}")
            return
        print(f"{shard} {how}; it is run again", flush=True)
        self.waiting.append(shard)


class _Part:
    """One part's process."""

    def __init__(self, planned: Plan, shard: Shard, place: str, retry: bool) -> None:
        self.shard, self.place = shard, place
        self._out, self._last, self._was_told = planned.out, "", False
        self._before = self._done()
        command = [sys.executable, "-m", "colorizer", "shard", str(planned.out)]
        command += [f"{shard.number}/{shard.of}", f"--device={'cuda' if place else 'cpu'}"]
        self.process = subprocess.Popen(
            command + (["--retry"] if retry else []),
            cwd=ROOT,
            env=os.environ | ({"CUDA_VISIBLE_DEVICES": place} if place else {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            preexec_fn=die_with(os.getpid()),
        )
        self._relay = threading.Thread(target=self._pass_on, daemon=True)
        self._relay.start()

    def end(self) -> None:
        """Ask it, once, to stop with what it does now."""
        if not self._was_told:
            self._was_told = True
            self.process.send_signal(signal.SIGTERM)

    def last_words(self) -> str:
        """The last line that it printed."""
        self._relay.join(timeout=5)
        return self._last.removeprefix("error: ")[:300]

    def done_now(self) -> int:
        """How many photos it has done."""
        return self._done() - self._before

    def _done(self) -> int:
        totals = shard_rows.so_far(self._out, self.shard.of, only=self.shard.number)
        return totals.done + totals.failed

    def _pass_on(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._last = line.strip() or self._last
                print(line, end="", flush=True)


def places(job: Job) -> list[str]:
    """Where parts can be at work at the same time: a GPU's name each, or "" for the processor, which one part fills."""
    hardware = job.order.hardware
    if hardware.engine == "local":
        wanted = len([part for part in hardware.device.partition(":")[2].split(",") if part])
    else:
        wanted = hardware.gpus
    if not wanted:
        return [""]
    seen = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return seen[:wanted] or [str(number) for number in range(wanted)]


def run(job: Job) -> int:
    """Do all parts that a job has; 0, 1 where some could not be done, or 143 where it was stopped."""
    wanted = batch.archive(job.order)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        planned = shards.read(Path(wanted.out))
        crew = Crew(job, planned)
        for number in before:
            signal.signal(number, crew.stop)
        _say(job, "running", "")
        crew.work()
        totals = _finish(planned, wanted, crew.is_asked)
    except (RanginError, OSError) as error:
        print(f"error: {error}", flush=True)
        _say(job, "failed", str(error))
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    sentence = batch.summary(totals, planned.out)
    if crew.is_asked:
        _say(job, "stopped", f"Stopped; resuming goes on. {sentence}")
        return 128 + signal.SIGTERM
    if crew.failed:
        _say(job, "failed", f"{' '.join(crew.failed)} Resuming goes on. {sentence}")
        return 1
    print(sentence, flush=True)
    _say(job, "finished", sentence)
    return 0


def _finish(planned: Plan, wanted: batch.Archive, in_haste: bool) -> shard_rows.Totals:
    """How far the batch is; of one that is done, with its report where it was asked for."""
    so_far = batch.so_far(planned.out, wanted.shards)
    if in_haste or (wanted.shard is not None and so_far.left):
        return so_far
    return shard_rows.merge(planned, Path(wanted.report) if wanted.report else None)


def _say(job: Job, status: str, sentence: str) -> None:
    about = {"status": status, "sentence": sentence, "pid": os.getpid(), "kind": job.order.kind}
    try:
        files.write(job.folder / "run.json", json.dumps(about, indent=2) + "\n")
    except OSError as error:  # the photos are what counts
        print(f"run.json can't be written: {error.strerror}", flush=True)


def _capital(shard: Shard) -> str:
    return str(shard).capitalize()


def main() -> int:
    """Do the job whose folder is named."""
    job = jobs.read(Path(sys.argv[1]))
    if job is None:
        print("error: there is no such job", flush=True)
        return 2
    return run(job)


if __name__ == "__main__":
    sys.exit(main())
