"""Starts one job on this machine and ends: what remains is submitit's controller, and in it the job's keeper.

python -m train.jobs.start runs/<id>
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from colorizer.settings import ROOT
from train.jobs import gpus, processes
from train.jobs import job as jobs
from train.jobs.job import Job, State
from train.jobs.work import Work

# submitit wants an end; a training's is in its recipe.
_MINUTES = 10 * 365 * 24 * 60


def spawn(job: Job) -> None:
    """Have a claimed job started by a process of its own, in its own session: Ctrl-C on a page must not reach jobs.

    Raises:
        OSError: there can be no such process.
    """
    folder = job.folder / "submitit"
    folder.mkdir(exist_ok=True)
    # A page that itself runs inside of a Slurm job, or a job that starts the next: what they were told is not for it.
    environment = {
        name: value
        for name, value in os.environ.items()
        if (not name.startswith(("SLURM_", "SUBMITIT_")) or name == "SLURM_CONF")
        and name not in processes.SECRETS
    }
    environment[processes.VARIABLE] = job.token
    with (folder / "start.log").open("ab") as file:
        started = subprocess.Popen(
            [sys.executable, "-m", "train.jobs.start", str(job.folder)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # So that it leaves no zombie.
    threading.Thread(target=started.wait, name="start of a job", daemon=True).start()


def start(folder: Path) -> None:
    """Hand a claimed job to submitit's executor for this machine."""
    import submitit

    job = jobs.read(folder)
    if job is None or job.state not in (State.STARTING, State.STOPPING):
        return
    numbers = gpus.numbers(job.order.hardware.device)
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
