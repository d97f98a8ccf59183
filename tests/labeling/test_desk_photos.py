"""The section "Photos": what comes in stays in, what is refused is listed, and each sees what they may."""

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labeling import batches, intake, judging, looks
from labeling.access import Person, Role
from labeling.desk_photos import NEW, Notes, PhotosDesk, Standing
from labeling.errors import AccessError, LabelError
from labeling.intake_runs import IntakeRun
from labeling.office import Office
from labeling.settings import LabelSettings

ASHA = Person("Asha", Role.OWNER)
NOTES = Notes("Festival", "our own photos", "CC BY 4.0", "signed forms")
Given = list[tuple[str, str]]


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    folder.mkdir()
    return folder


@pytest.fixture
def desk(tmp_path: Path, allowed: Path) -> Iterator[PhotosDesk]:
    office = Office(LabelSettings(labels_folder=tmp_path / "labels", photo_folders=str(allowed)))
    yield PhotosDesk(office)
    office.stop()


def drawn(number: int) -> bytes:
    """A small PNG unlike those of other numbers."""
    picture = np.full((30, 24, 3), (number % 250, 90, 200 - number % 200), np.uint8)
    picture[:10] = 255 - number % 100
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def uploaded(folder: Path, **files: bytes) -> Given:
    """Files as uploads come: under a path of the server's, with the name that their owner gave them."""
    given = []
    for number, (name, content) in enumerate(files.items()):
        path = folder / f"upload-{number}"
        path.write_bytes(content)
        given.append((str(path), name))
    return given


def give(desk: PhotosDesk, files: Given, into: str = NEW, notes: Notes = NOTES) -> Standing:
    """Take files, and wait until that is over."""
    desk.start(ASHA, "files", files, "", "", "", into, notes)
    return over(desk)


def over(desk: PhotosDesk) -> Standing:
    end = time.monotonic() + 60
    while (standing := desk.standing(ASHA)).is_working:
        assert time.monotonic() < end
        time.sleep(0.02)
    return standing


def test_what_is_refused_is_listed_and_the_rest_is_in(desk: PhotosDesk, tmp_path: Path) -> None:
    files = uploaded(
        tmp_path,
        **{"रिता.png": drawn(1), "<b>note</b>.txt": b"no photo", "=cmd().png": drawn(2), "b.png": drawn(3)},
    )
    standing = give(desk, files)
    assert standing.batch is not None
    assert "2 photos added to Festival, 2 refused" in standing.status
    assert "2 files refused" in standing.refused
    assert "&lt;b&gt;note&lt;/b&gt;.txt" in standing.refused
    assert "<b>" not in standing.refused
    assert "would start a formula" in standing.refused
    html = desk.listing(ASHA).html
    assert "2 photos, one judgement each" in html
    assert "signed forms" in html
    assert "CC BY 4.0" in html


def test_what_a_new_batch_lacks_is_said_before_anything_is_taken(desk: PhotosDesk, tmp_path: Path) -> None:
    files = uploaded(tmp_path, a=drawn(1))
    for notes, said in (
        (Notes("", "s", "l", "c"), "name is empty"),
        (Notes("Festival", " ", "l", "c"), "where the photos come from"),
        (Notes("Festival", "s", "", "c"), "licence"),
        (Notes("Festival", "s", "l", ""), "agreed"),
        (Notes("Festival", "s", "l", "c", None), "how many people"),
        (Notes("Festival", "s", "l", "c", 1.5), "how many people"),
    ):
        with pytest.raises(LabelError, match=said):
            give(desk, files, notes=notes)
    with pytest.raises(LabelError, match="Choose photos or a ZIP"):
        give(desk, [])
    assert batches.batches(desk.office.store) == []
    assert not list(desk.office.photos.originals.rglob("*.*"))


def test_an_archive_that_cannot_be_opened_leaves_no_empty_batch(desk: PhotosDesk, tmp_path: Path) -> None:
    standing = give(desk, uploaded(tmp_path, broken=b"PK\x03\x04 and nothing more"))
    assert standing.problem
    assert batches.batches(desk.office.store) == []


def test_more_photos_come_into_a_batch_that_is_there(desk: PhotosDesk, tmp_path: Path) -> None:
    first = give(desk, uploaded(tmp_path, a=drawn(1)))
    assert first.batch is not None
    with pytest.raises(LabelError, match="There is a batch Festival already"):
        give(desk, uploaded(tmp_path, b=drawn(2)))
    again = give(desk, uploaded(tmp_path, a=drawn(1), b=drawn(2)), str(first.batch.id), Notes("", "", "", ""))
    assert "1 photo added to Festival, 1 there already" in again.status
    assert len(batches.batches(desk.office.store)) == 1


