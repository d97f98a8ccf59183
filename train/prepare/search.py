"""Which pictures may be copies of which, found among tens of thousands without comparing each with each.

Two nets, both generous; `twins.best_fit` judges what they catch:

- imagehash's perceptual hash of each picture and of its mirror image, for copies that were resized, re-encoded or
  toned: 64 bits each, all pairs counted at once.
- For crops, the same low frequencies as numbers: each picture's are compared with those of 91 crops of every other.
  A crop's cosine transform is a matrix product with the whole picture, so that all 91 cost a millisecond. Among many
  pictures, only those of the same neighbourhood (k-means) are compared.
"""

import io
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import KMeans

from train.twins import COPY, Box

# Of 64 bits. Of all copies of whole portraits nine in ten differ in fewer; at 12, six times as many strangers do too.
HASH_BITS = 8
# Tried with random crops of 60 to 100 % of the side of 250 portraits among 1,500, half of them mirrored, shrunk to
# 100 px and saved as JPEG of quality 50: of the crops' originals 95 % are above the limit, and of strangers one pair in
# 2,000; steps of 0.1 lose a fifth of them.
SCALES = (1.0, 0.92, 0.84, 0.76, 0.68, 0.6)
STEP = 0.08
FREQUENCIES = 8
WEIGHT = 1.5  # power of the frequency; pictures have about 1/f, and fine detail tells more than broad shade
CROP_LIMIT = 0.78
# Of one picture's likely originals, so many are looked at. With these three, 99 % of the copies among 3,284 portraits
# are proposed that are found when each picture is compared with each.
MOST = 6
BLOCK = 128  # pictures whose crops are compared at once; bounds memory
CELL = 256  # pictures of a neighbourhood, about
ALIKE = 0.1  # neighbourhoods this much less like a crop than the most alike one are searched too

Candidate = tuple[int, int, Box, bool]  # i looks like this crop of j; is i to be mirrored


def gray(thumbnail: bytes) -> Image.Image:
    """A thumbnail as a gray copy of COPYxCOPY."""
    with Image.open(io.BytesIO(thumbnail), formats=["JPEG"]) as image:
        return image.convert("L")


def candidates(
    hashes: NDArray[np.int64],
    mirrored: NDArray[np.int64],
    copies: Sequence[Image.Image],
    advance: Callable[[int], object],
) -> list[Candidate]:
    """Pairs that may be copies, some both ways round, each picture with at most MOST others a net.

    Args:
        hashes: (N,) perceptual hashes, 64 bits each.
        mirrored: (N,) those of the mirror images.
        copies: N gray copies.
        advance: called with how many pictures were done since the last call.
    """
    # Where both nets have a pair, the crop that fits is the better place to begin a closer look.
    by_crop = {candidate[:2]: candidate for _, candidate in _by_crop(copies, advance)}
    by_hash = {candidate[:2]: candidate for _, candidate in sorted(_by_hash(hashes, mirrored))}
    only_by_hash = {
        (i, j): found for (i, j), found in by_hash.items() if not {(i, j), (j, i)} & by_crop.keys()
    }
    return [candidate for _, candidate in sorted((by_crop | only_by_hash).items())]


def _by_hash(hashes: NDArray[np.int64], mirrored: NDArray[np.int64]) -> Iterator[tuple[float, Candidate]]:
    left = hashes.view(np.uint64)
    for is_mirrored, right in ((False, left), (True, mirrored.view(np.uint64))):
        for i in range(len(left) - 1):
            distance = np.bitwise_count(right[i] ^ left[i + 1 :])
            near = np.flatnonzero(distance <= HASH_BITS)
            if len(near) > MOST:
                near = near[np.argsort(distance[near], kind="stable")[:MOST]]
            for j in near.tolist():
                yield 1 - float(distance[j]) / 64, (i, i + 1 + j, (0.0, 0.0, 1.0, 1.0), is_mirrored)


def _by_crop(
    copies: Sequence[Image.Image], advance: Callable[[int], object]
) -> Iterator[tuple[float, Candidate]]:
    pixels = np.stack([np.asarray(copy, np.uint8) for copy in copies])  # (N, COPY, COPY)
    boxes, bases = _crops()
    frequency = np.hypot(*np.mgrid[:FREQUENCIES, :FREQUENCIES]).ravel()[1:] ** WEIGHT  # (D,)
    flips = (-1.0) ** np.mgrid[:FREQUENCIES, :FREQUENCIES][1].ravel()[
        1:
    ]  # mirroring turns odd columns' signs
    weights, turns = frequency.astype(np.float32), flips.astype(np.float32)
    whole = np.concatenate(
        [_descriptors(pixels[k : k + 1024], bases[:1], weights)[:, 0] for k in range(0, len(pixels), 1024)]
    )  # (N, D)
    cells, centres = _neighbourhoods(whole)
    best: list[list[tuple[float, int, int, bool]]] = [[] for _ in copies]
    for start in range(0, len(copies), BLOCK):
        block = _descriptors(pixels[start : start + BLOCK], bases, weights)  # (B, K, D)
        for is_mirrored in (False, True):
            crops = (block * turns if is_mirrored else block).reshape(-1, whole.shape[1])
            for i, row, likeness in _above(whole, cells, centres, crops):
                j, crop = start + row // len(boxes), row % len(boxes)
                if i != j:
                    best[i].append((likeness, j, crop, is_mirrored))
        advance(len(block))
        if start // BLOCK % 32 == 31:
            best = [_leading(list_) for list_ in best]
    for i, list_ in enumerate(best):
        for likeness, j, crop, is_mirrored in _leading(list_):
            yield likeness, (i, j, boxes[crop], is_mirrored)


