"""The text of a recipe: YAML in, and sentences out that say what is wrong, what is allowed, and what comes nearest."""

import difflib
import types
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from colorizer.errors import OptionError

# Keys of older recipes, and those that stand in several sections -> where they are looked for.
MOVED = {
    "lr": "optimizer.lr",
    "final_lr": "schedule.final",
    "mosaic": "augment.zoom_out",
    "epochs": "epochs",
    "steps": "steps",
}


class _Loader(yaml.SafeLoader):
    """YAML that refuses a key given twice, of which the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]  # type: ignore[no-untyped-call]
        for key, (at, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.MarkedYAMLError(
                    problem=f"the key {key!r} stands there twice", problem_mark=at.start_mark
                )
        return super().construct_mapping(node, deep)


def parse(text: str, name: str) -> dict[str, Any]:
    """A recipe's YAML as nested dicts and lists.

    Raises:
        OptionError: it is no YAML, no mapping, or has a key twice.
    """
    try:
        values = yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise OptionError(f"{name} is not valid YAML: {_at(error)}.") from error
    if not isinstance(values, dict):
        raise OptionError(f"{name} is not a recipe: it must be a list of `key: value` lines.")
    return values


def override(values: dict[str, Any], text: str) -> None:
    """Put `key=value` into parsed values, in place; a section that isn't there yet is made.

    Raises:
        OptionError: it is no key=value, or leads through something that is no section.
    """
    key, equals, written = text.partition("=")
    if not equals or not key or not all(key.split(".")):
        raise OptionError(
            f"{text!r} is not an override; write key=value, for example batch=32 or data.0.share=0.5."
        )
    if not written.strip():
        raise OptionError(f"{text!r} gives no value; write {key}=null for none.")
    try:
        value = yaml.load(written, _Loader)
    except yaml.YAMLError as error:
        raise OptionError(
            f"{text!r} does not fit the recipe: its value is not valid YAML: {_at(error)}."
        ) from error
    *parents, last = key.split(".")
    part: Any = values
    for i, parent in enumerate(parents):
        place = _place(part, parent, ".".join(parents[:i]), text)
        if isinstance(part, dict) and part.get(parent) is None:
            part[parent] = {}
        part = part[place]
    part[_place(part, last, ".".join(parents), text)] = value


def _place(part: Any, key: str, name: str, text: str) -> Any:
    """How `part` is indexed by a part of an override's key."""
    if isinstance(part, dict):
        return key
    if not isinstance(part, list):
        raise OptionError(f"{text!r} does not fit the recipe: {name} is no section but {given(part)}.")
    if not key.isdecimal() or int(key) >= len(part):
        raise OptionError(
            f"{text!r} does not fit the recipe: {name} has {len(part)} entries, numbered from 0 to {len(part) - 1}, "
            f"and none is {key!r}."
        )
    return int(key)


def _at(error: yaml.YAMLError) -> str:
    """What is wrong and in which line, without the library's picture of it."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return f"{error.problem or error.context}" + (f" (line {mark.line + 1})" if mark else "")
    return str(error).splitlines()[0]


def explain(model: type[BaseModel], error: ValidationError) -> str:
    """All that is wrong, each in one clause with the key in full."""
    text = "; ".join(dict.fromkeys(_explain(model, problem) for problem in error.errors()))
    return text if text.endswith("?") else text + "."


def _explain(model: type[BaseModel], problem: Any) -> str:
    loc, kind = problem["loc"], problem["type"]
    if kind == "missing" and isinstance(loc[-1], int):  # a list that is too short, given as a whole
        loc, kind = loc[:-1], "too_short"
    key = ".".join(map(str, loc))
    if kind == "extra_forbidden":
        return _unknown(model, loc)
    if kind == "invalid_key":
        return f"{key.removesuffix('.[key]')}: a key must be text, not {given(problem['input'])}"
    if kind == "value_error":
        message = str(problem["ctx"]["error"])
        return message if not key or message.startswith(key) else f"{key}: {message}"
    rule = allowed(*_field(model, loc))
    if kind == "missing":
        return f"{key} is missing: it must be {rule}"
    hint = ""
    if kind == "literal_error" and isinstance(problem["input"], str):
        hint = nearest(problem["input"], _choices(_field(model, loc)[0]))
    return f"{key} must be {rule}, not {given(problem['input'])}{hint}"


def _unknown(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    """A key that nobody knows: the nearest one beside it or anywhere else, else all that stand beside it."""
    key, last = ".".join(map(str, loc)), str(loc[-1])
    section = model if len(loc) == 1 else _section(_field(model, loc[:-1])[0])
    beside = list(section.model_fields) if section else []
    elsewhere = [name for name in keys(model) if name.rpartition(".")[2] == last]
    if last in MOVED and MOVED[last] != key:
        found = [MOVED[last]]
    elif elsewhere:
        found = elsewhere
    else:
        prefix = key.removesuffix(last)
        found = [prefix + name for name in difflib.get_close_matches(last, beside, n=1)]
        leaves = {name.rpartition(".")[2]: name for name in keys(model)}
        found = found or [leaves[near] for near in difflib.get_close_matches(last, leaves, n=1, cutoff=0.75)]
    if found:
        return f"there is no key {key!r}, did you mean {' or '.join(map(repr, found))}?"
    return f"there is no key {key!r}; allowed: {', '.join(beside)}"


def nearest(word: str, words: Sequence[str]) -> str:
    """ ", did you mean ...?", or nothing where no word is near."""
    near = difflib.get_close_matches(word, words, n=1)
    return f", did you mean {near[0]!r}?" if near else ""


def given(value: Any) -> str:
    """A value as the recipe's writer knows it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"a section with {', '.join(map(str, value)) or 'nothing in it'}"
    if isinstance(value, list):
        return f"the list {value}"
    return repr(value)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every key in full, sections' own among them; entries of a list are called N."""
    for name, field in model.model_fields.items():
        yield prefix + name
        section = _section(field.annotation)
        if section:
            inner = "N." if get_origin(_bare(field.annotation)) is list else ""
            yield from keys(section, f"{prefix}{name}.{inner}")


