"""What the Train tab gets from the settings and from the Label tab, and how it stays closed."""

import csv
import logging
from collections.abc import Iterator
from html import escape
from pathlib import Path

import gradio as gr
import pytest

from colorizer.errors import OptionError
from labeling import dataset
from labeling.batches import Batch
from labeling.errors import LabelError
from labeling.office import Office
from labeling.training_set import TrainingSet
from tests.labeling.desks import open_office, put
from tests.labeling.filling import key
from train import tab
from train.settings import TrainSettings
from train.shop import Labels, Shop


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = open_office(tmp_path / "labels")
    yield office
    office.store.close()


@pytest.fixture
def album(office: Office) -> Batch:
    """Four photos: two White, one Nepali, one that nobody has labelled."""
    from labeling.judging import judge

    batch = put(office, 4)
    for item, label in enumerate(("White", "White", "Nepali"), start=1):
        judge(office.store, key(), "Maya", item, "label", label)
    return batch


def test_what_is_labelled_is_counted_and_written_for_prepare(
    office: Office, album: Batch, tmp_path: Path
) -> None:
    labelled: Labels = TrainingSet(office)
    assert labelled.count() == {"White": 2, "Nepali": 1}
    told: list[tuple[int, int]] = []
    flags = labelled.write(tmp_path / "labelled", "photo", lambda *done: told.append(done))
    assert flags == ["--vocabulary", "Asian,Black,Hispanic,Indian,Middle Eastern,White,Nepali"]
    assert told[-1] == (3, 3)
    with (tmp_path / "labelled/labels.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["ethnicity"] for row in rows) == ["Nepali", "White", "White"]
    assert all((tmp_path / "labelled/images" / row["imageName"]).is_file() for row in rows)


def test_the_flags_are_those_of_the_command_that_people_are_shown() -> None:
    for wanted in (dataset.Wanted(), dataset.Wanted(by_face=True), dataset.Wanted(cut_faces=True)):
        command, _ = dataset.instructions(Path("x"), {"White", "Nepali"}, wanted)
        flags = dataset.flags(["White", "Nepali"], wanted)
        assert command.endswith(" ".join(flags).replace(flags[1], f"'{flags[1]}'"))
    assert dataset.flags(["White"], dataset.Wanted()) == []


def test_nothing_labelled_is_an_empty_count_and_a_sentence(office: Office, tmp_path: Path) -> None:
    labelled = TrainingSet(office)
    assert labelled.count() == {}
    with pytest.raises(LabelError, match="label some photos first"):
        labelled.write(tmp_path / "labelled")
    assert not (tmp_path / "labelled").exists()
    with pytest.raises(OptionError, match="photo, face, cut"):
        labelled.count("../faces")


def test_a_shop_makes_the_folder_of_runs_and_watches_it(tmp_path: Path) -> None:
    shop = Shop(TrainSettings(runs=tmp_path / "new/runs"), environment={})
    assert shop.runs.is_dir()
    assert shop.watch is None
    shop.start()
    watch = shop.watch
    shop.start()
    assert shop.watch is watch is not None
    shop.stop()
    shop.stop()
    assert shop.watch is None


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="RANGIN_RUNS"):
        Shop(TrainSettings(runs=tmp_path / "file/runs"), environment={})


@pytest.mark.parametrize(
    ("training", "environment"),
    [("off", {}), ("auto", {"GRADIO_SERVER_NAME": "0.0.0.0"}), ("auto", {"SPACE_ID": "maya/rangin"})],
)
def test_where_nobody_may_train_the_tab_says_why_and_holds_nothing(
    tmp_path: Path, training: str, environment: dict[str, str]
) -> None:
    """No event of it can be called, no folder is made, nothing is watched."""
    shop = Shop(TrainSettings(training=training, runs=tmp_path / "runs"), environment=environment)
    shop.start()
    assert shop.watch is None
    assert not shop.runs.exists()
    with gr.Blocks() as page:
        tab.build(shop)
    assert not page.fns
    said = str(page.get_config_file())
    assert escape(shop.access.explain(shop.access.person())) in said.replace('\\"', '"')
    assert "may-train" not in said


def test_who_starts_the_page_is_told_who_may_train(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = TrainSettings(training="everybody", runs=tmp_path / "runs")
    with caplog.at_level(logging.WARNING):
        shop = Shop(settings, environment={"GRADIO_SERVER_NAME": "0.0.0.0"})
        shop.start()
    shop.stop()
    assert "whoever reaches this server may train" in caplog.text


def test_every_event_of_the_tab_is_guarded_and_one_lets_everybody_in(tmp_path: Path) -> None:
    """Whatever a section adds: an event that forgets to ask who calls fails here."""
    from tests.labeling.test_tab_events import _is_bound

    with gr.Blocks() as page:
        tab.build(Shop(TrainSettings(runs=tmp_path / "runs"), environment={}))
    calls = {event.api_name: event.fn for event in page.fns.values() if event.fn}
    takes = {name: call.takes for name, call in calls.items() if hasattr(call, "takes")}
    # Widgets that show and empty each other; they get no input and know of no run.
    unguarded = {
        event.api_name: event for event in page.fns.values() if event.fn and event.api_name not in takes
    }
    assert not [name for name, event in unguarded.items() if event.inputs]
    assert {name for name, event in unguarded.items() if _is_bound(event.fn)} <= {
        "_closed",
        "_closed_1",
        "_closed_2",
    }
    # What these two tell everybody is looked at in test_space.
    assert {name for name, what in takes.items() if what != "training"} == {"_welcome", "_arrive"}
    assert len(takes) > 30
    names = {event.api_name for event in page.fns.values() if event.api_visibility == "public"}
    assert all(str(name).startswith("train_") for name in names)
