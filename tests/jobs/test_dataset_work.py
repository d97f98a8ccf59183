"""Labels become a dataset behind the page: prepared, split so that it can be validated, and never half there."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from colorizer.errors import OptionError
from tests.jobs.making import Labelled, settings
from train import child
from train.dataset_words import parse_meanings, split_for, with_meanings
from train.dataset_work import STATE, DatasetWork, Making
from train.datasets import find, look
from train.leash import leashed

TWELVE = ["Asian", "White", "Nepali", "Black"] * 3


@pytest.mark.slow
def test_twelve_labelled_photos_become_a_dataset_that_can_be_validated(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    labels = Labelled(TWELVE, ["--vocabulary", "Asian,Black,White,Nepali"])
    work = DatasetWork(chosen, labels)
    work.from_labels("portraits", meanings="Nepali=Indian")
    seen = []
    while (making := work.state()) is not None and making.is_working:
        seen.append(making.phase)
        time.sleep(0.02)
    assert making is not None
    assert making.phase == "done", making.sentence
    assert {"preparing", "faces"} <= set(seen)
    facts = look(find("portraits", chosen.dataset_folders))
    assert facts.counts["train"] == dict.fromkeys(["Asian", "Black", "Indian", "White"], 2)
    assert facts.counts["val"] == dict.fromkeys(["Asian", "Black", "Indian", "White"], 1)
    assert facts.looked_at == 12
    first = (tmp_path / "datasets" / "portraits" / "train.csv").read_text().splitlines()[0]
    assert "face" in first.split(",")  # looked for, so that a colorizer knows whose pixels are whose
    assert DatasetWork(chosen).state() == making  # another process, or the page after a restart

    # More labels later, the same name: brought up to date.
    labels.labels = [*TWELVE, "Asian"]
    work.from_labels("portraits", "cut", "Nepali=Indian")
    assert work.wait(60)
    assert look(find("portraits", chosen.dataset_folders)).looked_at == 13
    assert labels.asked == ["photo", "cut"]


def test_what_prepare_says_is_said(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    (tmp_path / "datasets" / "mine").mkdir()
    (tmp_path / "datasets" / "mine" / "thesis.txt").write_text("not to be touched")
    work = DatasetWork(chosen, Labelled(TWELVE))
    work.from_labels("mine")
    assert work.wait(60)
    making = work.state()
    assert making is not None
    assert making.phase == "failed"
    assert "thesis.txt" in making.sentence
    assert (tmp_path / "datasets" / "mine" / "thesis.txt").read_text() == "not to be touched"


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", "a b", ".hidden", "-x", "a;b", "$(id)", "a\n", "images", "x" * 61]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    work = DatasetWork(settings(tmp_path), Labelled(TWELVE))
    with pytest.raises(OptionError, match="name of at most 60"):
        work.from_labels(name)
    assert work.state() is None
    assert not list((tmp_path / "datasets").iterdir())


def test_nothing_labelled_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="label some photos"):
        DatasetWork(settings(tmp_path), Labelled([])).from_labels("mine")
    with pytest.raises(OptionError, match="no Label tab"):
        DatasetWork(settings(tmp_path)).from_labels("mine")


@pytest.mark.parametrize(
    "repository", ["name", "a/b/c", "../x/y", "a/b;c", "--token/x", "a/..", "a b/c", "ü/x"]
)
def test_a_repository_that_is_none_is_refused(tmp_path: Path, repository: str) -> None:
    with pytest.raises(OptionError, match="user/name"):
        DatasetWork(settings(tmp_path)).from_hub(repository)


@pytest.mark.slow
def test_one_is_made_at_a_time_and_can_be_stopped(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    work, other = DatasetWork(chosen, Labelled(TWELVE)), DatasetWork(chosen, Labelled(TWELVE))
    work.from_labels("first")
    with pytest.raises(OptionError, match="being made"):
        work.from_labels("second")
    with pytest.raises(OptionError, match="Another process"):
        other.from_labels("second")
    work.stop(patience=60)
    making = work.state()
    assert making is not None
    assert making.phase == "stopped"
    other.from_labels("first")  # goes on there
    assert other.wait(60)
    making = other.state()
    assert making is not None
    assert making.phase == "done", making.sentence


def test_a_making_whose_process_is_gone_was_interrupted(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    about = {
        "making": {"name": "x", "phase": "preparing", "done": 3, "total": 9},
        "pid": os.getpid(),
        "created": 1.0,
    }
    (tmp_path / "datasets" / STATE).write_text(json.dumps(about))
    making = DatasetWork(chosen).state()
    assert making is not None
    assert (making.phase, making.is_working) == ("stopped", False)
    assert "interrupted" in making.sentence
    (tmp_path / "datasets" / STATE).write_text('{"making": {"phase": "dancing"}}')
    assert DatasetWork(chosen).state() is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_child_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    sleeper = [*leashed(), sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
    script = (
        "import subprocess, sys, time\n"
        "from train.leash import leashed\n"
        f"command = [*leashed(), *{sleeper[len(leashed()) :]!r}]\n"
        "child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)\n"
        "child.stdout.readline()\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        orphan = psutil.Process(pid)
        assert orphan.is_running()
        parent.kill()
    gone, alive = psutil.wait_procs([orphan], timeout=20)
    assert [one.pid for one in gone] == [pid]
    assert not alive


def test_a_failing_command_says_its_own_sentence(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="nothing"):
        child.run(["prepare", str(tmp_path / "nothing"), "--out", str(tmp_path / "out")], threading.Event())


def test_shares_leave_something_to_validate_with() -> None:
    assert split_for({"Asian": 2, "White": 40}) == "0.6,0.4,0"
    assert split_for({"Asian": 7}) == "0.8,0.2,0"
    assert split_for({"Asian": 10, "White": 4000}) == "0.8,0.1,0.1"


def test_labels_outside_the_groups_count_as_what_is_said() -> None:
    assert parse_meanings(" Nepali = Indian,Tamang=Asian\n") == {"Nepali": "Indian", "Tamang": "Asian"}
    flags = ["--vocabulary", "Asian,White,Nepali,Newar", "--keep-gray"]
    mapped = with_meanings(flags, {"Nepali": "Indian"})
    assert mapped == ["--vocabulary", "Asian,White,Newar,Indian", "--keep-gray", "--map", "Nepali=Indian"]
    for wrong in ("Nepali", "Nepali=Martian", "=Asian", "--out=Asian\x1b=Asian"):
        with pytest.raises(OptionError, match="LABEL=GROUP"):
            parse_meanings(wrong)


def test_a_making_says_whether_its_end_is_still_to_come() -> None:
    assert Making("x", "faces").is_working
    assert not Making("x", "failed").is_working
