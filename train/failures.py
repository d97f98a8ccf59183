"""Why a run ended before its time, in one sentence each. Whatever has none here is a bug and keeps its traceback."""

import errno

from colorizer.errors import RanginError

# What PyTorch says when a CPU's memory is at its end; it has no class of its own for it.
NO_MEMORY = ("can't allocate memory", "not enough memory", "Cannot allocate memory", "bad allocation")
NO_SPACE = ("No space left on device", "Disk quota exceeded")
# What the processes of one run hear when another of them is gone.
LOST_PEER = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Socket", "NCCL")


class Diverged(RanginError):  # noqa: N818  a course of things
    """A loss, a score or the weights are no numbers any more.

    Args:
        step: the first step at which that was so.
        what: "the loss" and the like.
    """

    def __init__(self, step: int, what: str) -> None:
        self.step = step
        super().__init__(
            f"At step {step} {what} became infinite or not a number, and training stopped there; the checkpoints are "
            "from before. Try a lower optimizer.lr, a longer schedule.warmup, a smaller optimizer.clip, or "
            "precision=32-true."
        )


class Stopped(Exception):  # noqa: N818  not an error
    """A signal asked the run to end; its checkpoint is written.

    Args:
        signal: its number.
    """

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__(f"stopped by signal {signal}")


def sentence(error: BaseException) -> str | None:
    """What to tell the user; None for a bug.

    Args:
        error: what ended the run. Errors that it was raised from or during count too, and so do those that a data
            worker has wrapped in its own words.
    """
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in chain:
        chain.append(cause)
        cause = cause.__cause__ or cause.__context__
    for link in chain:
        said = _one(link)
        if said is not None:
            return said
    return None


def _one(error: BaseException) -> str | None:
    text = str(error)
    if isinstance(error, RanginError):
        # Out of a data worker its text is that worker's traceback; the last line is the sentence.
        last = text.strip().splitlines()[-1] if text.startswith("Caught ") else text
        return (
            last.removeprefix("colorizer.errors.").partition("Error: ")[2] or last if last != text else text
        )
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(
        words in text for words in NO_SPACE
    ):
        return (
            "The disk is full, so the run could not go on; its last whole checkpoint is kept. Make room and go on "
            "with --resume."
        )
    if text.startswith("Expected more than 1 value per channel"):
        return (
            "A single picture this small leaves batch normalization nothing to average; take a larger batch or larger "
            "sizes."
        )
    if isinstance(error, MemoryError) or any(words in text for words in NO_MEMORY):
        return "The machine's memory is too small for this run; try a smaller batch, smaller sizes, or fewer workers."
    if type(error).__name__ == "OutOfMemoryError":  # torch's, on a GPU
        return (
            "The GPU's memory is too small for this run; try a smaller batch, smaller sizes, or "
            "precision=bf16-mixed."
        )
    if "DataLoader worker" in text and ("exited unexpectedly" in text or "killed by signal" in text):
        return (
            "A process that prepares batches was killed, most often because memory ran out; go on with --resume and "
            "fewer workers."
        )
    if isinstance(error, OSError) and _is_about_a_file(error, text):
        return (
            f"A file that the run needs can't be read or written any more ({_last_line(text)}); put it back and go on "
            "with --resume."
        )
    if type(error).__name__ in ("DistBackendError", "DistNetworkError", "RuntimeError") and any(
        words in text for words in LOST_PEER
    ):
        return "Another process of this run has ended, and its words say why; go on with --resume when that is mended."
    return None


def _is_about_a_file(error: OSError, text: str) -> bool:
    return (
        error.filename is not None or text.startswith("Caught ") or error.errno in (errno.EIO, errno.ESTALE)
    )


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1]
