"""The long part: pictures looked at, and pairs compared, in as many processes as there are cores."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import monotonic
from typing import TypeVar

import numpy as np
from PIL import Image
from tqdm import tqdm

from colorizer.errors import OptionError
from train import twins
from train.prepare import search, sources
from train.prepare.choose import Link
from train.prepare.index import Index
from train.prepare.look import Look, look
from train.prepare.options import Options
from train.prepare.sources import Item
from train.twins import Likeness

CHUNK = 16  # pictures that a process gets at once
PAIRS = 512  # pairs that a process gets at once
AHEAD = 3  # chunks that wait for each process; bounds memory
SAVE_SECONDS = 3.0  # what a killed run loses at most

Given = TypeVar("Given")
Found = TypeVar("Found")
_Pair = tuple[bytes, bytes, twins.Box, bool]


def look_at(items: Sequence[tuple[Item, str, Path]], index: Index, options: Options) -> dict[str, Look]:
    """Look at pictures and put what was found into the index, often enough that little is lost by a kill.

    Args:
        items: each picture, its key in the index, and where its copy goes; in the order of `sources.find`.
        index: where the results go.
        options: the user's choices.

    Returns:
        The results by key.
    """
    found: dict[str, Look] = {}
    unsaved: list[tuple[str, Look]] = []
    saved = monotonic()
    places = {id(item): (key, copy) for item, key, copy in items}
    wanted = ((*places[id(item)], content) for item, content in sources.read([item for item, _, _ in items]))
    tasks = ((chunk, options.size, options.min_side, options.keeps_gray) for chunk in _chunks(wanted, CHUNK))
    with (
        tqdm(total=len(items), desc="look", unit="picture", disable=None) as progress,
        closing(_map(_look_at_some, tasks, options.processes)) as results,
    ):
        try:
            for result in results:
                found.update(result)
                unsaved += result
                progress.update(len(result))
                if monotonic() - saved > SAVE_SECONDS:
                    index.add(unsaved)
                    unsaved, saved = [], monotonic()
        finally:
            index.add(unsaved)
    return found


def near_links(looks: Sequence[Look], numbers: Sequence[int], options: Options) -> list[Link]:
    """Pairs among the numbered pictures that share a photo or a sitting, each once, in order."""
    if len(numbers) < 2:
        return []
    copies = [search.gray(looks[i].thumbnail) for i in numbers]
    with tqdm(total=len(numbers), desc="search", unit="picture", disable=None) as progress:
        pairs = search.candidates(
            np.array([looks[i].phash for i in numbers], np.int64),
            np.array([looks[i].phash_mirrored for i in numbers], np.int64),
            copies,
            progress.update,
        )
    raw = [copy.tobytes() for copy in copies]
    tasks = _chunks(((raw[i], raw[j], box, is_mirrored) for i, j, box, is_mirrored in pairs), PAIRS)
    likenesses: list[Likeness] = []
    with (
        tqdm(total=len(pairs), desc="compare", unit="pair", disable=None) as progress,
        closing(_map(_compare_some, tasks, options.processes)) as results,
    ):
        for result in results:
            likenesses += result
            progress.update(len(result))
    links: dict[tuple[int, int], Link] = {}
    for (i, j, _, is_mirrored), found in zip(pairs, likenesses, strict=True):
        pair = (min(i, j), max(i, j))
        if found.is_sitting and (pair not in links or found.worst > links[pair].likeness.worst):
            links[pair] = Link(numbers[i], numbers[j], found, is_mirrored)
    return [link for _, link in sorted(links.items())]


def _look_at_some(
    task: tuple[list[tuple[str, Path, bytes | str]], int, int, bool],
) -> list[tuple[str, Look]]:
    chunk, side, least, keeps_gray = task
    return [(key, look(content, copy, side, least, keeps_gray)) for key, copy, content in chunk]


def _compare_some(pairs: list[_Pair]) -> list[Likeness]:
    size = (twins.COPY, twins.COPY)
    found = []
    for first, second, box, is_mirrored in pairs:
        copy = Image.frombytes("L", size, first)
        copy = copy.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if is_mirrored else copy
        found.append(twins.likeness(copy, Image.frombytes("L", size, second), box))
    return found


def _chunks(values: Iterable[Given], size: int) -> Iterator[list[Given]]:
    iterator = iter(values)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _map(
    function: Callable[[Given], Found], tasks: Iterable[Given], processes: int
) -> Generator[Found, None, None]:
    """Results in the order of the tasks, of which no more are drawn than the processes can soon use."""
    if processes == 1:
        yield from map(function, tasks)
        return
    waiting: deque[Future[Found]] = deque()
    pool = ProcessPoolExecutor(processes)
    try:
        for task in tasks:
            waiting.append(pool.submit(function, task))
            if len(waiting) > AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise OptionError(
            "A worker process was killed, most likely because memory ran out; run the same command again with fewer "
            "--jobs, and it goes on where it stopped."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