def _leading(found: list[tuple[float, int, int, bool]]) -> list[tuple[float, int, int, bool]]:
    """The best crop of each of the MOST likeliest originals."""
    leading: dict[int, tuple[float, int, int, bool]] = {}
    for entry in sorted(found, key=lambda entry: (-entry[0], entry[1:])):
        leading.setdefault(entry[1], entry)
        if len(leading) == MOST:
            break
    return list(leading.values())


def _above(
    whole: NDArray[np.float32],
    cells: list[NDArray[np.int64]],
    centres: NDArray[np.float32],
    crops: NDArray[np.float32],
) -> Iterator[tuple[int, int, float]]:
    """(picture, row of crops, likeness) where a picture is like a crop, within the crops' neighbourhoods."""
    near = crops @ centres.T  # (Q, C)
    is_near = near >= near.max(1, keepdims=True) - ALIKE
    for number, members in enumerate(cells):
        rows = np.flatnonzero(is_near[:, number])
        likeness = whole[members] @ crops[rows].T  # (M, q)
        m, q = np.nonzero(likeness > CROP_LIMIT)
        yield from zip(members[m].tolist(), rows[q].tolist(), likeness[m, q].tolist(), strict=True)


def _neighbourhoods(whole: NDArray[np.float32]) -> tuple[list[NDArray[np.int64]], NDArray[np.float32]]:
    """(N, D) -> the pictures of each neighbourhood, and (C, D) their centres, of unit length."""
    count = max(1, len(whole) // CELL)
    if count < 4:
        return [np.arange(len(whole))], np.zeros((1, whole.shape[1]), np.float32)
    means = KMeans(count, n_init=1, max_iter=8, init="random", random_state=0).fit(whole)
    cells = [np.flatnonzero(means.labels_ == number) for number in range(count)]
    centres = means.cluster_centers_
    return cells, (centres / (np.linalg.norm(centres, axis=1, keepdims=True) + 1e-6)).astype(np.float32)


def _crops() -> tuple[list[Box], list[NDArray[np.float32]]]:
    """All K crops, and for each scale (n, FREQUENCIES, COPY): the cosine transform of each of its n intervals."""
    boxes: list[Box] = []
    bases = []
    for scale in SCALES:
        count = math.ceil(round((1 - scale) / STEP, 6)) + 1
        offsets = np.linspace(0, 1 - scale, count).tolist()
        boxes += [(x, y, x + scale, y + scale) for y in offsets for x in offsets]
        bases.append(np.stack([_basis(offset, offset + scale) for offset in offsets]))
    return boxes, bases


def _basis(low: float, high: float) -> NDArray[np.float32]:
    """(FREQUENCIES, COPY): a line of pixels -> the cosine transform of its part from low to high, in shares."""
    edges = np.arange(COPY + 1) / COPY
    left, right = np.maximum(edges[:-1], low), np.minimum(edges[1:], high)
    place = np.clip(((left + right) / 2 - low) / (high - low), 0, 1)
    share = np.clip(right - left, 0, None) / (high - low)
    return (np.cos(np.pi * np.arange(FREQUENCIES)[:, None] * place) * share).astype(np.float32)


def _descriptors(
    pixels: NDArray[np.uint8], bases: Sequence[NDArray[np.float32]], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(B, COPY, COPY) -> (B, K, D), weighted and of unit length, the crops in the order of `_crops`."""
    found = []
    for basis in bases:
        n = len(basis)
        lines = basis.reshape(n * FREQUENCIES, COPY)
        spectra = (lines @ pixels.astype(np.float32) @ lines.T).reshape(-1, n, FREQUENCIES, n, FREQUENCIES)
        spectra = spectra.transpose(0, 1, 3, 2, 4).reshape(len(pixels), n * n, FREQUENCIES**2)
        found.append(spectra[:, :, 1:] * weights)
    joined = np.concatenate(found, axis=1)
    return (joined / (np.linalg.norm(joined, axis=-1, keepdims=True) + 1e-6)).astype(np.float32)
