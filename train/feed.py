"""Batches without end: which pictures, which part of each, and what is known of them.

feed = Feed(sources, recipe, start=1000)       # goes on as if it had given 1,000 batches already
batch = augmentation(next(iter(feed)))         # train.augment makes of a raw batch what a task learns from

Every batch follows from (recipe.seed, its number) alone. A raw batch holds, for T tiles a frame (1, or as many as there
are people where a batch is zoomed out) and B pictures:

    pixels      T tensors (B, t, t, 3) uint8, coded as in `Pictures.lab`, t the tile's own side; or instead of them,
                where the pictures themselves are held on the device: cuts, T lists of Cut
    layout      train.layout.Layout: the frame's side, and where each tile lies in it
    box         (T, B, 4) float32, the face's box x0, y0, x1, y1 in shares of the tile's side; NaN where none is known
    condition   (T, B, 6) float32, what the network is told of each person's group; zeros for nothing
    who         (T, B) int64, each person's label of ethnicity, or UNKNOWN
    ethnicity, race7, age, gender    (B,) int64, UNKNOWN where nothing is known, or four people share the frame
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import IterableDataset, get_worker_info

from colorizer.errors import OptionError
from colorizer.groups import GROUPS
from train import layout
from train.data import UNKNOWN, Pictures
from train.order import BalancedDeck, Deck, Endless, Rota
from train.planes import decoded, maps
from train.recipe import Recipe

# Pictures of one batch that share source and crop, at most; smaller is more varied, larger is quicker.
CHUNK = 16
# Share of the chunks that are cropped at all.
CROPPED = 0.8
# What the random numbers of one seed are for.
_SOURCES, _ZOOMS, _DECKS, _CUTS, _CONDITIONS = range(5)


class Cut(NamedTuple):
    """The same square of several pictures of one source."""

    source: int
    rows: Tensor
    """(b,) int64"""
    top: int
    left: int
    side: int
    mirrored: bool


class Feed(IterableDataset[dict[str, Any]]):
    """Endless raw batches.

    Args:
        sources: the recipe's, decoded.
        recipe: says how many of which, how large, and the crops.
        start: number of the first batch.
        rank: which of the processes that share each batch this is.
        world: how many they are; each gets a slice of the recipe's batch.
        rows_only: give `cuts` instead of `pixels`, for an Augmentation that holds the pictures.

    Raises:
        OptionError: the batch can't be shared equally, or a balanced draw has no labels.
    """

    def __init__(
        self,
        sources: Sequence[Pictures],
        recipe: Recipe,
        start: int = 0,
        rank: int = 0,
        world: int = 1,
        rows_only: bool = False,
    ) -> None:
        if recipe.batch % world:
            raise OptionError(f"batch: {recipe.batch} pictures can't be shared by {world} processes equally.")
        self.sources, self.recipe, self.start, self.rows_only = list(sources), recipe, start, rows_only
        share = recipe.batch // world
        self.mine = slice(rank * share, (rank + 1) * share)
        self.chunk = max(count for count in range(1, CHUNK + 1) if recipe.batch % count == 0)
        self.chunks = recipe.batch // self.chunk
        self.rota = Rota([source.share for source in sources], [recipe.seed, _SOURCES])
        out = recipe.augment.zoom_out
        shares = [1 - out, *(out * share for share in layout.PEOPLE.values())]
        self.zooms = Rota(shares, [recipe.seed, _ZOOMS])
        self.tiles = np.array([1, *layout.PEOPLE])
        self.decks = [self._deck(source, i) for i, source in enumerate(sources)]
        self.names = list(sources[0].labels)
        self.known = [np.stack([source.labels[name] for name in self.names], 1) for source in sources]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        worker = get_worker_info()
        number, step = (worker.id, worker.num_workers) if worker else (0, 1)
        number += self.start
        while True:
            yield self.batch(number)
            number += step

    def batch(self, number: int) -> dict[str, Any]:
        """The raw batch of this number, or this process's slice of it."""
        rng = np.random.default_rng([self.recipe.seed, _CUTS, number])
        size = int(rng.choice(self.recipe.sizes))
        kind = self.zooms.kind(number)
        plan = layout.draw(size, int(self.tiles[kind]), rng) if kind else layout.single(size)
        first = int(self.zooms.before(number) @ self.tiles) * self.chunks
        cuts = [
            self._sliced([self._cut(first + tile * self.chunks + i, rng) for i in range(self.chunks)])
            for tile in range(len(plan.places))
        ]
        known = np.stack(  # (T, B, labels)
            [np.concatenate([self.known[cut.source][cut.rows.numpy()] for cut in tile]) for tile in cuts]
        )
        condition = self._condition(number, known[..., self.names.index("ethnicity")])
        box = [np.concatenate([self._boxes(cut) for cut in tile]) for tile in cuts]
        raw: dict[str, Any] = {
            "box": torch.from_numpy(np.stack(box)),
            "condition": torch.from_numpy(condition),
            "layout": plan,
            "who": torch.from_numpy(known[..., self.names.index("ethnicity")].copy()),
        }
        # A frame of several people has no single label.
        labels = known[0] if len(cuts) == 1 else np.full_like(known[0], UNKNOWN)
        raw |= {name: torch.from_numpy(labels[:, i].copy()) for i, name in enumerate(self.names)}
        if self.rows_only:
            return raw | {"cuts": cuts}
        pixels = [
            torch.cat([cut_out(self.sources[c.source].lab, c, place.side) for c in tile])
            for tile, place in zip(cuts, plan.places, strict=True)
        ]
        return raw | {"pixels": pixels}

    def _cut(self, place: int, rng: np.random.Generator) -> Cut:
        """The chunk that has this place in the order of all chunks."""
        which = self.rota.kind(place)
        before = int(self.rota.before(place)[which])
        rows = self.decks[which].take(before * self.chunk, self.chunk)
        whole = self.sources[which].lab.shape[1]
        is_cropped = rng.random() < CROPPED
        side = round(whole * rng.uniform(self.recipe.augment.zoom_in, 1)) if is_cropped else whole
        top, left = rng.integers(0, whole - side + 1, 2)
        is_mirrored = bool(rng.random() < self.recipe.augment.flip)
        return Cut(which, torch.from_numpy(np.sort(rows)), int(top), int(left), side, is_mirrored)

    def _sliced(self, cuts: list[Cut]) -> list[Cut]:
        """What of a tile's chunks this process gets."""
        if self.mine == slice(0, self.recipe.batch):
            return cuts
        mine = []
        for i, cut in enumerate(cuts):
            begin = max(self.mine.start - i * self.chunk, 0)
            rows = cut.rows[begin : max(self.mine.stop - i * self.chunk, 0)]
            if len(rows):
                mine.append(cut._replace(rows=rows))
        return mine

    def _boxes(self, cut: Cut) -> NDArray[np.float32]:
        """(b, 4) where the faces lie in what was cut out."""
        source = self.sources[cut.source]
        whole = source.lab.shape[1]
        corner = np.array([cut.left, cut.top, cut.left, cut.top], np.float32)
        boxes = (source.boxes_of(cut.rows.numpy()) * whole - corner) / cut.side
        if cut.mirrored:
            boxes = np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], 1)
        return boxes.astype(np.float32)

    def _condition(self, number: int, ethnicity: NDArray[np.int64]) -> NDArray[np.float32]:
        """(T, B) labels -> (T, B, 6) as an estimate would state them: mostly the truth, sometimes another group.

        Zeros where there is no label, and for a share of the others. Drawn for all processes, so that one's slice
        does not depend on how many they are.
        """
        rng = np.random.default_rng([self.recipe.seed, _CONDITIONS, number])
        shape = (len(ethnicity), self.recipe.batch)
        noise = rng.dirichlet(np.full(len(GROUPS), 0.5), shape)[:, self.mine]
        certainty = rng.uniform(0.3, 1, shape)[:, self.mine, None]
        is_told = rng.random(shape)[:, self.mine] >= self.recipe.drop_condition
        is_told &= ethnicity != UNKNOWN
        truth = np.eye(len(GROUPS))[np.where(is_told, ethnicity, 0)]
        return ((certainty * truth + (1 - certainty) * noise) * is_told[..., None]).astype(np.float32)

    def _deck(self, source: Pictures, index: int) -> Endless:
        seed = [self.recipe.seed, _DECKS, index]
        if self.recipe.loss.class_balance != "sampling":
            return Deck(np.arange(len(source)), seed)
        groups = [np.flatnonzero(source.labels["ethnicity"] == i) for i in range(len(GROUPS))]
        known = [rows for rows in groups if len(rows)]
        if not known and source.share:
            raise OptionError(
                f"loss.class_balance: sampling draws by ethnicity, and {source.name or 'a source'} has no labels of it."
            )
        return BalancedDeck(known, seed)


