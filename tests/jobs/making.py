"""For tests of new runs: settings on folders of their own, datasets of drawn pictures, labels as a page has them."""

from collections.abc import Callable
from pathlib import Path

from tests.preparing import picture
from train.settings import TrainSettings

SIDE = 64


def settings(folder: Path, **changes: object) -> TrainSettings:
    """Settings whose runs and datasets lie in `folder`."""
    (folder / "datasets").mkdir(parents=True, exist_ok=True)
    given = {"runs": folder / "runs", "datasets": str(folder / "datasets")} | changes
    return TrainSettings(**given)  # type: ignore[arg-type]


def dataset(
    folder: Path, train: dict[str, int], val: dict[str, int] | None = None, side: int = SIDE, seed: int = 0
) -> Path:
    """A prepared dataset with so many pictures a label ("" for none) in each split; the folder."""
    (folder / "images").mkdir(parents=True)
    for split, counts in (("train", train), ("val", val)):
        if counts is None:
            continue
        rows = ["imageName,ethnicity"]
        for label, count in counts.items():
            for _ in range(count):
                seed += 1
                name = f"{split}-{seed:04}.png"
                picture(seed, side).save(folder / "images" / name)
                rows.append(f"{name},{label}")
        (folder / f"{split}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


class Labelled:
    """What a Label tab would have: drawn pictures with labels.

    Args:
        labels: a label a picture.
        flags: what `prepare` is to be told.
    """

    def __init__(self, labels: list[str], flags: list[str] | None = None) -> None:
        self.labels, self.flags = labels, flags or []
        self.asked: list[str] = []

    def count(self, pictures: str = "photo") -> dict[str, int]:
        """As `train.shop.Labels` says."""
        self.asked.append(pictures)
        return {label: self.labels.count(label) for label in dict.fromkeys(self.labels)}

    def write(
        self,
        folder: Path,
        pictures: str = "photo",
        advance: Callable[[int, int], None] = lambda done, total: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> list[str]:
        """As `train.shop.Labels` says."""
        (folder / "images").mkdir(parents=True, exist_ok=True)
        rows = ["imageName,ethnicity,photo"]
        for place, label in enumerate(self.labels):
            picture(100 + place, 96).save(folder / "images" / f"{place:02}.png")
            rows.append(f"{place:02}.png,{label},{place}")
            advance(place + 1, len(self.labels))
        (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        return self.flags
