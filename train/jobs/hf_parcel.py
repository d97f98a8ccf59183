"""What a Hugging Face Job is sent: a recipe whose paths are its own, pictures as tars, and this project's code.

parcel = plan(recipe_values)         # which folders and files the recipe reads, and what they are called there
tar = pack(folder, names, part)      # one folder's pictures, named for their content

There, the recipe's paths are `data/0`, `job/labels/0.csv`, `job/weights/NAME.safetensors` and `cache`.
"""

import copy
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colorizer.errors import OptionError
from colorizer.settings import ROOT
from train.jobs.engine import Problem
from train.pictures import SUFFIXES

if TYPE_CHECKING:
    from train.recipe import Recipe

# Of the code, what training needs; pictures and weights stay here.
CODE_FOLDERS = ("colorizer", "train")
CODE_SUFFIXES = {".py", ".yaml", ".json", ".csv", ".txt", ".css", ".html", ".jinja", ".md"}
CODE_FILES = ("requirements.txt", "requirements-train.txt")
_LARGEST_CODE_FILE = 5_000_000
# A tar's own weight a file: header and padding.
_TAR_BYTES = 1024


@dataclass
class Parcel:
    """A recipe as it reads there, and what its paths stand for here."""

    recipe: dict[str, Any]
    folders: dict[str, "Folder"] = field(default_factory=dict)
    """Place there ("data/0") -> the pictures."""
    files: dict[str, Path] = field(default_factory=dict)
    """Place there ("job/labels/0.csv") -> a file here."""

    def size(self) -> int:
        """Bytes that all pictures take as tars."""
        return sum(folder.size() for folder in self.folders.values())


@dataclass
class Folder:
    """Pictures of one folder."""

    images: Path
    names: set[str]

    def files(self) -> Iterator[tuple[str, Path]]:
        """Each picture that is there, sorted by name.

        Raises:
            OptionError: a name leads out of the folder.
        """
        inside = self.images.resolve()
        for name in sorted(self.names):
            path = (self.images / name).resolve()
            if inside not in path.parents:
                raise OptionError(
                    f"The picture {name[:100]!r} lies outside its folder {self.images.name}; only pictures within it "
                    "are sent to the Hub."
                )
            if path.is_file() and path.suffix.lower() in SUFFIXES:
                yield Path(name).as_posix(), path

    def size(self) -> int:
        """Bytes of the tar."""
        return sum(path.stat().st_size + _TAR_BYTES for _, path in self.files())


def plan(recipe: dict[str, Any]) -> Parcel:
    """What a resolved recipe needs there. Nothing is packed yet.

    Args:
        recipe: recipe.yaml's values.

    Raises:
        OptionError: its pictures or labels can't be read.
    """
    from train import labels

    parcel = Parcel(copy.deepcopy(recipe))
    places: dict[Path, str] = {}
    for part in ("data", "validation"):
        for source in parcel.recipe[part]:
            images = Path(source["images"])
            if not images.is_dir():
                raise OptionError(
                    f"There is no folder {images}; set `images` of the recipe's {part} to your pictures."
                )
            place = places.setdefault(images.resolve(), f"data/{len(places)}")
            folder = parcel.folders.setdefault(place, Folder(images, set()))
            if source.get("labels"):
                table = labels.read(Path(source["labels"]))
                folder.names |= set(table["imageName"]) - {""}
                source["labels"] = _named(parcel, Path(source["labels"]), "labels")
            else:
                folder.names |= {file.name for file in images.iterdir() if file.suffix.lower() in SUFFIXES}
            source["images"] = place
    if recipe.get("start_from"):
        parcel.recipe["start_from"] = _named(parcel, Path(recipe["start_from"]), "weights")
    if (recipe.get("loss") or {}).get("perceptual_trunk"):
        parcel.recipe["loss"]["perceptual_trunk"] = _named(
            parcel, Path(recipe["loss"]["perceptual_trunk"]), "weights"
        )
    parcel.recipe["cache"] = "cache"
    return parcel


def check(recipe: "Recipe", gpus: int | None) -> list[Problem]:
    """What of a recipe can't be done there.

    Args:
        gpus: of the hardware that is wanted; None if that is not known.
    """
    problems = []
    if recipe.num_nodes > 1:
        problems.append(Problem("nodes", "Hugging Face Jobs train on one machine; set num_nodes to 1."))
    if gpus is not None and recipe.devices > max(gpus, 1):
        problems.append(
            Problem(
                "flavor", f"The recipe wants {recipe.devices} devices, and this hardware has {max(gpus, 1)}."
            )
        )
    try:
        plan(json.loads(recipe.model_dump_json())).size()
    except OptionError as error:
        problems.append(Problem("dataset", str(error)))
    return problems


def _named(parcel: Parcel, path: Path, folder: str) -> str:
    """A file's place there; its own name where weights' cards say it, else a number."""
    if not path.is_file():
        raise OptionError(f"There is no file {path}, which the recipe names.")
    known = {here.resolve(): place for place, here in parcel.files.items()}
    if path.resolve() in known:
        return known[path.resolve()]
    count = sum(place.startswith(f"job/{folder}/") for place in parcel.files)
    place = f"job/{folder}/{path.name if folder == 'weights' else f'{count}.csv'}"
    if place in parcel.files:
        place = f"job/{folder}/{count}-{path.name}"
    parcel.files[place] = path
    return place


def pack(folder: Folder, target: Path, tell: Callable[[int], None] = lambda _: None) -> str:
    """Write pictures to a tar: the same pictures always give the same bytes, whenever and by whomever they are packed.

    Args:
        folder: the pictures.
        target: file to write.
        tell: hears how many pictures are in it so far.

    Returns:
        Its name in the dataset repository, which is its content's: pictures-<sha256>.tar.

    Raises:
        OSError: a picture can't be read, or the disk is full.
    """
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as tar:
        for count, (name, path) in enumerate(folder.files()):
            _add(tar, name, path.read_bytes())
            tell(count + 1)
    digest = hashlib.sha256()
    with target.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return f"pictures-{digest.hexdigest()}.tar"


def code() -> bytes:
    """This project's code, as training needs it: a tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=6) as tar:
        for name in CODE_FILES:
            _add(tar, name, (ROOT / name).read_bytes())
        for top in CODE_FOLDERS:
            for folder, below, files in os.walk(ROOT / top):
                below[:] = sorted(one for one in below if one != "__pycache__" and not one.startswith("."))
                for one in sorted(files):
                    path = Path(folder) / one
                    is_wanted = path.suffix in CODE_SUFFIXES and not path.is_symlink()
                    if is_wanted and path.stat().st_size <= _LARGEST_CODE_FILE:
                        _add(tar, path.relative_to(ROOT).as_posix(), path.read_bytes())
    return packed.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """A member without owner, rights and time, which would make other bytes of the same pictures."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
