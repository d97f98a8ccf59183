"""The benchmark's Markdown: what was measured, on what machine, when, how often."""

import datetime
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

from bench.measure import Measurement, spread
from train.machine import processor

PACKAGES = ("torch", "torchvision", "timm", "facenet-pytorch", "gradio", "numpy", "pillow", "sqlalchemy")


def table(measurements: Sequence[Measurement]) -> str:
    """A Markdown table, one row a measurement: median (smallest to largest), comparison, limit."""
    lines = ["| what | Rangin | comparison | | limit |", "|---|---|---|---|---|"]
    for row in measurements:
        limit = "" if row.limit is None else f"{row.limit:,.0f} {row.unit}"
        limit += "" if row.is_within_limit else " **missed**"
        lines.append(
            f"| {row.what} | {spread(row.readings, row.unit)} | {row.comparison} "
            f"| {spread(row.compared, row.unit)} | {limit} |"
        )
    return "\n".join(lines)


def machine(load_before: float) -> str:
    """Date, processor, cores, load and versions in one sentence."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"Measured on {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d} on {processor()}, "
        f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores "
        f"(other load when it began: {load_before:.1f}), {platform.system()}, "
        f"Python {platform.python_version()}, {packages}."
    )


def page(measurements: Sequence[Measurement], load_before: float) -> str:
    """The whole of docs/benchmarks.md."""
    counts = sorted({len(row.readings) for row in measurements})
    return f"""# Benchmarks

Written by `make bench`; {machine(load_before)}

Median, smallest and largest of {" or ".join(map(str, counts))} readings, each taken in turn with its comparison's. The
portrait is scikit-image's astronaut at 1024x1024 as a JPEG: one face, two threads, models loaded, one unmeasured turn
before. The start is a fresh process with the files in the system's cache; memory is a fresh process's resident
high-water mark. Training is the default colorizer's recipe at 128 pixels, 32 pictures of noise a step. A comparison
is `python -m colorizer compare` from its start to its page, with figures, by every model whose weights were here.
Labels are rows in SQLite without picture files; every commit is flushed to the disk.

{table(measurements)}
"""