def test_cancelling_keeps_what_is_in_and_the_rest_can_come_later(
    desk: PhotosDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(120):
            archive.writestr(f"{number}.png", drawn(number))
    advance = IntakeRun.advance

    def slowly(run: IntakeRun, done: int, total: int) -> None:
        time.sleep(0.02)
        advance(run, done, total)

    monkeypatch.setattr(IntakeRun, "advance", slowly)
    desk.start(ASHA, "files", [(str(path), "many.zip")], "", "", "", NEW, NOTES)
    working = desk.standing(ASHA)
    assert working.is_working
    assert "Taking many.zip" in working.progress
    assert 'max="120"' in working.progress
    with pytest.raises(LabelError, match="still coming in"):
        desk.start(ASHA, "files", [(str(path), "many.zip")], "", "", "", NEW, Notes("More", "s", "l", "c"))
    desk.cancel(ASHA)
    cancelled = over(desk)
    assert cancelled.status.startswith('<p class="came-in">Cancelled, and what came in stays: ')
    assert cancelled.batch is not None
    _, there = looks.survey_progress(desk.office.store, cancelled.batch.id)
    assert 0 < there < 120

    monkeypatch.undo()
    again = give(desk, [(str(path), "many.zip")], str(cancelled.batch.id))
    assert f"{120 - there} photos added to Festival, {there} there already" in again.status


def test_a_folder_of_the_server_is_taken_only_where_that_is_allowed(
    desk: PhotosDesk, allowed: Path, tmp_path: Path
) -> None:
    (allowed / "a.png").write_bytes(drawn(1))
    (tmp_path / "secret.png").write_bytes(drawn(2))
    assert desk.kinds() == ("files", "folder", "mistakes")
    desk.start(ASHA, "folder", [], str(allowed), "", "", NEW, NOTES)
    assert "1 photo added" in over(desk).status
    desk.start(ASHA, "folder", [], str(tmp_path), "", "", NEW, Notes("Other", "s", "l", "c"))
    assert "is not in a folder that photos may be taken from" in over(desk).problem
    desk.start(ASHA, "mistakes", [], "", str(tmp_path), "", NEW, Notes("Other", "s", "l", "c"))
    assert "is not in a folder that photos may be taken from" in over(desk).problem
    assert len(batches.batches(desk.office.store)) == 1


def test_without_allowed_folders_only_files_are_offered(tmp_path: Path) -> None:
    office = Office(LabelSettings(labels_folder=tmp_path / "labels"))
    desk = PhotosDesk(office)
    assert desk.kinds() == ("files",)
    assert "RANGIN_PHOTO_FOLDERS" in desk.limits()
    with pytest.raises(AccessError):
        intake.take_folder(office, "Asha", intake.NewBatch("x", "s", "l", "c"), tmp_path)
    office.stop()


def test_a_batch_shows_its_progress_and_is_taken_off_the_desk(desk: PhotosDesk, tmp_path: Path) -> None:
    batch = give(desk, uploaded(tmp_path, a=drawn(1), b=drawn(2), c=drawn(3))).batch
    assert batch is not None
    judging.judge(desk.office.store, "a key of mine", "Asha", 1, "label", "Nepali")
    html = desk.listing(ASHA).html
    assert "<strong>1 of 3</strong> photos labelled; 1 by you" in html
    assert "Nepali 1" in html
    assert "Looking for faces: 0 of 3 photos" in html
    assert desk.listing(ASHA).is_surveying

    kept = Notes("", batch.source, batch.licence, "asked <again>", 2)
    assert "is changed" in desk.edit(ASHA, str(batch.id), kept, is_closed=True)
    html = desk.listing(ASHA).html
    assert "<strong>0 of 3</strong> photos labelled; 1 begun" in html
    assert "off the desk" in html
    assert "asked &lt;again&gt;" in html
    assert "was not changed" in desk.edit(ASHA, str(batch.id), kept, is_closed=True)
    with pytest.raises(LabelError, match="how the people"):
        desk.edit(ASHA, str(batch.id), Notes("", "s", "l", " ", 2), is_closed=False)


def test_visitors_see_no_batch_and_annotators_change_none(desk: PhotosDesk, tmp_path: Path) -> None:
    give(desk, uploaded(tmp_path, a=drawn(1)))
    visitor = desk.listing(Person("", Role.VISITOR))
    assert (visitor.html, visitor.batches, visitor.may_change) == ("", (), False)
    assert visitor.explained
    annotator = desk.listing(Person("Bikash", Role.ANNOTATOR))
    assert "Festival" in annotator.html
    assert not annotator.may_change
    assert "Only owners" in annotator.explained
