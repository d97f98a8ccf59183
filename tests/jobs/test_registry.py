"""Ordering, stopping, resuming and deleting jobs: what is refused, what is written, and a training that is killed."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from colorizer.errors import OptionError
from tests import runs
from tests.jobs import waiting
from train import standing as said
from train.jobs import engines, files, fitting, kinds, looking, processes, registry, start, tokens, work
from train.jobs import job as jobs
from train.jobs.engine import EngineError, Refused, Seen
from train.jobs.job import Hardware, Job, Order, State
from train.settings import TrainSettings

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> TrainSettings:
    return TrainSettings(runs=tmp_path / "runs", datasets=str(tmp_path / "data"))


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A training of twelve steps, in the folder for datasets."""
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(runs.values(folder)))
    return path


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is started."""
    monkeypatch.setattr(start, "spawn", lambda job: None)


def fields(error: Refused) -> list[str]:
    return [problem.field for problem in error.problems]


def refusal(order: Order, settings: TrainSettings, **asked: Any) -> Refused:
    """Why an order is refused; and nothing of it is left."""
    with pytest.raises(Refused) as refused:
        registry.submit(order, settings, **asked)
    assert not settings.runs.exists() or not list(settings.runs.iterdir())
    return refused.value


@pytest.mark.usefixtures("still")
def test_a_jobs_folder_holds_the_recipe_as_resolved_and_the_command(
    recipe: Path, settings: TrainSettings
) -> None:
    order = Order(
        name="1e3", who="asha", recipe=str(recipe), overrides=("batch=6", "seed=3"), dataset="faces"
    )
    job = registry.submit(order, settings)
    assert job.folder.parent == settings.runs
    assert job.id.startswith("1e3-")
    resolved = fitting.read(job.folder)
    assert resolved is not None
    assert (resolved.name, resolved.batch, resolved.seed) == ("1e3", 6, 3)
    assert job.command == (
        *(sys.executable, "-m", "train", "fit", f"{job.folder}/recipe.yaml"),
        *("--out", str(job.folder), "--resume"),
    )
    assert (job.state, job.attempts, job.order) == (State.STARTING, 1, order)
    assert jobs.find(job.id, settings.runs) == job


def test_all_that_is_wrong_is_said_at_once(recipe: Path, settings: TrainSettings) -> None:
    order = Order(name="a..b", recipe=str(recipe), hardware=Hardware(device="gpu:99", partition="long"))
    assert fields(refusal(order, settings)) == ["name", "device", "partition"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"recipe": "no-such-recipe"}, "recipe"),
        ({"recipe": "../../etc/passwd"}, "recipe"),
        ({"recipe": "a\nb"}, "recipe"),
        ({"overrides": ("btach=3",)}, "overrides"),
        ({"overrides": ("batch=0",)}, "overrides"),
        ({"overrides": ("batch=!!python/object/apply:os.system ['touch hacked']",)}, "overrides"),
        ({"overrides": ("$(touch hacked)",)}, "overrides"),
        ({"overrides": ("cache=/etc",)}, "overrides"),
        ({"overrides": ("data.0.images=/etc",)}, "dataset"),
        ({"overrides": ("data.0.images='; touch hacked; '",)}, "dataset"),
        ({"overrides": ("data.0.labels=../../../../etc/passwd",)}, "dataset"),
    ],
)
def test_what_leads_elsewhere_or_nowhere_is_refused(
    recipe: Path,
    settings: TrainSettings,
    changes: dict[str, Any],
    field: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    order = Order(**({"name": "mine", "recipe": str(recipe)} | changes))
    error = refusal(order, settings)
    assert fields(error)[0] == field
    assert "\n" not in str(error)
    assert "root:" not in str(error)
    assert not list(tmp_path.rglob("hacked")) + list(REPOSITORY.glob("hacked"))


def test_a_link_out_of_the_folders_is_followed_before_it_is_judged(
    recipe: Path, settings: TrainSettings, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (tmp_path / "data" / "link").symlink_to(secret)
    order = Order(name="mine", recipe=str(recipe), overrides=(f"data.0.images={tmp_path / 'data' / 'link'}",))
    assert "dataset" in fields(refusal(order, settings))


@pytest.mark.parametrize(
    "name", ["a/b", "../a", "a b", "a;b", "$(a)", "'a'", "a\nb", "", ".a", "-a", "A", "a" * 41]
)
def test_names_that_are_no_folders_name_can_not_be_ordered(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Order(name=name)


@pytest.mark.parametrize(
    "job_id", ["..", "../x", "a/../b", "/etc", "a\nb", "", ".", "a..b", "%2e%2e", "x" * 500]
)
def test_ids_lead_nowhere_else(job_id: str, tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(OptionError, match="There is no job"):
        jobs.find(job_id, tmp_path / "runs")


@pytest.mark.slow
def test_a_training_that_is_killed_goes_on_from_its_checkpoint(
    recipe: Path, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    order = Order(name="mine", recipe=str(recipe), overrides=("steps=600", "validate_every=20", "samples=0"))
    job = registry.submit(order, settings)
    # The row is written before the checkpoint.
    waiting.until(
        lambda: (job.folder / "last.ckpt").is_file() and said.last_row(job.folder).get("step", 0) > 20
    )
    standing = looking.stand(job)
    assert standing.state == State.RUNNING
    assert standing.steps == 600
    assert standing.share is not None
    assert 0 < standing.share < 1
    assert standing.seconds_left is not None
    assert standing.seconds_left > 0
    assert standing.images_per_second is not None
    assert standing.sentence.startswith("At step ")
    note = work.read(job.folder)
    assert note is not None
    os.kill(note.pid, signal.SIGKILL)  # the keeper: the training hears of it, and writes its checkpoint
    standing = waiting.over(job)
    assert standing.state == State.LOST
    step = said.read(job.folder)["step"]
    assert step >= 20
    assert f"goes on from the checkpoint of step {step}." in standing.sentence
    assert not waiting.left(job)
    with pytest.raises(OptionError, match="is over already"):
        registry.cancel(job)

    again = registry.resume(job)
    assert (again.id, again.attempts) == (job.id, 2)
    with pytest.raises(OptionError, match="only what has ended can be resumed"):
        registry.resume(job)
    waiting.until(lambda: said.last_row(job.folder).get("step", 0) > step)
    registry.cancel(job)
    standing = waiting.over(job)
    assert standing.state == State.STOPPED
    assert standing.sentence == f"Stopped on request at step {standing.step}; resuming goes on from there."
    assert standing.step is not None
    assert standing.step > step
    rows = [int(row["step"]) for row in runs.rows(job.folder)]
    assert rows == sorted(set(rows))  # no step was done twice, as its rows tell
    waiting.until(lambda: not waiting.left(job))  # the keeper looks for the next job

    told = registry.what_goes(job)
    assert "2 checkpoints" in told
    assert "curves" in told
    registry.delete(job)
    assert not job.folder.exists()
    assert registry.standings(settings.runs) == []
    with pytest.raises(OptionError, match="deleted"):
        looking.stand(job)


@pytest.mark.usefixtures("still")
def test_what_is_at_work_can_not_be_deleted(recipe: Path, settings: TrainSettings) -> None:
    job = registry.submit(Order(name="mine", recipe=str(recipe)), settings)
    with pytest.raises(OptionError, match="stop it before"):
        registry.delete(job)
    jobs.change(job.folder, state=State.FINISHED)
    with pytest.raises(OptionError, match="has finished"):
        registry.resume(job)
    measuring = jobs.create(Order(kind="evaluate", name="report", arguments={"of": job.id}), settings.runs)
    with pytest.raises(OptionError, match="is being measured"):
        registry.delete(job)
    jobs.change(measuring.folder, state=State.STOPPED)
    registry.delete(job)
    assert not job.folder.exists()


class Refusing:
    """An engine that takes nothing."""

    name, title = "local", "Refusing"

    def __init__(self, seen: Seen | None = None) -> None:
        self.seen, self.tokens = seen, [""]

    def unavailable(self) -> str:
        return ""

    def check(self, order: Order, recipe: object) -> list[Any]:
        self.tokens.append(tokens.of(order.who))
        return []

    def submit(self, job: Job) -> str:
        self.tokens.append(tokens.of(job.id))
        raise EngineError("The queue is closed.")

    def look(self, job: Job) -> Seen:
        if self.seen is None:
            raise EngineError("Nobody answers.")
        return self.seen

    def logs(self, job: Job, lines: int) -> str:
        raise EngineError("Nobody answers.")

    def cancel(self, job: Job) -> None:
        raise EngineError("Nobody answers.")


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    engine = Refusing()
    monkeypatch.setattr(engines, "get", lambda name: engine)
    return engine


def test_of_what_an_engine_does_not_take_nothing_is_left(
    recipe: Path, settings: TrainSettings, refusing: Refusing
) -> None:
    order = Order(name="mine", who="asha", recipe=str(recipe))
    with pytest.raises(EngineError, match="closed"):
        registry.submit(order, settings, token="hf_asha")
    assert refusing.tokens[1:] == ["hf_asha", "hf_asha"]
    assert [path.name for path in settings.runs.iterdir()] == [".deleted"]
    assert not list((settings.runs / ".deleted").iterdir())
    tokens.forget("asha")
    assert tokens.of("asha") == ""


def test_what_can_not_be_noted_does_not_run_where_nobody_finds_it(
    recipe: Path, settings: TrainSettings, refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancelled: list[str] = []
    write = files.atomic.write

    def full(path: Path, content: str) -> None:
        if '"number": "7"' in content:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(refusing, "submit", lambda job: "7")
    monkeypatch.setattr(refusing, "cancel", lambda job: cancelled.append(job.number))
    monkeypatch.setattr(files.atomic, "write", full)
    with pytest.raises(OptionError, match="No space left"):
        registry.submit(Order(name="mine", recipe=str(recipe)), settings)
    assert cancelled == ["7"]
    assert jobs.everything(settings.runs) == []


def test_what_failed_unseen_has_not_stopped_on_request(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, "")
    jobs.change(job.folder, state=State.RUNNING, notes={"host": processes.host()})
    note = {"pid": os.getpid(), "created": 1.0, "host": "here", "attempt": 1, "exit_code": 3, "ended": 5.0}
    (job.folder / work.FILE).write_text(json.dumps(note))
    with pytest.raises(OptionError, match=r"is over already \(failed\)"):
        registry.cancel(job)
    assert not waiting.fresh(job).wants_stop


def test_a_resume_that_is_not_taken_leaves_the_job_as_it_was(tmp_path: Path, refusing: Refusing) -> None:
    job = waiting.create(tmp_path, "")
    before = jobs.change(job.folder, state=State.LOST, sentence="Gone.", number="7", ended=5.0)
    with pytest.raises(EngineError, match="closed"):
        registry.resume(job)
    after = waiting.fresh(job)
    assert after.model_copy(update={"command": before.command}) == before


def test_an_engine_that_does_not_answer_changes_nothing(tmp_path: Path, refusing: Refusing) -> None:
    job = waiting.create(tmp_path, "")
    before = jobs.change(job.folder, state=State.RUNNING)
    standing = looking.stand(job)
    assert (standing.state, standing.sentence) == (State.RUNNING, "Nobody answers.")
    with pytest.raises(EngineError, match="answers"):
        registry.cancel(job)
    assert waiting.fresh(job) == before
    with pytest.raises(EngineError, match="answers"):
        looking.logs(job)
    (job.folder / work.OUTPUT).write_text("one\ntwo\n")
    assert looking.logs(job, 1) == "two"


def test_what_its_engine_forgot_is_lost_after_a_while(
    tmp_path: Path, refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing.seen = Seen(None)
    job = waiting.create(tmp_path, "")
    assert looking.stand(job).state == State.WAITING
    monkeypatch.setattr(looking, "UNKNOWN_SECONDS", 0.0)
    assert looking.stand(job).state == State.LOST


def test_a_bar_in_the_log_is_one_line(tmp_path: Path, refusing: Refusing) -> None:
    job = waiting.create(tmp_path, "")
    (job.folder / work.OUTPUT).write_bytes(b"a\n 1%\r 50%\r100%\nend \xff\xe2\x82\r\n")
    assert looking.logs(job) == "a\n100%\nend \ufffd\ufffd"


def test_a_damaged_or_foreign_folder_stops_nobody(tmp_path: Path) -> None:
    job = waiting.create(tmp_path, "")
    for name, text in {"broken": "{", "list": "[]", "other": '{"id": 3}', "binary": "\x00\xff"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "job.json").write_text(text)
    (tmp_path / "a-file").write_text("")
    (job.folder / "run.json").write_text('{"step": "x", "best": 3, "steps": [], "sentence": 5}')
    (job.folder / "metrics.csv").write_text("step,lr\n1,2,3\nnot,a number\n")
    (job.folder / "recipe.yaml").write_text("steps: [")
    assert [standing.job.id for standing in registry.standings(tmp_path)] == [job.id]


def test_the_last_row_is_the_last_whole_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    assert said.last_row(tmp_path) == {}
    path.write_text("step,lr,val/psnr\n20,0.1,\n40,0.2,25.5\n60,0.3,2")
    assert said.last_row(tmp_path) == {"step": 40, "lr": 0.2, "val/psnr": 25.5}
    path.write_text("step,lr\n20,0.1\n1e999,0.2\nnan,0.3\n")
    assert said.last_row(tmp_path) == {"step": 20, "lr": 0.1}
    path.write_text("step,lr\n" + "".join(f"{i},0.5\n" for i in range(5000)))
    assert said.last_row(tmp_path) == {"step": 4999, "lr": 0.5}
    assert kinds.Progress().step is None


def test_what_the_page_asks_of_jobs_imports_no_pytorch() -> None:
    script = (
        "import sys; from train.jobs import engines, registry\n"
        "engines.get('local').unavailable(); registry.standings(); registry.tick()\n"
        "assert not {'torch', 'lightning', 'timm', 'kornia'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True)
