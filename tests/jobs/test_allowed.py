"""Settings of training, and paths that stay inside the folders for jobs."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from colorizer import settings as colorizer_settings
from colorizer.errors import OptionError
from train.allowed import within
from train.settings import TrainSettings, get_train_settings


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two allowed folders, and beside them one that isn't."""
    for name in ("data", "more", "data-of-others"):
        (tmp_path / name / "set").mkdir(parents=True)
    return [tmp_path / "data", tmp_path / "more"]


def test_a_path_inside_is_taken_whether_or_not_it_exists(folders: list[Path]) -> None:
    data, more = folders
    assert within(str(data / "set"), folders) == (data / "set").resolve()
    assert within("set", folders) == (data / "set").resolve()
    assert within(f"  {more}/new/deep ", folders) == (more / "new/deep").resolve()
    assert within(data, folders) == data.resolve()
    assert within("set/../other", folders) == (data / "other").resolve()
    strange = "रिता\u200d'; $(touch x) \"&|`"
    assert within(strange, folders) == (data / strange).resolve()


@pytest.mark.parametrize(
    "given",
    [
        *("../data-of-others/set", "/etc", "/etc/passwd", "~", "~/x", "~root/x", "~nobody-of-this-name/x"),
        *(
            "set/../../data-of-others",
            "..",
            "",
            "  ",
            "a\nb",
            "a\0b",
            "a\x1b[31m",
            "x" * 5000,
            "a\ud800b",
            "/",
        ),
    ],
)
def test_a_path_that_leads_elsewhere_or_nowhere_is_refused(folders: list[Path], given: str) -> None:
    with pytest.raises(OptionError) as refused:
        within(given, folders, "The dataset")
    assert str(refused.value).startswith("The dataset ")
    assert len(str(refused.value)) < 600


def test_a_link_counts_as_where_it_leads(folders: list[Path], tmp_path: Path) -> None:
    data, more = folders
    (data / "out").symlink_to(tmp_path / "data-of-others")
    (data / "there").symlink_to(more)
    assert within("there/set", folders) == (more / "set").resolve()
    for given in ("out", "out/set", "out/../data-of-others/set"):
        with pytest.raises(OptionError, match="outside"):
            within(given, folders)


def test_an_allowed_folder_may_be_a_link_itself(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    assert within("set", [tmp_path / "data"]) == tmp_path.resolve() / "disk/set"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RANGIN_RUNS", "~/runs-of-mine")
    monkeypatch.setenv("RANGIN_DATASETS", f"{tmp_path}{os.pathsep} ~/pictures {os.pathsep}")
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_machine")
    settings = TrainSettings()
    assert settings.runs == Path.home() / "runs-of-mine"
    assert settings.dataset_folders == (tmp_path, Path.home() / "pictures")
    assert settings.token == "hf_of_the_machine"
    monkeypatch.setenv("RANGIN_JOBS_TOKEN", "hf_of_the_jobs")
    assert TrainSettings().token == "hf_of_the_jobs"
    assert "hf_of" not in repr(TrainSettings())


def test_tests_never_see_the_users_runs_and_datasets() -> None:
    root = colorizer_settings.ROOT
    settings = get_train_settings()
    for folder in (settings.runs, *settings.dataset_folders):
        assert not folder.is_relative_to(root)


def test_without_settings_everything_lies_in_rangins_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANGIN_RUNS", "RANGIN_DATASETS"):
        monkeypatch.delenv(name)
    settings = TrainSettings()
    assert settings.runs == colorizer_settings.ROOT / "runs"
    assert settings.dataset_folders == (colorizer_settings.ROOT / "data",)
    assert str(colorizer_settings.ROOT) not in colorizer_settings.table(TrainSettings)


@pytest.mark.parametrize(
    "values",
    [
        {"gpus": "all"},
        {"gpus": "0;1"},
        {"cpu_jobs": 0},
        {"jobs_namespace": "a/b"},
        {"jobs_namespace": "$(x)"},
    ],
)
def test_settings_that_mean_nothing_are_refused_at_the_start(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainSettings(**values)  # type: ignore[arg-type]
