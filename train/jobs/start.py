"""Starts one job on this machine and ends: what remains is submitit's controller, and in it the job's keeper.

python -m train.jobs.start runs/<id>
"""

import os
import sys
import time
from pathlib import Path

from train.jobs import job as jobs
from train.jobs import local
from train.jobs.job import State
from train.jobs.work import Work

# submitit wants an end; a training's is in its recipe.
_MINUTES = 10 * 365 * 24 * 60


def start(folder: Path) -> None:
    """Hand a claimed job to submitit's executor for this machine."""
    import submitit

    job = jobs.read(folder)
    if job is None or job.state not in (State.STARTING, State.STOPPING):
        return
    numbers = local.numbers(job.order.hardware.device)
    # Count GPUs as nvidia-smi does.
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    executor = submitit.LocalExecutor(folder=folder / "submitit")
    executor.update_parameters(
        timeout_min=_MINUTES,
        gpus_per_node=len(numbers),
        visible_gpus=numbers,
        stderr_to_stdout=True,
    )
    number = executor.submit(Work(str(folder))).job_id
    jobs.change(folder, number=number)


def main() -> int:
    """Start the job whose folder is named; 1 with a sentence in job.json where that is not possible."""
    folder = Path(sys.argv[1])
    try:
        start(folder)
    except Exception as error:
        if jobs.read(folder) is not None:
            jobs.change(
                folder,
                state=State.FAILED,
                ended=time.time(),
                sentence=f"It could not be started: {type(error).__name__}: {error}",
            )
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