def epoch_steps(sources: Sequence[Pictures], recipe: Recipe) -> int:
    """Steps in which as many pictures are seen as all sources with a share hold together; at least 1."""
    return max(1, round(sum(len(source) for source in sources if source.share) / recipe.batch))


def cut_out(lab: NDArray[np.uint8] | Tensor, cut: Cut, size: int) -> Tensor:
    """The cut's square of its pictures, resized with antialiasing.

    Args:
        lab: (N, S, S, 3) uint8, mapped from the cache, or a tensor on any device.
        cut: rows and square; its rows on the same device.
        size: side wanted.

    Returns:
        (b, size, size, 3) uint8 where `lab` is.
    """
    down, across = (slice(start, start + cut.side) for start in (cut.top, cut.left))
    if isinstance(lab, Tensor):
        pixels = lab[cut.rows, down, across]
    else:
        pixels = torch.from_numpy(lab[cut.rows.numpy(), down, across])
    pixels = resize(pixels, size)
    return pixels.flip(2) if cut.mirrored else pixels


def resize(pixels: Tensor, size: int) -> Tensor:
    """(b, h, w, 3) uint8 -> (b, size, size, 3) uint8, averaging all that a new pixel covers."""
    if pixels.shape[1:3] == (size, size):
        return pixels
    # Channels last in memory: with uint8, by far PyTorch's quickest resizing on a CPU. On a GPU it needs floats.
    planes = pixels.permute(0, 3, 1, 2)
    if pixels.device.type != "cpu":
        planes = F.interpolate(planes.float(), (size, size), mode="bilinear", antialias=True).round_().byte()
    else:
        planes = F.interpolate(planes, (size, size), mode="bilinear", antialias=True)
    return planes.permute(0, 2, 3, 1)