def table(model: type[BaseModel]) -> str:
    """Every key with what it takes, its default and what it means, as Markdown."""
    lines = ["| key | takes | default | |", "|---|---|---|---|"]
    for key in keys(model):
        if key.startswith("validation."):  # the same as data's
            continue
        annotation, field = _field(model, [0 if part == "N" else part for part in key.split(".")])
        if field is None:
            continue
        section = _section(annotation)
        takes = ("sections" if get_origin(_bare(annotation)) is list else "a section") if section else None
        takes = takes or allowed(annotation, field)
        lines.append(f"| `{key}` | {takes} | {_default(field)} | {field.description or ''} |")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(default, BaseModel) or default == {}:
        return ""
    if isinstance(default, (str, Path)):
        return f"`{default}`"
    return f"`{given(default).removeprefix('the list ')}`"


def allowed(annotation: Any, field: FieldInfo | None) -> str:
    """What a key takes, in plain words."""
    bare = _bare(annotation)
    if bare is not annotation:
        return f"{allowed(bare, field)} or null"
    section, origin = _section(annotation), get_origin(annotation)
    if origin is list:
        inner = get_args(annotation)[0]
        return (
            f"a list of {'sections, each with' if section else 'whole numbers' if inner is int else ''}"
            + (f" the keys {', '.join(section.model_fields)}" if section else "")
        )
    if section:
        return f"a section with the keys {', '.join(section.model_fields)}"
    if origin is Literal:
        return f"one of {', '.join(map(str, get_args(annotation)))}"
    if origin is tuple:
        return f"a list of {len(get_args(annotation))} numbers"
    if origin is dict:
        return "a section"
    if annotation in (int, float):
        return f"a {'whole ' if annotation is int else ''}number{_bounds(field)}"
    return {bool: "true or false", Path: "a path"}.get(annotation) or (
        "lower-case letters, digits and . _ -" if field and "pattern" in repr(field.metadata) else "text"
    )


def _bounds(field: FieldInfo | None) -> str:
    """A number's range: " from 0 to 1", " above 0 and below 1"."""
    low, high = "", ""
    for rule in field.metadata if field else ():  # each has the one attribute that it is named for
        if hasattr(rule, "ge"):
            low = f"from {rule.ge}"
        elif hasattr(rule, "gt"):
            low = f"above {rule.gt}"
        elif hasattr(rule, "le"):
            high = f"to {rule.le}" if low.startswith("from") else f"and at most {rule.le}"
        elif hasattr(rule, "lt"):
            high = f"to below {rule.lt}" if low.startswith("from") else f"and below {rule.lt}"
    if low.startswith("from") and not high:
        high = "on"
    return "".join(f" {part}" for part in (low, high) if part)


def _field(model: type[BaseModel], loc: Sequence[int | str]) -> tuple[Any, FieldInfo | None]:
    """Type and field at a place of a recipe; an entry of a list has a type only."""
    annotation: Any = model
    field: FieldInfo | None = None
    for part in loc:
        bare = _bare(annotation)
        if isinstance(part, int):
            annotation, field = get_args(bare)[0], None
        elif isinstance(bare, type) and issubclass(bare, BaseModel) and part in bare.model_fields:
            field = bare.model_fields[part]
            annotation = field.annotation
        else:
            break
    return annotation, field


def _bare(annotation: Any) -> Any:
    """Without its `| None`, and without Annotated."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _section(annotation: Any) -> type[BaseModel] | None:
    """The model of a section, or of a list's entries."""
    bare = _bare(annotation)
    if get_origin(bare) is list:
        bare = get_args(bare)[0]
    return bare if isinstance(bare, type) and issubclass(bare, BaseModel) else None


def _choices(annotation: Any) -> list[str]:
    return [str(choice) for choice in get_args(_bare(annotation))]
