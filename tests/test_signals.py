"""A run hears of signals, also where Python itself does not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from train import signals
from train.failures import Stopped

REPOSITORY = Path(__file__).parents[1]
# Waits in the rendezvous of two processes for one that never comes: inside a library that runs no Python.
DEAF = """
import torch.distributed as dist
from datetime import timedelta
from train import signals
signals.GRACE = 1.0
with signals.Signals() as ears:
    ears.last_word = lambda: print("last word", flush=True)
    print("waiting", flush=True)
    dist.TCPStore("127.0.0.1", 0, 2, True, timedelta(seconds=100), wait_for_workers=True)
"""


def test_a_process_that_waits_for_another_in_vain_ends_on_sigterm() -> None:
    deaf = subprocess.Popen([sys.executable, "-c", DEAF], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    assert deaf.stdout is not None
    try:
        assert deaf.stdout.readline() == "waiting\n"
        # From there to the inside of the library is one instruction, but other programs run too.
        time.sleep(3)
        deaf.send_signal(signal.SIGTERM)
        said, _ = deaf.communicate(timeout=60)
    finally:
        deaf.kill()
    assert deaf.returncode == 128 + signal.SIGTERM
    assert said == "last word\n"


def test_a_child_that_is_told_to_end_does_not_end_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "GRACE", 0.1)
    ended = []
    monkeypatch.setattr(signals.os, "_exit", ended.append)
    with signals.Signals() as ears:
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(told, b"!")
                signal.pause()
            finally:
                os.kill(os.getpid(), signal.SIGKILL)
        os.read(ready, 1)
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        assert not ears._heard.wait(0.5)
    assert not ended


def test_a_signal_is_heard_at_once_while_preparing_and_noted_while_training() -> None:
    with signals.Signals() as ears:
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)
        assert ears.received == signal.SIGTERM
    with signals.Signals() as ears:
        ears.is_training = True
        signal.raise_signal(signal.SIGINT)
        assert ears.received == signal.SIGINT


def test_one_request_that_comes_twice_waits_for_the_step_and_a_second_request_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with signals.Signals() as ears:
        ears.is_training = True
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert ears.received == signal.SIGTERM
        monkeypatch.setattr(signals, "SAME_REQUEST", 0.0)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGTERM)
    with signals.Signals() as ears:
        ears.is_training = True
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped):
            signal.raise_signal(signal.SIGINT)