class Validation(IterableDataset[dict[str, Tensor]]):
    """All of a source in order, whole pictures, neutral condition, as finished batches; made anew in each pass."""

    def __init__(self, pictures: Pictures, size: int, batch: int = 50) -> None:
        self.pictures, self.size, self.batch = pictures, size, batch

    def __len__(self) -> int:
        return -(-len(self.pictures) // self.batch)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        return validation_batches(self.pictures, self.size, self.batch)


def validation_batches(pictures: Pictures, size: int, batch: int = 50) -> Iterator[dict[str, Tensor]]:
    """Finished batches, keys as `train.augment` gives them, of all pictures in order.

    Args:
        pictures: a source.
        size: side of the batches' pictures.
        batch: pictures a batch; the last has what is left.
    """
    for start in range(0, len(pictures), batch):
        rows = slice(start, start + batch)
        lab = decoded(resize(torch.from_numpy(np.array(pictures.lab[rows])), size))
        box = torch.from_numpy(pictures.boxes_of(rows))
        groups, face = maps(box, torch.zeros(len(lab), len(GROUPS)), size // 4)
        known = {name: torch.from_numpy(values[rows]) for name, values in pictures.labels.items()}
        yield {"lab": lab, "seen": lab[:, :1], "groups": groups, "face": face} | known
