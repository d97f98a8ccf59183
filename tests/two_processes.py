"""Trains one recipe on as many processes as it says: Lightning starts this file again for each of the others.

python -m tests.two_processes RECIPE.yaml OUT
"""

import sys

from torch import nn

from colorizer import networks
from train.__main__ import main

build = networks.build


def without_batch_statistics(name: str, **config: object) -> nn.Module:
    """Batch normalization sees one process's pictures only; without it the number of processes changes nothing."""
    network = build(name, **config)
    for module in list(network.modules()):
        for child_name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, child_name, nn.GroupNorm(1, child.num_features))
    return network


if __name__ == "__main__":
    networks.build = without_batch_statistics
    sys.exit(main(["fit", sys.argv[1], "--out", sys.argv[2], *sys.argv[3:]]))
