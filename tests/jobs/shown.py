"""Folders of jobs as they lie on the disk at some moment, and a page with nothing but the section "Runs" of them."""

import csv
import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import numpy as np
from PIL import Image

from train.desk_runs import RunsDesk
from train.jobs import job as jobs
from train.jobs.engine import Seen
from train.jobs.job import Hardware, Job, Order, State
from train.settings import TrainSettings
from train.shop import Shop

BEGAN = 1_790_000_000.0
"""Seconds since 1970: 21 September 2026, in the afternoon."""


class Still:
    """An engine whose jobs are as job.json says, whatever runs on this machine; what it was asked is in `asked`."""

    name, title = "local", "this machine"

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def unavailable(self) -> str:
        return ""

    def check(self, order: Order, recipe: object) -> list[Any]:
        return []

    def submit(self, job: Job) -> str:
        self.asked.append(("submit", job.id))
        return "1"

    def look(self, job: Job) -> Seen:
        return Seen(job.state, job.sentence)

    def logs(self, job: Job, lines: int) -> str:
        path = job.folder / "output.txt"
        return "\n".join(path.read_text(encoding="utf-8").splitlines()[-lines:]) if path.is_file() else ""

    def cancel(self, job: Job) -> None:
        self.asked.append(("cancel", job.id))
        jobs.change(job.folder, state=State.STOPPING)


def order(name: str, **changes: Any) -> Order:
    """Of a training."""
    given: dict[str, Any] = {
        "who": "asha",
        "recipe": "ethnicity-aware",
        "dataset": "portraits",
        "overrides": ("epochs=5", "batch=16"),
        "hardware": Hardware(device="gpu:0"),
    }
    return Order(name=name, **(given | changes))


def put(
    runs: Path,
    name: str,
    state: State,
    step: int = 0,
    steps: int = 1000,
    sentence: str = "",
    log: str = "",
    age: float = 0.0,
    **changes: Any,
) -> Job:
    """A job's folder with everything that belongs to it at a step.

    Args:
        age: seconds since it was ordered.
        changes: of the order.
    """
    job = jobs.create(order(name, **changes), runs, ("python", "-m", "train"))
    began = time.time() - age
    values: dict[str, Any] = {"created": began, "submitted": began, "attempts": 1, "number": "4711"}
    if state is not State.WAITING:
        values["started"] = began + 5
    if state.is_over:
        values |= {"ended": began + 3700, "sentence": sentence}
    job = jobs.change(job.folder, state=state, **{**values, "sentence": sentence})
    (job.folder / "output.txt").write_text(log, encoding="utf-8")
    if step:
        train_to(job, step, steps)
    return job


def train_to(job: Job, step: int, steps: int = 1000, offset: float = 0.0) -> None:
    """metrics.csv and run.json of a training that has come to a step, in rows of 20 with a validation each 100."""
    rows: list[dict[str, Any]] = []
    best = 0.0
    for at in range(20, step + 1, 20):
        loss = 60 * math.exp(-at / 90) + 2.1 + 0.15 * math.sin(at / 23) - offset / 5
        row: dict[str, Any] = {"step": at, "epoch": at / 200, "lr": 1e-4, "seconds": at * 0.4}
        row |= {
            "images_per_second": 39.5,
            "train/loss": loss,
            "train/psnr": 27 - 9 * math.exp(-at / 200) + offset,
        }
        if at % 100 == 0:
            psnr = 26.1 - 8 * math.exp(-at / 260) + offset
            best = max(best, psnr)
            row |= {"val/loss": loss * 1.08, "val/psnr": psnr, "val/ssim": 0.95 - 0.2 * math.exp(-at / 200)}
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    with (job.folder / "metrics.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    about = {"step": step, "steps": steps, "seconds": step * 0.4, "status": "running", "name": job.order.name}
    about |= {"best": {"step": step // 100 * 100, "name": "val/psnr", "value": best}} if best else {}
    (job.folder / "run.json").write_text(json.dumps(about), encoding="utf-8")


def paint(job: Job, steps: Sequence[int]) -> None:
    """Strips of four drawn faces, more colourful from step to step."""
    folder = job.folder / "samples"
    folder.mkdir(exist_ok=True)
    at = np.linspace(-1, 1, 96)
    blob = np.exp(-(at**2 + at[:, None] ** 2) * 3)[..., None]
    skins = [(225, 180, 150), (140, 95, 70), (190, 140, 100), (235, 200, 175)]
    truth = np.concatenate([60 + blob * (np.array(skin) - 60) for skin in skins], axis=1)
    gray = np.repeat(truth.mean(axis=2, keepdims=True), 3, axis=2)
    strips = {"truth": truth, "gray": gray}
    strips |= {
        f"step-{step:07}": gray + (truth - gray) * (k + 1) / len(steps) for k, step in enumerate(steps)
    }
    for name, strip in strips.items():
        Image.fromarray(strip.astype(np.uint8)).save(folder / f"{name}.webp", quality=90)


def finish(job: Job) -> None:
    """Weights, a card and a report, as a training and an evaluation leave them."""
    (job.folder / f"{job.order.name}.safetensors").write_bytes(b"weights")
    (job.folder / f"{job.order.name}.md").write_text("# A card\n", encoding="utf-8")
    (job.folder / "report").mkdir(exist_ok=True)
    html = "<!doctype html><title>Report</title><h1>Report of the run</h1><script>parent.hacked = 1</script>"
    (job.folder / "report" / "report.html").write_text(html, encoding="utf-8")


@dataclass
class Showing:
    """A running page."""

    url: str
    shop: Shop
    desk: RunsDesk

    def call(self, event: str, *given: Any) -> tuple[int, Any]:
        """The answer of a named event: its status, and what it says."""
        answer = httpx.post(f"{self.url}gradio_api/run/{event}", json={"data": list(given)})
        said = answer.json()
        return answer.status_code, said["data"][0] if answer.status_code == 200 else said["error"]


@contextmanager
def served(runs: Path, **options: Any) -> Iterator[Showing]:
    """The page, while the block runs; on this machine alone, so that whoever comes may train."""
    import app
    from colorizer.tab_inputs import Page
    from train import tab_runs

    shop = Shop(TrainSettings(runs=runs, training="auto"), environment={})
    with Page(analytics_enabled=False) as page, gr.Tabs():
        with gr.Tab("Elsewhere"):
            gr.HTML("<p>Nothing</p>")
        with gr.Tab("Runs"):
            desk = tab_runs.build(shop)
    settings = {**app.launch_options(), "head": "", **options}
    _, url, _ = page.launch(**settings, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        yield Showing(url, shop, desk)
    finally:
        page.close()
