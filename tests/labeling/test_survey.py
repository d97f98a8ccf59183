"""The search for faces behind the page."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from colorizer.errors import ModelError
from colorizer.groups import GROUPS
from labeling import batches, intake, looks, queue, survey
from labeling.batches import Batch
from labeling.errors import LabelError
from labeling.intake import NewBatch
from labeling.photos import PhotoFolder
from labeling.settings import LabelSettings
from labeling.store import Store
from labeling.survey import Surveyor
from tests.hostile.build import picture, save
from tests.labeling import postgres
from tests.labeling.filling import Clock, face, probabilities
from tests.labeling.zips import Entry, write


class Model:
    """Finds one face in each photo, or raises what it is told to."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        """Widths of the photos, in order."""
        self.fails: dict[int, Exception] = {}
        self.gate = threading.Event()
        self.gate.set()

    def analyze(self, rgb: np.ndarray) -> SimpleNamespace:
        self.gate.wait(10)
        self.seen.append(rgb.shape[1])
        if rgb.shape[1] in self.fails:
            raise self.fails[rgb.shape[1]]
        return SimpleNamespace(faces=[face(estimate=probabilities("Indian", 0.8))])


@pytest.fixture
def photos(tmp_path: Path) -> PhotoFolder:
    return PhotoFolder(tmp_path / "photos")


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def surveyor(store: Store, photos: PhotoFolder, model: Model) -> Iterator[Surveyor]:
    surveyor = Surveyor(store, photos, lambda: model)
    yield surveyor
    model.gate.set()
    surveyor.stop()


def _add(
    store: Store, photos: PhotoFolder, *widths: int, name: str = "Dashain", clock: Clock | None = None
) -> Batch:
    """A batch of photos of these widths, each a second after the other."""
    batch = batches.create(store, "Maya", name, "us", "CC BY 4.0", "signed")
    for width in widths:
        kept = photos.keep(save(picture(width, 40), "PNG"), f"{width}.png")
        batches.add_photos(store, batch.id, [kept])
        if clock is not None:
            clock.pass_by(1)
    return batch


def _hash(store: Store, batch: Batch, width: int) -> str:
    item = next(
        item for item in queue.take(store, "finder", batch.id, count=50) if item.name == f"{width}.png"
    )
    queue.release(store, "finder")
    return item.photo


def _until(is_so: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def test_new_photos_get_their_faces_in_the_order_they_came(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor, clock: Clock
):
    batch = _add(store, photos, 60, 50, 70, clock=clock)
    surveyor.start()
    _until(lambda: looks.survey_progress(store, batch.id) == (3, 3))
    assert model.seen == [60, 50, 70]
    _add(store, photos, 80, name="later")
    surveyor.wake()
    _until(lambda: looks.unsurveyed(store) == [])
    [row] = looks.faces(store, _hash(store, batch, 60))
    assert (row.number, row.left, row.probabilities["Indian"]) == (1, 10.0, 0.8)
    assert len(list(photos.views.rglob("*.jpg"))) == 8, "of each photo a view and its face, for the desk"
    by_face = queue.take(store, "Asha", batch.id, by_face=True)
    assert [(item.name, item.face, item.estimate) for item in by_face] == [
        (f"{width}.png", 1, "Indian") for width in (60, 50, 70)
    ]


def test_photos_on_a_desk_come_first(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor, clock: Clock
):
    _add(store, photos, *range(40, 60), clock=clock)
    other = _add(store, photos, 90, 91, name="other", clock=clock)
    queue.take(store, "Asha", other.id)
    surveyor.start()
    _until(lambda: looks.unsurveyed(store) == [])
    assert model.seen[:3] == [90, 91, 40]


def test_a_photo_asked_for_at_once_is_not_kept_waiting(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor, clock: Clock
):
    batch = _add(store, photos, *range(40, 50), clock=clock)
    last = _hash(store, batch, 49)
    model.gate.clear()
    surveyor.start()
    _until(lambda: surveyor._model_lock.locked())
    asking = threading.Thread(target=surveyor.now, args=(last,))
    asking.start()
    _until(lambda: surveyor._asked == 1)
    model.gate.set()
    asking.join(10)
    _until(lambda: looks.unsurveyed(store) == [])
    assert model.seen.index(49) <= 1, "only the photo at work comes before it"
    assert sorted(model.seen) == list(range(40, 50)), "none is looked through twice"


def test_a_photo_that_is_known_is_not_looked_through_again(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor
):
    hash = _hash(store, _add(store, photos, 50), 50)
    assert surveyor.now(hash) == surveyor.now(hash) == looks.faces(store, hash)
    assert len(surveyor.now(hash)) == 1
    assert model.seen == [50]


def test_one_bad_photo_never_stops_the_survey(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor, clock: Clock
):
    batch = _add(store, photos, 50, 51, 52, 53, clock=clock)
    photos.path(_hash(store, batch, 50)).unlink()
    photos.path(_hash(store, batch, 51)).write_bytes(b"nonsense")
    model.fails[52] = RuntimeError("a bug")
    surveyor.start()
    _until(lambda: looks.survey_progress(store, batch.id)[0] == 1)
    time.sleep(0.2)
    assert model.seen == [52, 53], "what went wrong is not tried again at once"
    assert looks.faces(store, _hash(store, batch, 53))


def test_a_photo_that_went_wrong_is_tried_again_later(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(survey, "AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(survey, "LOOK_SECONDS", 0.05)
    batch = _add(store, photos, 50)
    model.fails[50] = MemoryError()
    surveyor.start()
    _until(lambda: len(model.seen) > 1)
    model.fails.clear()
    _until(lambda: looks.survey_progress(store, batch.id) == (1, 1))


def test_without_a_model_it_says_so_and_goes_on_when_there_is_one(
    store: Store, photos: PhotoFolder, model: Model, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(survey, "MODEL_AGAIN_SECONDS", 0.05)
    there: list[Model] = []

    def load() -> Model:
        if not there:
            raise ModelError("There are no such weights; get them.")
        return there[0]

    batch = _add(store, photos, 50)
    surveyor = Surveyor(store, photos, load)
    surveyor.start()
    try:
        _until(lambda: surveyor.problem == "There are no such weights; get them.")
        there.append(model)
        _until(lambda: looks.survey_progress(store, batch.id) == (1, 1))
        _until(lambda: surveyor.problem == "")
    finally:
        surveyor.stop()


def test_no_model_is_loaded_while_there_is_nothing_to_look_at(
    store: Store, photos: PhotoFolder, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(survey, "LOOK_SECONDS", 0.01)
    asked: list[int] = []
    surveyor = Surveyor(store, photos, lambda: asked.append(1))
    surveyor.start()
    time.sleep(0.2)
    surveyor.stop()
    assert asked == []


def test_it_rests_while_somebody_needs_the_model(store: Store, photos: PhotoFolder, model: Model):
    busy = threading.Event()
    busy.set()
    _add(store, photos, 50)
    surveyor = Surveyor(store, photos, lambda: model, is_busy=busy.is_set)
    surveyor.start()
    time.sleep(0.3)
    assert model.seen == []
    busy.clear()
    _until(lambda: model.seen == [50])
    surveyor.stop()


def test_it_stops_at_once_and_can_start_again(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor
):
    surveyor.start()
    start = time.monotonic()
    surveyor.stop()
    assert time.monotonic() - start < 1
    _add(store, photos, 50)
    surveyor.start()
    _until(lambda: model.seen == [50])


def test_all_photos_can_be_looked_through_without_the_thread(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor, clock: Clock
):
    batch = _add(store, photos, 50, 51, 52, clock=clock)
    other = _add(store, photos, 60, name="other")
    gone = _hash(store, batch, 51)
    photos.path(gone).unlink()
    told: list[tuple[int, int]] = []
    [(hash, why)] = surveyor.survey_all(batch.id, lambda done, total: told.append((done, total)))
    assert hash == gone
    assert "missing" in why
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert looks.survey_progress(store, other.id) == (0, 1)
    assert surveyor.survey_all(is_cancelled=lambda: True) == []
    assert looks.survey_progress(store, other.id) == (0, 1)
    surveyor.survey_all()
    assert looks.survey_progress(store, other.id) == (1, 1)


def test_a_photo_that_nobody_has_is_said(surveyor: Surveyor):
    with pytest.raises(LabelError):
        surveyor.now("0" * 64)


def test_the_real_model_finds_the_real_face(store: Store, photos: PhotoFolder, astronaut: np.ndarray):
    from colorizer.pipeline import Colorizer

    batch = batches.create(store, "Maya", "NASA", "skimage", "public domain", "an astronaut's portrait")
    turned = Image.fromarray(astronaut).rotate(90)
    exif = Image.Exif()
    exif[0x0112] = 6  # seen turned back
    kept = photos.keep(save(turned, "PNG", exif=exif), "astronaut.png")
    batches.add_photos(store, batch.id, [kept])
    colorizer = Colorizer.load(device="cpu")
    [row] = Surveyor(store, photos, lambda: colorizer).now(kept.hash)
    assert 150 < row.left < row.right < 300, "in pixels of the photo held upright"
    assert 30 < row.top < row.bottom < 250
    assert list(row.probabilities) == list(GROUPS)
    assert sum(row.probabilities.values()) == pytest.approx(1)
    [item] = queue.take(store, "Asha", batch.id, by_face=True)
    assert item.estimate in GROUPS


@pytest.mark.slow
def test_intake_and_survey_work_in_postgresql(photos: PhotoFolder, model: Model, tmp_path: Path):
    with postgres.server() as url:
        store = Store(url)
        project = SimpleNamespace(store=store, photos=photos, settings=LabelSettings())
        path = write(
            tmp_path / "a.zip",
            Entry("a.png", save(picture(50, 40), "PNG")),
            Entry("रिता/a.png", save(picture(60, 40), "PNG")),
            Entry("=b.png", save(picture(70, 40), "PNG")),
        )
        into = NewBatch("काठमाडौँ", "us", "CC BY 4.0", "signed")
        done = intake.take_archive(project, "Asha", into, path)
        assert (done.added, done.renamed, len(done.refused)) == (2, [("रिता/a.png", "रिता_a.png")], 1)
        assert intake.take_archive(project, "Asha", "काठमाडौँ", path).known == 2
        queue.take(store, "Asha", done.batch.id)
        surveyor = Surveyor(store, photos, lambda: model)
        surveyor.start()
        try:
            _until(lambda: looks.survey_progress(store, done.batch.id) == (2, 2))
        finally:
            surveyor.stop()
            store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets one thread step back")
def test_the_survey_steps_back_behind_whoever_waits_for_the_page(
    store: Store, photos: PhotoFolder, model: Model, surveyor: Surveyor
) -> None:
    own = os.getpriority(os.PRIO_PROCESS, 0)
    seen: list[int] = []
    look = model.analyze

    def analyze(rgb: np.ndarray) -> SimpleNamespace:
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        return look(rgb)

    model.analyze = analyze  # type: ignore[method-assign]
    batch = _add(store, photos, 60)
    surveyor.start()
    _until(lambda: looks.survey_progress(store, batch.id) == (1, 1))
    assert seen == [min(19, max(own, survey.NICENESS))]
    assert os.getpriority(os.PRIO_PROCESS, 0) == own
