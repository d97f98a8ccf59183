"""The section "Project": vocabulary, guidelines, CSVs and datasets, as the page's owner uses them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from labeling import batches, exporter, judging, looks, vocabulary
from labeling.access import Person, Role
from labeling.desk_csv import ALL
from labeling.desk_project import ProjectDesk
from labeling.errors import LabelError
from labeling.office import Office
from labeling.settings import LabelSettings
from tests.labeling.filling import face, key
from tests.labeling.test_desk_photos import drawn

ASHA = Person("Asha", Role.OWNER)
NAMES = ("a.png", "रिता.png", "c.png", "d.png")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ProjectDesk]:
    """Two batches of four photos; those of the first are labelled Nepali, but for the last, which is unsure."""
    office = Office(LabelSettings(labels_folder=tmp_path / "labels"))
    for start, name in enumerate(("Festival <1>", "Archive")):
        batch = batches.create(office.store, "Asha", name, "our own", "CC0", "signed forms")
        kept = [office.photos.keep(drawn(10 * start + place), name) for place, name in enumerate(NAMES)]
        batches.add_photos(office.store, batch.id, kept)
    for item in range(1, 5):
        judging.judge(office.store, key(), "Asha", item, "label", "unsure" if item == 4 else "Nepali")
    yield ProjectDesk(office)
    office.stop()


def number(desk: ProjectDesk, name: str) -> str:
    labels = vocabulary.labels(desk.office.store, everything=True)
    return str(next(label.id for label in labels if label.name == name))


def names(desk: ProjectDesk) -> list[str]:
    return [label.name for label in vocabulary.labels(desk.office.store)]


def test_a_change_is_shown_with_the_csvs_it_touches_and_made_when_confirmed(desk: ProjectDesk) -> None:
    written = {path.name for path in desk.office.exporter.now()}
    proposal = desk.propose("rename", number(desk, "Nepali"), "Nepalese")
    html = desk.preview(proposal)
    assert "3 judgements count differently from then on." in html
    assert "<code>Festival--1.csv</code> 3 judgements" in html
    assert "Festival--1.csv" in written, "the CSV is called so"
    assert "Archive.csv" not in html, "nothing in it changes"
    assert "Nepali" in names(desk)
    assert desk.apply(ASHA, proposal) == "Nepali is now called Nepalese."
    assert "Nepalese" in names(desk)
    shown = desk.vocabulary()
    assert "Renamed “Nepali” to “Nepalese”" in shown.history
    assert shown.can_take_back
    desk.apply(ASHA, desk.propose_taking_back())
    assert "Nepali" in names(desk)


def test_a_merged_label_counts_with_the_other_and_is_listed_as_gone(desk: ProjectDesk) -> None:
    desk.apply(ASHA, desk.propose("merge", number(desk, "Nepali"), into=number(desk, "Indian")))
    shown = desk.vocabulary()
    assert '<th scope="row">Indian</th><td><kbd>4</kbd></td><td>3</td>' in shown.html
    assert '<th scope="row">Nepali</th><td>counts as Indian</td><td>3</td>' in shown.html
    assert ("Nepali (counts as Indian)", number(desk, "Nepali")) in shown.changeable
    assert "Nepali" not in [words for words, _ in shown.active]
    assert "unsure" in [words for words, _ in shown.active], "something may be merged into unsure"
    assert "unsure" not in [words for words, _ in shown.changeable]


def test_labels_get_other_keys(desk: ProjectDesk) -> None:
    assert desk.move(ASHA, number(desk, "Black"), is_later=False) == "Black is label 1 now."
    assert names(desk)[:2] == ["Black", "Asian"]
    with pytest.raises(LabelError, match="the first label already"):
        desk.move(ASHA, number(desk, "Black"), is_later=False)
    with pytest.raises(LabelError, match="the last label already"):
        desk.move(ASHA, number(desk, "Nepali"), is_later=True)
    with pytest.raises(LabelError, match="always there"):
        desk.move(ASHA, number(desk, "unsure"), is_later=False)
    assert names(desk)[-1] == "unsure"


def test_what_is_missing_is_said(desk: ProjectDesk) -> None:
    for act, label, into in (
        ("rename", None, None),
        ("merge", number(desk, "Black"), None),
        ("burn", "1", None),
    ):
        with pytest.raises(LabelError, match="Choose"):
            desk.propose(act, label, "x", into)
    with pytest.raises(LabelError, match="Look at what would change first"):
        desk.apply(ASHA, None)
    with pytest.raises(LabelError, match="no change of a label to take back"):
        desk.propose_taking_back()


def test_guidelines_are_not_written_over_somebody_elses(desk: ProjectDesk) -> None:
    seen = desk.guidelines()
    desk.save_guidelines(Person("Bikash", Role.OWNER), seen + "- One more <rule>.", seen)
    with pytest.raises(LabelError, match="Somebody else changed the guidelines"):
        desk.save_guidelines(ASHA, "mine", seen)
    assert "One more <rule>." in desk.guidelines()
    assert "+- One more &lt;rule&gt;." in desk.vocabulary().history
    now = desk.guidelines()
    assert desk.save_guidelines(ASHA, now, now) == "Nothing was changed."


def test_a_csv_is_made_and_imported_again_without_a_change(desk: ProjectDesk, tmp_path: Path) -> None:
    made = desk.export(ALL, "photo", [])
    lines = made.path.read_bytes().decode().split("\r\n")
    assert lines[0] == "imageName,ethnicity"
    assert "Festival <1>/a.png,Nepali" in lines, "two photos are called a.png"
    assert len(lines) == 6
    assert "4 rows, one a labelled photo." in made.html
    assert "<1>" not in made.html
    version = desk.office.store.version()
    taken = desk.take(ASHA, [(str(made.path), "labels.csv")], ALL)
    assert taken.sentence == "Of 4 rows: 0 judgements written, 4 rows known already."
    assert desk.office.store.version() == version

    path = tmp_path / "more.csv"
    path.write_text(
        "imageName,ethnicity\nc.png,White\nnobody.png,Asian\nd.png,<i>Martian</i>\n", encoding="utf-8"
    )
    taken = desk.take(ASHA, [(str(path), "more.csv")], "2")
    assert taken.sentence == "Of 3 rows: 1 judgement written, 2 rows refused."
    assert "<strong>Line 3: nobody.png</strong>" in taken.refused
    assert "Line 4: d.png" in taken.refused
    assert "<i>" not in taken.refused
    with pytest.raises(LabelError, match="Choose a labels CSV"):
        desk.take(ASHA, [], ALL)


def test_the_csvs_options_and_names(desk: ProjectDesk) -> None:
    made = desk.export("1", "face", ["annotator", "time"])
    assert made.path.name == "Festival--1-faces.csv"
    assert made.path.read_text(encoding="utf-8").startswith("imageName,ethnicity,face,annotator,time")
    assert "Nothing has been labelled" in made.html
    made = desk.export("1", "photo", ["judgements"])
    assert "4 judgements, one a row." in made.html
    assert made.path.parent != desk.export("1", "photo", []).path.parent, (
        "each in a folder that nobody guesses"
    )
    with pytest.raises(LabelError, match="Choose a batch"):
        desk.export("../1", "photo", [])


def test_the_kept_csvs_are_listed(desk: ProjectDesk) -> None:
    assert desk.offer().files == ""
    desk.office.exporter.now()
    files = desk.offer().files
    every = exporter.names(batches.batches(desk.office.store))
    assert all(f"<code>{photos}</code>" in files for photos, _ in every.values())
    assert [words for words, _ in desk.offer().batches] == ["All batches", "Festival <1>", "Archive"]


def test_a_dataset_is_one_press_and_says_what_to_run(desk: ProjectDesk) -> None:
    told: list[tuple[int, int]] = []
    html = desk.make_dataset(
        "our <set>", "photo", ["1", "2"], [], lambda done, total: told.append((done, total))
    )
    folder = desk.office.settings.labels_folder / "datasets" / "our--set"
    assert sorted(path.suffix for path in (folder / "images").iterdir()) == [".png"] * 3
    assert told[-1] == (3, 3)
    assert "3 pictures in" in html
    assert "1 labelled unsure" in html
    assert "python -m train prepare" in html
    assert str(folder) in html
    with pytest.raises(LabelError, match="Nothing is labelled"):
        desk.make_dataset("none", "photo", ["1"], ["Nepali"])
    with pytest.raises(LabelError, match="at least one batch"):
        desk.make_dataset("none", "photo", [], [])


def test_faces_are_cut_out_for_the_classifier(desk: ProjectDesk) -> None:
    with desk.office.store.reading() as connection:
        hashes = list(
            connection.exec_driver_sql("SELECT DISTINCT photo FROM items WHERE batch = 1").scalars()
        )
    for hash in hashes:
        looks.set_survey(desk.office.store, hash, [face(2, 15)])
    html = desk.make_dataset("cut", "cut", ["1"], [])
    assert "3 pictures in" in html


def test_who_may_not_change_the_project_is_told_so(desk: ProjectDesk) -> None:
    assert desk.shown(ASHA).may_change
    annotator = desk.shown(Person("Bikash", Role.ANNOTATOR))
    assert not annotator.may_change
    assert "Only owners" in annotator.explained
    visitor = desk.shown(Person("", Role.VISITOR))
    assert not visitor.may_change
    assert visitor.explained
    assert not visitor.snapshots


def test_without_a_repository_nothing_can_be_pushed(desk: ProjectDesk) -> None:
    shown = desk.shown(ASHA)
    assert "on this machine only" in shown.snapshots
    assert not shown.can_push
