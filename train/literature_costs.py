"""What a network costs at 256x256: multiplications and additions, and seconds on two cores.

    costs(["cnn", "unet"])["cnn"]  ->  {"gflops": 8.6, "seconds": 0.21, "fastest": 0.20, "slowest": 0.24, ...}

Only the network counts, as all else is the same for every model. Weights don't matter for it: a model that isn't
trained costs what its authors' configuration costs. Networks take turns, so that whatever else the machine does meets
them all.
"""

import json
import os
import statistics
import time
from collections.abc import Sequence
from datetime import date
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from colorizer import checkpoint, literature, networks
from colorizer.errors import ModelError
from colorizer.groups import GROUPS
from train import machine

SIDE = 256
THREADS = 2
ROUNDS = 9
# Arguments that every network takes and that change nothing about it: the pipeline reads them, or only training does.
SIZELESS = ("working_size", "pretrained")


def costs(names: Sequence[str], rounds: int = ROUNDS, threads: int = THREADS) -> dict[str, Any]:
    """Measure networks beside one another; models of one architecture and configuration share a measurement.

    Returns:
        date, machine, load, cores, threads, rounds, side, and models: {name: {"architecture", "gflops", "seconds",
        "fastest", "slowest"}}, seconds the median.
    """
    about = {
        "date": date.today().isoformat(),
        "machine": machine.describe(),
        "load": round(machine.load(), 2),
        "cores": _cores(),
        "threads": threads,
        "rounds": rounds,
        "side": SIDE,
    }
    keys = {name: architecture(name) for name in names}
    built = {key: networks.build(json.loads(key)[0], **json.loads(key)[1]).eval() for key in keys.values()}
    taken: dict[str, list[float]] = {key: [] for key in built}
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for turn in tqdm(range(rounds + 1), desc="seconds", unit="round", disable=None):
            for key, network in built.items():
                seconds = _time(network)
                if turn > 0:  # the first one warms up
                    taken[key].append(seconds)
    finally:
        torch.set_num_threads(before)
    models = {
        name: {
            "architecture": key,
            "gflops": gflops(key),
            "seconds": statistics.median(taken[key]),
            "fastest": min(taken[key]),
            "slowest": max(taken[key]),
        }
        for name, key in keys.items()
    }
    return about | {"models": models}


def architecture(name: str) -> str:
    """A model's network and configuration as JSON, as its weights have it or else its authors: what a cost is of."""
    try:
        about = checkpoint.about(name)
        found = [about["network"], about["config"]]
    except ModelError:
        model = literature.find(name)
        if model is None:
            raise
        found = [model.network, model.config]
    config = {key: value for key, value in found[1].items() if key not in SIZELESS}
    return json.dumps([found[0], config], sort_keys=True)


def gflops(key: str) -> float:
    """10^9 multiplications and additions of convolutions and matrix products, each counted, for one 256x256 photo."""
    network, config = json.loads(key)
    try:
        return _count(network, config, "meta")
    except (RuntimeError, NotImplementedError):  # an operation that the meta device doesn't have
        return _count(network, config, "cpu")


def _count(network: str, config: dict[str, Any], device: str) -> float:
    with torch.device(device):
        built = networks.build(network, **config).eval()
        inputs = _inputs()
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        built(*inputs)
    return counter.get_total_flops() / 1e9


def _inputs() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.full((1, 1, SIDE, SIDE), 50.0), torch.zeros(1, len(GROUPS), SIDE // 4, SIDE // 4)


@torch.inference_mode()
def _time(network: nn.Module) -> float:
    inputs = _inputs()
    before = time.perf_counter()
    network(*inputs)
    return time.perf_counter() - before


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
