"""The GPUs of this machine, without PyTorch, which takes seconds to import: NVIDIA's own program is asked.

for gpu in allowed("auto"):         # or "0,1": RANGIN_GPUS
    print(gpu.device, gpu.name, gpu.memory_gb)
"""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass

_QUERY = ("--query-gpu=index,name,memory.total,uuid", "--format=csv,noheader,nounits")
_KEPT_SECONDS = 60.0
_kept: tuple[float, tuple["Gpu", ...]] | None = None


@dataclass(frozen=True)
class Gpu:
    """One GPU."""

    index: int
    """In the order of the bus, as nvidia-smi counts; jobs are told to count so, too."""
    name: str
    memory_gb: float
    uuid: str = ""
    """As the driver names it: GPU-8e3f..."""

    @property
    def device(self) -> str:
        """As `Hardware.device` names it."""
        return f"gpu:{self.index}"


def allowed(setting: str = "auto") -> tuple[Gpu, ...]:
    """The GPUs that jobs may use.

    Args:
        setting: "auto" is all that this process sees; or numbers: "0,1".
    """
    text = os.environ.get("CUDA_VISIBLE_DEVICES") if setting == "auto" else setting
    found = installed()
    if text is None:
        return found
    named = [part.strip() for part in text.split(",")]
    if "-1" in named:  # as CUDA reads it: this and all behind it are hidden
        named = named[: named.index("-1")]
    if any(name.startswith("MIG-") for name in named):  # parts of GPUs, which nvidia-smi doesn't list so
        return found
    return tuple(gpu for gpu in found if any(_is_meant(gpu, name) for name in named))


def installed() -> tuple[Gpu, ...]:
    """All GPUs of this machine; none where NVIDIA's driver doesn't answer. Asked once a minute."""
    global _kept
    if _kept is None or time.monotonic() - _kept[0] > _KEPT_SECONDS:
        _kept = (time.monotonic(), _ask())
    return _kept[1]


def numbers(device: str) -> tuple[int, ...]:
    """The GPUs of a `Hardware.device`; none of cpu."""
    return tuple(int(part) for part in device.partition(":")[2].split(",") if part)


def _ask() -> tuple[Gpu, ...]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        said = subprocess.run([program, *_QUERY], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    found = []
    for line in said.stdout.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) == 4 and cells[0].isdigit():
            memory = float(cells[2]) / 1024 if cells[2].replace(".", "").isdigit() else 0.0
            found.append(Gpu(int(cells[0]), cells[1], round(memory, 1), cells[3]))
    return tuple(found)


def _is_meant(gpu: Gpu, name: str) -> bool:
    """Whether a part of CUDA_VISIBLE_DEVICES is this one: its number, or the beginning of GPU-8e3f..."""
    return (name.isdigit() and int(name) == gpu.index) or (
        name.startswith("GPU-") and gpu.uuid.startswith(name)
    )
