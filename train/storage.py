"""Where the decoded pictures lie while they are trained on: on the GPU if they fit, else in the file that all share."""

import logging
import os
from collections.abc import Sequence
from typing import Literal

import torch

from train.data import Pictures

log = logging.getLogger(__name__)

# Of the GPU's free memory; the rest is for the network's own activations and gradients.
DEVICE_SHARE = 0.4
# Of the machine's memory, in which the system then keeps the mapped file.
MEMORY_SHARE = 0.7

Place = Literal["device", "memory", "disk"]


def place(sources: Sequence[Pictures], device: torch.device) -> Place:
    """Decide, and say so in the log.

    Returns:
        "device": the pictures fit on this GPU; give `sources` to Augmentation and rows_only=True to Feed, and no
        pixel crosses from the host during training. "memory": the mapped file, which the processes that prepare
        batches share, stays in memory as a whole. "disk": parts of it are read again and again.
    """
    count = sum(source.lab.nbytes for source in sources if source.share)
    size = f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
    if device.type == "cuda":
        free = torch.cuda.mem_get_info(device)[0]
        if count <= DEVICE_SHARE * free:
            log.info("The pictures (%s) are held on %s, which has %.1f GB free.", size, device, free / 1e9)
            return "device"
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not every system says
        memory = 0
    if count <= MEMORY_SHARE * memory:
        log.info("The pictures (%s) are read from one file that all processes share in memory.", size)
        return "memory"
    log.info(
        "The pictures (%s) are more than memory holds: they are read from the disk; workers=N helps.", size
    )
    return "disk"
