"""Which models are meant to be compared: every name checked before any of them is loaded."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from colorizer import catalog
from colorizer.errors import ModelError, OptionError

ALL = "all"
DEFAULT = "default"


def choose_models(names: Sequence[str], own: str, *, allow_files: bool = False) -> tuple[str, ...]:
    """Names as somebody gave them -> names to load, each once, in this order.

    Args:
        names: names of models that colorize; "all" is every trained one, "default" is `own`.
        own: name of the model that is loaded anyway.
        allow_files: whether a path to .safetensors and hf:user/name are names too. Never for strangers: they would
            read the server's files and make it fetch others.

    Raises:
        ModelError: one of them is not trained yet, or is no colorizer.
        OptionError: there is no such model, none was named, or two would be called alike.
    """
    trained = catalog.colorizers()
    chosen: list[str] = []
    for name in names:
        if name == ALL:
            chosen += sorted(trained, key=lambda one: one != own)  # the one that leads the table first
        elif name == DEFAULT:
            chosen.append(own)
        elif name in trained or name == own or (allow_files and _is_file(name)):
            chosen.append(name)
        else:
            raise _refusal(name, trained)
    if not chosen:
        raise OptionError(f"No model is named; choose from all, default, {', '.join(trained)}.")
    chosen = list(dict.fromkeys(chosen))
    titles = [Path(name).stem if name.endswith(".safetensors") else name for name in chosen]
    twice = next((title for title in titles if titles.count(title) > 1), None)
    if twice is not None:  # their figures would be mixed up
        raise OptionError(f"Two of the models are called {twice!r}; name one of them, or rename its file.")
    return tuple(chosen)


def _is_file(name: str) -> bool:
    return name.startswith("hf:") or name.endswith(".safetensors")


def _refusal(name: str, trained: Sequence[str]) -> ModelError | OptionError:
    """Why a model can't be compared, and what to do."""
    entries = {entry.name: entry for entry in catalog.entries()}
    if name in entries:
        entry = entries[name]
        if entry.is_trained:
            return ModelError(f"The model {name!r} is no colorizer; choose from {', '.join(trained)}.")
        makes = f"this makes it: {entry.how}" if entry.how else "get the file again."
        return ModelError(
            f"The model {name!r} can't be used: {entry.problem} If need be, {makes}"
            if entry.problem
            else f"The model {name!r} is not trained yet; {makes}"
        )
    near = get_close_matches(name.lower(), [ALL, DEFAULT, *entries], n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(trained)}."
    return OptionError(f"There is no model {name!r}; {hint}")


def unusable() -> list[str]:
    """A sentence on each file of weights that "all" leaves out because something is wrong with it."""
    return [
        f"{entry.name} is left out: {entry.problem}"
        for entry in catalog.entries()
        if entry.problem and not entry.is_trained
    ]
