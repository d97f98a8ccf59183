"""Pictures for training: decoded once and whole, drawn as asked, fed by number."""

import errno
import multiprocessing
import os
import pickle
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import color, data
from torch.utils.data import DataLoader

from colorizer.errors import OptionError
from colorizer.groups import GROUPS
from train import decoding
from train.data import ATTRIBUTES, UNKNOWN, Pictures, count_shared, decode
from train.feed import Cut, Feed, Validation, cut_out, epoch_steps, validation_batches
from train.order import BalancedDeck, Deck, Rota
from train.planes import decoded, maps
from train.recipe import Recipe, Source
from train.storage import place


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six cut-outs of one colour picture, a gray one, and a broken file; labels for the first four."""
    folder = tmp_path_factory.mktemp("faces")
    astronaut = Image.fromarray(data.astronaut())
    for i in range(6):
        astronaut.crop((10 * i, 0, 10 * i + 256, 256)).save(folder / f"face{i}.png")
    astronaut.convert("L").save(folder / "gray.png")
    (folder / "broken.png").write_bytes(b"not a picture")
    lines = ["imageName,ethnicity,race7"] + [f"face{i}.png,{GROUPS[i]},White" for i in range(4)]
    lines += ["face4.png,Martian,", "gray.png,White,White", "broken.png,White,White", "gone.png,White,White"]
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def pictures(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    source = Source(images=folder, labels=folder / "labels.csv", face_box=(0.25, 0.25, 0.75, 0.75))
    return decode(source, 64, tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def group_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight tiny pictures of every group; the first of each is gray."""
    folder = tmp_path_factory.mktemp("groups")
    rng = np.random.default_rng(0)
    lines = ["imageName,ethnicity"]
    for group in GROUPS:
        for i in range(8):
            pixels = (
                np.full((40, 40, 3), 128, np.uint8) if i == 0 else rng.integers(0, 256, (40, 40, 3), np.uint8)
            )
            Image.fromarray(pixels).save(folder / f"{group}{i}.png")
            lines.append(f"{group}{i}.png,{group}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def numbered(count: int, share: float = 1.0, ethnicity: list[int] | None = None, side: int = 32) -> Pictures:
    """Pictures that can be told apart by the value of all their pixels: 0, 1, 2 and so on."""
    lab = np.broadcast_to(
        np.arange(count, dtype=np.uint8)[:, None, None, None], (count, side, side, 3)
    ).copy()
    known = np.array(ethnicity if ethnicity is not None else [i % 6 for i in range(count)], np.int64)
    unknown = np.full(count, UNKNOWN, np.int64)
    labels = {"ethnicity": known} | dict.fromkeys(ATTRIBUTES, unknown)
    return Pictures(lab, labels, (0.1, 0.2, 0.7, 0.9), share)


def recipe(**values: object) -> Recipe:
    sources = {"data": [{"images": "x"}], "validation": [{"images": "x"}]}
    required = {"task": "colorize", "name": "x", "network": "ethnicity-aware", "steps": 1}
    return Recipe.model_validate(required | sources | {"augment": {"flip": 0}, "sizes": [32]} | values)


def rows_of(raw: dict) -> list[int]:
    """Which of the `numbered` pictures a raw batch holds."""
    return [row for tile in raw["pixels"] for row in tile[:, 0, 0, 0].tolist()]


# Decoding


def test_gray_broken_and_missing_pictures_are_left_out_and_labels_stay_with_theirs(
    pictures: Pictures,
) -> None:
    assert pictures.lab.shape == (5, 64, 64, 3)
    assert pictures.labels["ethnicity"].tolist() == [0, 1, 2, 3, UNKNOWN]
    assert pictures.labels["race7"].tolist() == [ATTRIBUTES["race7"].index("White")] * 4 + [UNKNOWN]
    assert (pictures.labels["age"] == UNKNOWN).all()


def test_what_was_left_out_is_counted(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "train.data"):
        decode(Source(images=folder, labels=folder / "labels.csv"), 32, tmp_path)
    assert "5 pictures (left out: 1 near-gray, 1 not readable, 1 missing)" in caplog.text


def test_decoded_pictures_are_the_photos_lab(folder: Path, pictures: Pictures) -> None:
    square = Image.open(folder / "face0.png").resize((64, 64), Image.Resampling.BICUBIC)
    truth = color.rgb2lab(np.asarray(square))
    found = decoded(torch.from_numpy(pictures.lab[:1].copy()))[0].permute(1, 2, 0).numpy()
    assert np.abs(found - truth).max() < 0.55


def test_a_second_call_maps_the_same_file_without_decoding(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source(images=folder, labels=folder / "labels.csv")
    first = decode(source, 32, tmp_path)
    monkeypatch.setattr(decoding, "_decode_one", lambda *_: pytest.fail("decoded twice"))
    again = decode(source, 32, tmp_path)
    assert np.array_equal(again.lab, first.lab)
    assert again.fingerprint == first.fingerprint


def test_changed_pictures_are_decoded_again_and_change_the_fingerprint(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.v2"  # a dot in the name must not confuse the cache
    mine.mkdir()
    for i in (0, 1):
        (mine / f"{i}.png").write_bytes((folder / f"face{i}.png").read_bytes())
    first = decode(Source(images=mine), 32, tmp_path / "cache")
    (mine / "1.png").write_bytes((folder / "face5.png").read_bytes())
    second = decode(Source(images=mine), 32, tmp_path / "cache")
    assert np.array_equal(second.lab[0], first.lab[0])
    assert not np.array_equal(second.lab[1], first.lab[1])
    assert second.fingerprint != first.fingerprint
    (tmp_path / "labels.csv").write_text("imageName,ethnicity\n0.png,White\n1.png,White\n")
    labelled = decode(Source(images=mine, labels=tmp_path / "labels.csv"), 32, tmp_path / "cache")
    assert np.array_equal(labelled.lab, second.lab)
    assert labelled.fingerprint != second.fingerprint


def test_a_file_cut_short_or_without_its_index_is_decoded_again(folder: Path, tmp_path: Path) -> None:
    source = Source(images=folder)
    whole = decode(source, 32, tmp_path).lab.copy()
    (pixels,) = tmp_path.glob("*.lab")
    os.truncate(pixels, pixels.stat().st_size - 7)
    assert np.array_equal(decode(source, 32, tmp_path).lab, whole)
    (index,) = tmp_path.glob("*.json")
    index.write_text(index.read_text()[:50])
    assert np.array_equal(decode(source, 32, tmp_path).lab, whole)


def test_a_killed_decoding_leaves_nothing_that_passes_for_whole(folder: Path, tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(target=_decode_and_die, args=(folder, tmp_path))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert list(tmp_path.glob("*.partial"))
    assert not list(tmp_path.glob("*.json"))
    assert len(decode(Source(images=folder), 32, tmp_path)) == 6
    assert not list(tmp_path.glob("*.partial"))


def _decode_and_die(folder: Path, cache: Path) -> None:
    decode_one = decoding._decode_one

    def last(path: Path, size: int) -> np.ndarray | str:
        if path.name == "face3.png":
            os.kill(os.getpid(), signal.SIGKILL)
        return decode_one(path, size)

    decoding._decode_one = last
    decode(Source(images=folder), 32, cache)


def test_of_two_processes_the_second_waits_for_the_first(folder: Path, tmp_path: Path) -> None:
    """Each would need two seconds; the file is written once."""
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        decoded_by = manager.list()
        processes = [
            context.Process(target=_decode_slowly, args=(folder, tmp_path, decoded_by)) for _ in range(2)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
        assert [process.exitcode for process in processes] == [0, 0]
        assert len(set(decoded_by)) == 1
        assert len(decoded_by) == 8


def _decode_slowly(folder: Path, cache: Path, decoded_by: list[int]) -> None:
    decode_one = decoding._decode_one

    def slowly(path: Path, size: int) -> np.ndarray | str:
        decoded_by.append(os.getpid())
        time.sleep(0.05)
        return decode_one(path, size)

    decoding._decode_one = slowly
    assert len(decode(Source(images=folder), 32, cache)) == 6


def test_a_full_disk_is_said_to_be_full(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = decoding.shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(decoding.shutil, "disk_usage", lambda _: usage._replace(free=10_000))
        with pytest.raises(OptionError, match=r"0\.0 GB left, and 8 pictures of 32 pixels need"):
            decode(Source(images=folder), 32, tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(decoding.os, "fsync", full)
    with pytest.raises(OptionError, match=r"No space left on device.*make room there"):
        decode(Source(images=folder), 32, tmp_path)
    assert not [file for file in tmp_path.iterdir() if file.suffix != ".lock"]


def test_a_folder_or_csv_that_is_not_there_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no folder"):
        decode(Source(images=tmp_path / "nowhere"), 32, tmp_path)
    with pytest.raises(OptionError, match="can't be read"):
        decode(Source(images=folder, labels=tmp_path / "none.csv"), 32, tmp_path)
    (tmp_path / "odd.csv").write_text("picture,ethnicity\n")
    with pytest.raises(OptionError, match="no column imageName"):
        decode(Source(images=folder, labels=tmp_path / "odd.csv"), 32, tmp_path)
    (tmp_path / "gray.csv").write_text("imageName\ngray.png\n")
    with pytest.raises(OptionError, match="no colour picture"):
        decode(Source(images=folder, labels=tmp_path / "gray.csv"), 32, tmp_path)


# Drawing some of the pictures


def test_labels_of_other_pictures_are_told_from_gray_pictures(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("imageName,ethnicity\nelsewhere.png,Asian\n")
    source = Source(images=folder, labels=tmp_path / "labels.csv")
    with pytest.raises(OptionError, match=r"of 1 named by .*labels\.csv \(left out: 1 missing\)\.$"):
        decode(source, 32, tmp_path / "cache")


def test_a_limit_is_reached_with_others_in_the_place_of_gray_ones_and_draws_are_nested(
    group_folder: Path,
) -> None:
    cache = group_folder / "cache"
    few, more = (decode(Source(images=group_folder, limit=n), 32, cache, seed=3) for n in (10, 25))
    assert (len(few), len(more)) == (10, 25)
    assert np.array_equal(few.lab, more.lab[:10])
    other = decode(Source(images=group_folder, limit=10), 32, cache, seed=4)
    assert not np.array_equal(other.lab, few.lab)


def test_more_than_there_are_gives_all_and_says_so(
    group_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    all_of_them = decode(Source(images=group_folder, limit=999), 32, group_folder / "cache")
    assert len(all_of_them) == 42
    assert "999 pictures are wanted and 48 are there" in caplog.text


def test_a_balanced_draw_has_as_many_of_each_group(group_folder: Path) -> None:
    labels, cache = group_folder / "labels.csv", group_folder / "cache"
    drawn = decode(Source(images=group_folder, labels=labels, limit=30, balanced=True), 32, cache)
    assert np.bincount(drawn.labels["ethnicity"]).tolist() == [5] * 6
    with pytest.raises(OptionError, match=r"needs 9 pictures of every group.*Asian 8.*lower `limit` to 48"):
        decode(Source(images=group_folder, labels=labels, limit=54, balanced=True), 32, cache)
    with pytest.raises(
        OptionError, match=r"only 7 pictures of Asian can be used, and 8 were.*set `limit` to 42"
    ):
        decode(Source(images=group_folder, labels=labels, limit=48, balanced=True), 32, cache)


# The order of pictures


def test_a_rota_keeps_shares_and_counts_what_it_gave() -> None:
    rota = Rota([0.78, 0.2, 0.02, 0], [7])
    kinds = [rota.kind(place) for place in range(2500)]
    assert np.bincount(kinds[:1000], minlength=4).tolist() == [780, 200, 20, 0]
    assert kinds[:1000] != kinds[1000:2000]
    for first in (0, 1, 999, 1000, 1777, 2499):
        assert rota.before(first).tolist() == np.bincount(kinds[:first], minlength=4).tolist()
    assert min(Rota([1, 1e-6], [7]).counts) == 1


def test_a_deck_gives_every_row_once_before_any_comes_again() -> None:
    deck = Deck(np.arange(10) + 100, [1])
    rows = [row for first in range(0, 40, 4) for row in deck.take(first, 4).tolist()]
    for begin in range(0, 40, 10):
        assert sorted(rows[begin : begin + 10]) == list(range(100, 110))
    assert rows[:10] != rows[10:20]
    assert Deck(np.arange(10) + 100, [1]).take(17, 9).tolist() == rows[17:26]


def test_a_balanced_deck_draws_groups_equally_and_each_groups_rows_in_turn() -> None:
    deck = BalancedDeck([np.array([0, 1]), np.arange(10, 20), np.arange(20, 30)], [1])
    rows = np.concatenate([deck.take(first, 5) for first in range(0, 60, 5)])
    assert np.bincount(rows // 10).tolist() == [20, 20, 20]
    assert np.bincount(rows[rows >= 10]).tolist()[10:] == [2] * 20
    assert np.bincount(rows[rows < 10]).tolist() == [10, 10]


# The feed


def test_every_picture_is_fed_once_before_any_comes_again_zoomed_out_or_not() -> None:
    feed = Feed([numbered(48)], recipe(batch=16, augment={"flip": 0, "zoom_out": 0.5}))
    rows = [row for number in range(8) for row in rows_of(feed.batch(number))]
    rounds = len(rows) // 48
    assert rounds >= 4
    for i in range(rounds):
        assert sorted(rows[48 * i : 48 * (i + 1)]) == list(range(48))


def test_a_feed_that_starts_later_gives_what_an_unbroken_one_would_have(pictures: Pictures) -> None:
    wanted = recipe(batch=8, sizes=[32, 48, 64], augment={"zoom_in": 0.5, "zoom_out": 0.3})
    unbroken = iter(Feed([pictures], wanted))
    batches = [next(unbroken) for _ in range(9)]
    later = iter(Feed([pictures], wanted, start=6))
    for batch in batches[6:]:
        _assert_same(next(later), batch)


def test_workers_give_the_same_batches_in_the_same_order(pictures: Pictures) -> None:
    wanted = recipe(batch=8, sizes=[32, 48], augment={"zoom_in": 0.5, "zoom_out": 0.3})
    alone = Feed([pictures], wanted, start=2)
    with_workers = DataLoader(alone, batch_size=None, num_workers=2, multiprocessing_context="fork")
    for number, batch in zip(range(2, 7), with_workers, strict=False):
        _assert_same(batch, alone.batch(number))


@pytest.mark.parametrize("world", [2, 4])
def test_the_slices_of_all_processes_joined_are_the_batch_of_one(pictures: Pictures, world: int) -> None:
    wanted = recipe(batch=24, augment={"zoom_in": 0.5, "zoom_out": 0.5})
    for number in range(4):
        one = Feed([pictures], wanted).batch(number)
        slices = [Feed([pictures], wanted, rank=rank, world=world).batch(number) for rank in range(world)]
        assert all(part["layout"] == one["layout"] for part in slices)
        joined: dict = {"layout": one["layout"]}
        for key in one.keys() - {"layout", "pixels"}:
            joined[key] = torch.cat([part[key] for part in slices], int(one[key].ndim > 1))
        joined["pixels"] = [
            torch.cat(tiles) for tiles in zip(*(part["pixels"] for part in slices), strict=True)
        ]
        _assert_same(joined, one)
    with pytest.raises(OptionError, match="24 pictures can't be shared by 5"):
        Feed([pictures], wanted, world=5)


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(pictures: Pictures) -> None:
    first, again, other = (
        next(iter(Feed([pictures], recipe(batch=16, seed=seed, augment={"zoom_in": 0.5}))))["pixels"]
        for seed in (1, 1, 2)
    )
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])


def test_sources_get_their_shares() -> None:
    feed = Feed([numbered(20, 0.75), numbered(30, 0.25), numbered(5, 0.0)], recipe(batch=16), rows_only=True)
    which = [cut.source for number in range(1000) for cut in feed.batch(number)["cuts"][0]]
    assert np.bincount(which, minlength=3).tolist() == [750, 250, 0]


def test_balanced_sampling_draws_a_rare_group_as_often(caplog: pytest.LogCaptureFixture) -> None:
    rare = numbered(40, ethnicity=[0] * 30 + [1] * 4 + [UNKNOWN] * 6)
    wanted = recipe(batch=16, task="classify", loss={"class_balance": "sampling"})
    feed = Feed([rare], wanted)
    drawn = torch.cat([feed.batch(number)["ethnicity"] for number in range(10)])
    assert torch.bincount(drawn).tolist() == [80, 80]
    with pytest.raises(OptionError, match="has no labels of it"):
        Feed([numbered(4, ethnicity=[UNKNOWN] * 4)], wanted)


@pytest.mark.parametrize("batch", [1, 7, 16, 50])
def test_a_batch_has_as_many_pictures_as_asked_for(batch: int) -> None:
    raw = Feed([numbered(60)], recipe(batch=batch)).batch(3)
    assert [tile.shape for tile in raw["pixels"]] == [(batch, 32, 32, 3)]
    assert raw["condition"].shape == (1, batch, 6)


def test_the_face_box_follows_crop_and_mirror() -> None:
    """A picture that is white within its box only: the cut-out's white is where the cut-out's box says."""
    source = numbered(8, side=100)
    source.lab[:] = 0
    source.lab[:, 20:90, 10:70] = 255
    feed = Feed([source], recipe(batch=8, cache_size=128, sizes=[64], augment={"flip": 0.5, "zoom_in": 0.6}))
    for number in range(12):
        raw = feed.batch(number)
        x0, y0, x1, y1 = (64 * raw["box"][0, 0]).tolist()
        across, down = np.arange(64) + 0.5, (np.arange(64) + 0.5)[:, None]
        inside = (across > x0) & (across < x1) & (down > y0) & (down < y1)
        is_white = raw["pixels"][0][0, :, :, 0].numpy() > 127
        assert (inside != is_white).mean() < 0.02


def test_the_condition_is_strongest_for_the_labelled_group_and_sometimes_dropped() -> None:
    raw = Feed(
        [numbered(60, ethnicity=[i % 7 if i % 7 < 6 else UNKNOWN for i in range(60)])], recipe(batch=240)
    )
    batch = raw.batch(0)
    condition, labels = batch["condition"][0], batch["ethnicity"]
    is_told = condition.sum(1) > 0
    assert not is_told[labels == UNKNOWN].any()
    assert 0.6 < is_told[labels != UNKNOWN].float().mean() < 0.8  # drop_condition is 0.3
    assert torch.allclose(condition[is_told].sum(1), torch.ones(int(is_told.sum())))
    assert (condition[is_told].argmax(1) == labels[is_told]).float().mean() > 0.7


def test_an_epoch_is_as_many_steps_as_show_all_pictures() -> None:
    assert epoch_steps([numbered(100), numbered(60), numbered(50, share=0)], recipe(batch=16)) == 10
    assert epoch_steps([numbered(3)], recipe(batch=16)) == 1


def test_pixels_from_a_device_are_those_from_the_file(pictures: Pictures) -> None:
    cut = Cut(0, torch.tensor([0, 3]), 5, 9, 41, True)
    held = torch.from_numpy(pictures.lab.copy())
    assert torch.equal(cut_out(held, cut, 32), cut_out(pictures.lab, cut, 32))


def test_pictures_travel_to_other_processes_as_a_path(pictures: Pictures) -> None:
    sent = pickle.dumps(pictures)
    assert len(sent) < 5000 < pictures.lab.nbytes
    assert np.array_equal(pickle.loads(sent).lab, pictures.lab)


def test_pictures_stay_in_memory_where_there_is_no_gpu(
    pictures: Pictures, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "train.storage"):
        assert place([pictures], torch.device("cpu")) == "memory"
    assert "share in memory" in caplog.text


# Validation


def test_validation_shows_every_picture_once_in_order(pictures: Pictures) -> None:
    batches = list(validation_batches(pictures, 32, batch=2))
    assert (
        [len(batch["lab"]) for batch in batches]
        == [2, 2, 1]
        == [2] * (len(Validation(pictures, 32, 2)) - 1) + [1]
    )
    shown = torch.cat([batch["ethnicity"] for batch in batches])
    assert shown.tolist() == pictures.labels["ethnicity"].tolist()
    assert all(
        torch.equal(batch["seen"], batch["lab"][:, :1]) and not batch["groups"].any() for batch in batches
    )
    assert batches[0]["face"].shape == (2, 1, 8, 8)
    _, face = maps(torch.tensor([pictures.face_box]), torch.zeros(1, 6), 8)
    assert torch.equal(batches[2]["face"], face)


def _assert_same(batch: dict, other: dict) -> None:
    assert batch.keys() == other.keys()
    for key, value in batch.items():
        if key == "pixels":
            assert all(torch.equal(*tiles) for tiles in zip(value, other[key], strict=True))
        elif key == "layout":  # a worker's tuples come as lists
            assert (value.side, tuple(value.places)) == (other[key].side, tuple(other[key].places))
        else:
            assert torch.equal(value, other[key]), key


def test_validation_pictures_that_are_trained_on_are_counted() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 255, (2, 6, 32, 32, 3), np.uint8)
    second[4] = first[1]
    second[2, 16] = first[3, 16]  # the compared row alone
    none: dict[str, np.ndarray] = {}
    assert count_shared([Pictures(first, none)], [Pictures(second, none)]) == 1
    assert count_shared([Pictures(first, none)], [Pictures(first, none), Pictures(second, none)]) == 7
