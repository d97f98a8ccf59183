"""What `python -m colorizer compare` does, once its command line is understood."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from colorizer import checkpoint, photo, sheet
from colorizer.batch import find_files, make_folder
from colorizer.comparison import Comparison
from colorizer.comparison_files import Compared, compare_files, find_truths
from colorizer.comparison_models import ALL, choose_models, unusable
from colorizer.comparison_page import SIDE, Page
from colorizer.errors import OptionError
from colorizer.options import check_vividness
from colorizer.pipeline import Colorizer
from colorizer.provenance import SUFFIXES, write_whole

PAGES = (".html", ".htm")


def run(options: argparse.Namespace) -> int:
    """Everything that is wrong with the command is said before a photo is read; returns the exit code."""
    is_page = options.out.suffix.lower() in PAGES
    if not is_page and options.out.suffix.lower() not in SUFFIXES:
        raise OptionError(
            f"The comparison {options.out} must end in {', '.join(SUFFIXES)} for one picture, or .html for a page."
        )
    if os.path.isdir(options.out):
        raise OptionError(f"{options.out} is a folder; name a file in it to write to.")
    check_vividness(options.vividness)
    leave_out = [options.out]
    if options.truth is not None and not _is_one_of(options.truth, options.input):
        leave_out.append(options.truth)  # the originals may lie in a folder below the photos
    files = find_files(options.input, leave_out)
    if _is_one_of(options.out, files if options.truth is None else [*files, options.truth]):
        raise OptionError(f"{options.out} is to be compared itself; choose another name to write to.")
    truths = {} if options.truth is None else find_truths(files, options.truth)
    names = choose_models(options.models, checkpoint.find("default").stem, allow_files=True)
    if not is_page:
        sheet.check_count(len(files), len(names))
    make_folder(options.out.parent)
    if not os.access(options.out.parent, os.W_OK):
        raise OptionError(f"The folder {options.out.parent} can't be written to; choose another place.")

    colorizer = Colorizer.load(names[0], options.device)
    names = (colorizer.name, *names[1:])
    output = _Output(options.out, is_page)
    for sentence in unusable() if ALL in options.models else ():
        output.say(sentence)
    with _share_done() as tell:
        for one in compare_files(
            colorizer, files, names, truths, options.ethnicity, options.vividness, output.longest, tell
        ):
            output.add(one)
    return output.finish()


class _Output:
    """The page or the sheet that grows, and what is said meanwhile; nothing is written before all is done."""

    def __init__(self, path: Path, is_page: bool) -> None:
        self.path = path
        self.page = Page() if is_page else None
        self.longest = SIDE if is_page else sheet.PANEL
        self.done: list[Comparison] = []
        self.photos = 0
        self.has_failed = False
        self._said: set[str] = set()

    def say(self, sentence: str) -> None:
        """Once, on standard error."""
        if sentence not in self._said:
            print(sentence, file=sys.stderr)
        self._said.add(sentence)

    def add(self, one: Compared) -> None:
        """One more photo, or why there is none."""
        if one.error:
            self.say(f"{one.file}: {one.error}")
        if one.comparison is None:
            self.has_failed = True
            if self.page is not None:
                self.page.refuse(one.name, one.error)
            return
        for sentence in one.comparison.left_out:
            self.say(sentence)
        self.has_failed |= bool(one.error or one.comparison.left_out)
        for painting in one.comparison.paintings:
            print(f"{one.name}\t{painting.model}\t{sheet.in_words(painting)}")
        self.photos += 1
        if self.page is not None:
            self.page.add(one.comparison)
        else:
            self.done.append(one.comparison)

    def finish(self) -> int:
        """Write what there is; the exit code."""
        if not self.photos:
            return 1
        if self.page is not None:
            write_whole(self.path, self.page.html().encode("utf-8", errors="replace"))
        else:
            photo.write(sheet.draw(self.done), self.path, model=sheet.signature(self.done))
        print(f"written to {self.path}")
        return 1 if self.has_failed else 0


def _is_one_of(path: Path, others: Iterable[str | Path]) -> bool:
    return path.resolve() in [Path(other).resolve() for other in others]


@contextmanager
def _share_done() -> Iterator[Callable[[str, float], None]]:
    """A function that is told what begins and which share is done; a bar on standard error where that is a terminal."""
    from tqdm import tqdm

    shape = "{percentage:3.0f}% |{bar}| {elapsed}, {remaining} left {postfix}"
    with tqdm(total=1.0, bar_format=shape, disable=None, leave=False, file=sys.stderr) as bar:

        def tell(what: str, share: float) -> None:
            bar.set_postfix_str(what, refresh=False)
            bar.update(share - bar.n)
            bar.refresh()

        yield tell
