"""What became of a Hugging Face Job that is over, in one sentence: from its own last word, or else the service's."""

from typing import Any

from colorizer.training_notes import printable
from train import standing
from train.jobs.engine import Seen
from train.jobs.job import Job, State

_GOES_ON = "resuming goes on from the last checkpoint that it sent."


def last_word(job: Job, stage: str, message: str, ended: dict[str, Any] | None) -> Seen:
    """How it ended.

    Args:
        job: with its run's files as they were last sent.
        stage: COMPLETED, CANCELED, ERROR or DELETED.
        message: the service's.
        ended: what the job itself said at its end (`train.jobs.hf_work`), if it did. Anybody may have written it.
    """
    run = standing.read(job.folder)
    said = printable(" ".join(str(run.get("sentence") or "").split()), 500).replace("--resume", "resuming")
    if ended is not None:
        if ended.get("why") == "time":
            return Seen(State.STOPPED, f"Its {job.order.hardware.minutes} minutes were over; {_GOES_ON}")
        if ended.get("why"):
            return Seen(State.STOPPED, said or f"Stopped on request; {_GOES_ON}")
        if ended.get("exit_code") == 0:
            return Seen(State.FINISHED, said)
        own = printable(" ".join(str(ended.get("sentence") or "").split()), 500)
        is_news = run.get("status") == "failed"
        code = f"It ended with exit code {ended.get('exit_code')!s:.20}; its log says why."
        return Seen(State.FAILED, own or (said if is_news else "") or code)
    if stage == "DELETED" and not job.wants_stop:
        return Seen(State.LOST, f"The Hub doesn't know this job any more; {_GOES_ON}")
    if job.wants_stop or stage in ("CANCELED", "DELETED"):
        return Seen(State.STOPPED, f"It was ended on the Hub without a last word; {_GOES_ON}")
    if stage == "COMPLETED":
        return Seen(State.LOST, f"It ended on the Hub, and its results didn't arrive; {_GOES_ON}")
    why = printable(" ".join(message.split()), 300)
    return Seen(State.FAILED, f"Hugging Face Jobs ended it{f' ({why})' if why else ''}; {_GOES_ON}")
