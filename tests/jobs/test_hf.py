"""Training on Hugging Face Jobs, against a small Hub on this machine that really runs what it is sent."""

import base64
import io
import json
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import HfApi

from colorizer import checkpoint
from tests import runs
from tests.jobs.hub_server import JobsHub, serving, until
from tests.labeling.hub_server import Repository
from train.jobs import asking, engines, hf, hf_parcel, hf_prices, hf_send, registry, tokens
from train.jobs import job as jobs
from train.jobs.engine import EngineError, Refused
from train.jobs.hf import HuggingFace
from train.jobs.job import Hardware, Job, Order, State
from train.recipe import Recipe
from train.settings import get_train_settings


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[JobsHub]:
    monkeypatch.setattr(hf_send, "PACE", (0.1, 0.3, 0.3))
    monkeypatch.setattr(asking, "ASK_EVERY", 0.0)
    monkeypatch.setattr(hf, "SYNC_EVERY", 0.5)
    monkeypatch.setattr(asking, "PATIENCE", 60.0)
    monkeypatch.setattr(tokens, "_kept", {})
    get_train_settings.cache_clear()
    with serving(monkeypatch, tmp_path / "service") as hub:
        tokens.keep(hub.token, "asha")
        yield hub
    get_train_settings.cache_clear()


def ordered(folder: Path, minutes: int = 30, **changes: Any) -> Job:
    """A job as it is before it is handed over: its folder, with the resolved recipe in it."""
    recipe = runs.recipe(folder, **changes)
    order = Order(
        name=recipe.name,
        who="asha",
        recipe="tiny.yaml",
        hardware=Hardware(engine="hf", flavor="cpu-basic", minutes=minutes),
    )
    job = jobs.create(order, folder / "runs")
    (job.folder / "recipe.yaml").write_text(yaml.safe_dump(json.loads(recipe.model_dump_json())))
    return job


def again(job: Job) -> Job:
    found = jobs.read(job.folder)
    assert found is not None
    return found


def state(engine: HuggingFace, job: Job) -> State | None:
    return engine.look(again(job)).state


@pytest.mark.slow
@pytest.mark.timeout(400)  # two trainings from their first import on, also where much else goes on
def test_a_job_trains_there_stops_goes_on_and_everything_comes_back(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path, steps=100_000, validate_every=5)
    first = engine.submit(job)
    assert again(job).number == first
    spec = hub.specs[first]
    assert spec["flavor"] == "cpu-basic"
    assert spec["timeoutSeconds"] == 1800
    until(lambda: state(engine, job) is State.RUNNING and (job.folder / "metrics.csv").is_file())
    assert engine.submit(again(job)) == first, "it is at work already"
    assert list(hub.jobs) == [first]
    engine.cancel(again(job))
    assert state(engine, job) is State.STOPPING
    until(lambda: state(engine, job) is State.STOPPED)
    assert hub.jobs[first]["status"]["stage"] == "COMPLETED", "it ended by itself"
    step = json.loads((job.folder / "run.json").read_text())["step"]
    assert step > 0

    text = (job.folder / "recipe.yaml").read_text().replace("steps: 100000", f"steps: {step + 10}")
    (job.folder / "recipe.yaml").write_text(text)
    jobs.change(job.folder, wants_stop=False)
    sent = len(hub.repos["asha/rangin-pictures"].messages)
    second = engine.submit(again(job))
    assert second != first
    assert len(hub.repos["asha/rangin-pictures"].messages) == sent, "pictures are sent once"
    until(lambda: state(engine, job) is State.FINISHED)
    steps = [int(row["step"]) for row in runs.rows(job.folder)]
    assert steps == sorted(set(steps)), "no step twice"
    assert steps[-1] == step + 10
    about = json.loads((job.folder / "run.json").read_text())
    assert (about["starts"], about["status"]) == (2, "finished")
    assert engine.look(again(job)).sentence.startswith(f"{step + 10} steps")
    weights = job.folder / "tiny.safetensors"
    assert checkpoint.load(str(weights)).about["training"]["steps"] == step + 10
    assert (job.folder / "tiny.md").is_file()
    assert (job.folder / "last.ckpt").is_file()
    assert "tiny.safetensors" in engine.logs(again(job), 3)

    # All is private, and nowhere did the token get written down.
    assert {name: repo.is_private for name, repo in hub.repos.items()} == {
        "asha/rangin-pictures": True,
        again(job).notes["repository"]: True,
    }
    assert spec["secrets"] == {"HF_TOKEN": hub.token}
    assert hub.token not in json.dumps({**spec, "secrets": None})
    for path in [*tmp_path.rglob("*")]:
        if path.is_file():
            assert hub.token.encode() not in path.read_bytes(), path
    # The recipe that went there says nothing of this machine.
    assert str(tmp_path) not in hub.files(again(job).notes["repository"])["job/recipe.yaml"].decode()


STAND_IN = """
import json, os, signal, sys, time
from pathlib import Path
assert "HF_TOKEN" not in os.environ and sys.argv[1] == "fit" and sys.argv[-1] == "--resume"
run = Path(sys.argv[4])
assert len(list(Path("data/0").iterdir())) == 12 and Path("job/labels/0.csv").is_file()
step = int((run / "last.ckpt").read_text()) if (run / "last.ckpt").is_file() else 0
def note(**values):
    (run / "run.json").write_text(json.dumps({"began_at": began, "step": step, **values}))
def stop(*_):
    (run / "last.ckpt").write_text(str(step))
    note(status="stopped", sentence="Stopped on request.")
    sys.exit(143)
began = step
signal.signal(signal.SIGTERM, stop)
if FAILS:
    note(status="failed", sentence="The loss became not a number.")
    sys.exit(1)
while True:
    step += 1
    (run / "last.ckpt").write_text(str(step))
    note(status="running", sentence="It goes on.")
    time.sleep(0.05)
"""


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Instead of this project's code a program is sent that only counts, and stops as training does."""

    def send(fails: bool) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            hf_parcel._add(tar, "train/__main__.py", STAND_IN.replace("FAILS", str(fails)).encode())
        monkeypatch.setattr(hf_parcel, "code", packed.getvalue)

    return send


def test_a_job_that_the_service_ends_goes_on_from_what_was_sent(
    hub: JobsHub, tmp_path: Path, stand_in: Callable[[bool], None]
) -> None:
    stand_in(False)
    engine, job = HuggingFace(), ordered(tmp_path)
    number = engine.submit(job)
    repository = again(job).notes["repository"]
    until(lambda: int(hub.files(repository).get("run/last.ckpt", b"0")) > 5)
    hub.end(number, "ERROR")
    hub.jobs[number]["status"]["message"] = "Job timeout"
    seen = engine.look(again(job))
    assert seen.state is State.FAILED
    assert "Job timeout" in seen.sentence
    step = int((job.folder / "last.ckpt").read_text())
    number = engine.submit(again(job))
    until(lambda: json.loads(hub.files(repository)["run/run.json"])["began_at"] == step)
    hub.processes[number].send_signal(signal.SIGTERM)
    until(lambda: state(engine, job) is State.STOPPED)
    assert int((job.folder / "last.ckpt").read_text()) > step


def test_it_ends_itself_before_the_service_does(
    hub: JobsHub, tmp_path: Path, stand_in: Callable[[bool], None]
) -> None:
    stand_in(False)
    engine, job = HuggingFace(), ordered(tmp_path, minutes=1)
    hub.holds = True
    number = engine.submit(job)
    hub.specs[number]["environment"]["RANGIN_SECONDS"] = "2"  # a minute, but for who waits
    assert state(engine, job) is State.WAITING
    hub.start(number)
    until(lambda: state(engine, job) is State.STOPPED)
    assert "1 minutes were over" in engine.look(again(job)).sentence


def test_a_failure_says_its_cause(hub: JobsHub, tmp_path: Path, stand_in: Callable[[bool], None]) -> None:
    stand_in(True)
    engine, job = HuggingFace(), ordered(tmp_path)
    engine.submit(job)
    until(lambda: state(engine, job) is State.FAILED)
    assert engine.look(again(job)).sentence == "The loss became not a number."


def test_a_set_up_that_fails_says_why(hub: JobsHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hf_parcel, "code", lambda: b"no archive")
    engine, job = HuggingFace(), ordered(tmp_path)
    engine.submit(job)
    until(lambda: state(engine, job) is State.FAILED)
    assert engine.look(again(job)).sentence.startswith("The job could not be set up: ReadError")


def test_results_arrive_though_the_hub_was_away(
    hub: JobsHub, tmp_path: Path, stand_in: Callable[[bool], None]
) -> None:
    stand_in(False)
    engine, job = HuggingFace(), ordered(tmp_path)
    number = engine.submit(job)
    until(lambda: state(engine, job) is State.RUNNING and (job.folder / "run.json").is_file())
    hub.fails = 418  # any other is tried again for half a minute by the client itself
    with pytest.raises(EngineError, match="error 418"):
        engine.look(again(job))
    until(lambda: "will try again" in "".join(hub.log(number)))
    hub.fails = 0
    step = json.loads((job.folder / "run.json").read_text())["step"]
    until(lambda: state(engine, job) and json.loads((job.folder / "run.json").read_text())["step"] > step)
    engine.cancel(again(job))
    until(lambda: state(engine, job) is State.STOPPED)


def test_a_job_in_the_queue_is_taken_back(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    number = engine.submit(job)
    engine.cancel(again(job))
    assert state(engine, job) is State.STOPPED
    assert number not in hub.processes


@pytest.mark.parametrize("how", ["drops_answer", "garbles_answer"])
def test_a_job_whose_answer_was_lost_is_found_again(hub: JobsHub, tmp_path: Path, how: str) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    setattr(hub, how, True)
    (number,) = [engine.submit(job)]
    assert list(hub.jobs) == [number]
    assert state(engine, job) is State.WAITING


def test_a_job_that_was_lost_sight_of_is_found_and_not_started_twice(hub: JobsHub, tmp_path: Path) -> None:
    engines.get.cache_clear()
    job = ordered(tmp_path)
    hub.holds = True
    number = HuggingFace().submit(job)
    jobs.change(job.folder, state=State.LOST, submitted=1.0)
    registry.resume(again(job), hub.token)
    assert (again(job).number, again(job).notes["handed"]) == (number, None)
    assert list(hub.jobs) == [number]
    assert registry.stand(job).state is State.WAITING


def test_a_job_that_arrived_while_the_network_went_is_found_later(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = hub.drops_answer = hub.goes_away = True
    assert engine.submit(job) == ""
    with pytest.raises(EngineError, match="can't be reached"):
        engine.look(again(job))
    hub.is_away = False
    assert state(engine, job) is State.WAITING
    assert [again(job).number] == list(hub.jobs)


def test_a_killed_hand_over_is_seen_and_repeated(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    jobs.change(
        job.folder, notes={"attempt": 1, "namespace": "asha", "handed": [hf_send.processes.host(), 1, 5.0]}
    )
    assert state(engine, job) is State.LOST
    engine.submit(again(job))
    assert state(engine, job) is State.WAITING


def test_a_wish_to_stop_ends_the_sending(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)

    def stop() -> None:
        hub.on_commit = None
        jobs.change(job.folder, wants_stop=True)

    hub.on_commit = stop
    with pytest.raises(EngineError, match="before it was handed over"):
        engine.submit(job)
    assert not hub.jobs
    assert not list(job.folder.glob(".sending*"))


def test_a_wish_to_stop_that_comes_too_late_for_that_takes_it_back(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    number = engine.submit(job)
    jobs.change(job.folder, wants_stop=True)
    assert state(engine, job) is State.STOPPING
    assert hub.jobs[number]["status"]["stage"] == "CANCELED"
    assert state(engine, job) is State.STOPPED


def test_who_leaves_while_it_is_handed_over_leaves_nothing_at_work(
    hub: JobsHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    run_job = HfApi.run_job

    def interrupted(*args: Any, **more: Any) -> None:
        run_job(*args, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(HfApi, "run_job", interrupted)
    with pytest.raises(KeyboardInterrupt):
        engine.submit(job)
    assert [one["status"]["stage"] for one in hub.jobs.values()] == ["CANCELED"]


def test_pictures_that_are_gone_keep_nobody_from_trying_again(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    (tmp_path / "pictures").rename(tmp_path / "elsewhere")
    with pytest.raises(EngineError, match="There is no folder"):
        engine.submit(job)
    (tmp_path / "elsewhere").rename(tmp_path / "pictures")
    engine.submit(again(job))
    assert state(engine, job) is State.WAITING


def test_a_full_disk_is_said_of_the_job_and_hides_no_other(
    hub: JobsHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    number = engine.submit(job)
    hub.end(number, "ERROR")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hf.hf_sync, "bring", full)
    with pytest.raises(EngineError, match=r"No space left on device.*make room"):
        engine.look(again(job))


def test_portraits_go_to_no_public_repository(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.repos["asha/rangin-pictures"] = Repository(is_private=False)
    with pytest.raises(EngineError, match="is public"):
        engine.submit(job)
    assert not hub.files("asha/rangin-pictures")


def test_a_repository_of_somebody_hostile_stays_in_its_folder(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    number = engine.submit(job)
    repo = hub.repos[again(job).notes["repository"]]
    own = b'{"exit_code": 1, "attempt": "1", "sentence": "<b>\\u0000\\n' + b"x" * 9000 + b'"}'
    files = {"ended.json": own, "../../escaped": b"x", "samples/../../escaped.webp": b"x", "job.json": b"{}"}
    files |= {"other.safetensors": b"x", "samples/step-1.webp": b"picture", "recipe.yaml": b"evil: 1"}
    for name, content in files.items():
        repo.commits[repo.head][f"run/{name}"] = {"content": content, "oid": f"{len(name):040x}"}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    hub.end(number, "ERROR")
    seen = engine.look(again(job))
    assert seen.state is State.FAILED
    assert len(seen.sentence) <= 500
    assert seen.sentence.isprintable()
    new = {path for path in tmp_path.rglob("*") if path.is_file()} - before.keys()
    assert {path.relative_to(job.folder).as_posix() for path in new if job.folder in path.parents} == {
        "ended.json",
        "hub.json",
        "samples/step-1.webp",
    }
    assert not [path for path in new if path.name.startswith("escaped")]
    assert (job.folder / "recipe.yaml").read_bytes() == before[job.folder / "recipe.yaml"]


def test_what_is_wrong_is_told_before_the_start(hub: JobsHub, tmp_path: Path) -> None:
    engine = HuggingFace()
    recipe = runs.recipe(tmp_path)

    def fields(who: str = "asha", recipe: Recipe = recipe, **hardware: Any) -> list[str]:
        order = Order(name="x", who=who, hardware=Hardware(engine="hf", **hardware))
        return [problem.field for problem in engine.check(order, recipe)]

    assert fields(flavor="cpu-basic", minutes=60) == []
    assert fields(who="stranger", flavor="cpu-basic") == ["token"]
    assert fields(flavor="") == fields(flavor="h900") == ["flavor"]
    assert fields(recipe=runs.recipe(tmp_path, devices=2), flavor="l4x1") == ["flavor"]
    assert fields(recipe=runs.recipe(tmp_path, num_nodes=2), flavor="l4x1") == ["nodes"]
    (tmp_path / "pictures" / "labels.csv").write_text("imageName,ethnicity\n/etc/passwd,Asian\n")
    assert fields(flavor="l4x1") == ["dataset"]
    colorize = Order(name="x", kind="colorize", who="asha", hardware=Hardware(engine="hf"))
    assert [problem.field for problem in engine.check(colorize, None)] == ["engine"]


def test_a_sign_in_that_ends_before_the_job_does(hub: JobsHub, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 3600}).encode()).decode().rstrip("=")
    tokens.keep(f"hf_oauth_e30.{claims}.x", "visitor")
    order = Order(name="x", who="visitor", hardware=Hardware(engine="hf", flavor="l4x1", minutes=90))
    (problem,) = HuggingFace().check(order, None)
    assert problem.field == "minutes"
    assert "59 more minutes" in problem.sentence


def test_prices_are_the_service_s_own(hub: JobsHub) -> None:
    assert [flavor.name for flavor in hf_prices.flavors()] == ["cpu-basic", "l4x1"]
    assert hf_prices.find("l4x1").gpus == 1
    assert hf_prices.price("l4x1", 90) == pytest.approx(1.2, abs=0.001)
    assert hub.calls.count("GET /api/jobs/hardware") == 1
    hf_prices._known.clear()
    hub.hardware = [{**hub.hardware[0], "unitLabel": "hour", "unitCostUSD": 0.6}]
    assert hf_prices.price("l4x1", 30) == pytest.approx(0.3)


def test_a_hub_that_is_away_is_said_once_and_quickly(hub: JobsHub, tmp_path: Path) -> None:
    engine = HuggingFace()
    hub.fails = 500
    assert engine.unavailable() == ""
    order = Order(name="x", who="asha", hardware=Hardware(engine="hf", flavor="l4x1"))
    (problem,) = engine.check(order, None)
    assert problem.field == "engine"
    assert "error 500" in engine.unavailable()
    with pytest.raises(EngineError):
        hf_prices.flavors()
    assert hub.calls.count("GET /api/jobs/hardware") == 1


def test_who_has_no_token_any_more_is_told_to_sign_in(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    engine.submit(job)
    tokens.forget("asha")
    with pytest.raises(EngineError, match="sign in"):
        engine.look(again(job))
    tokens.keep(hub.token, "asha")
    assert state(engine, job) is State.WAITING


def test_a_job_that_somebody_elses_token_may_not_see_is_not_gone(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    number = engine.submit(job)
    hub.others["hf_of_bela"] = "bela"
    tokens.keep("hf_of_bela", "asha")
    for ask in (engine.look, engine.cancel):
        with pytest.raises(EngineError, match="Only asha can ask the Hub"):
            ask(again(job))
    assert hub.jobs[number]["status"]["stage"] == "SCHEDULING"
    jobs.change(job.folder, number="", wants_stop=False)
    with pytest.raises(EngineError):
        engine.submit(again(job))
    assert not again(job).notes["handed"]
    assert list(hub.jobs) == [number]
    assert not [name for name in hub.repos if name.startswith("bela/")]


def test_who_resumes_anothers_job_does_so_with_their_own_token(
    hub: JobsHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines.get.cache_clear()
    job = ordered(tmp_path)
    jobs.change(job.folder, state=State.STOPPED, submitted=1.0, notes={"repository": f"asha/{job.id}"})
    hub.others["hf_of_bela"] = "bela"
    with pytest.raises(EngineError, match="only asha can resume it"):
        registry.resume(again(job), "hf_of_bela", who="bela")
    assert again(job).state is State.STOPPED
    assert tokens.of(job.id, "asha") == hub.token, "asha's jobs are asked for with asha's"
    assert not hub.jobs


def test_the_registry_starts_stops_and_resumes_it(
    hub: JobsHub, tmp_path: Path, stand_in: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(False)
    monkeypatch.setenv("RANGIN_RUNS", str(tmp_path / "runs"))
    get_train_settings.cache_clear()
    engines.get.cache_clear()
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(runs.values(tmp_path)))
    order = Order(
        name="mine",
        who="visitor",
        recipe=str(tmp_path / "tiny.yaml"),
        hardware=Hardware(engine="hf", flavor="cpu-basic", minutes=60),
    )
    with pytest.raises(Refused, match="token: "):
        registry.submit(order, anywhere=True)
    job = registry.submit(order, token=hub.token, anywhere=True)
    until(lambda: registry.stand(job).state is State.RUNNING and (registry.stand(job).step or 0) > 2)
    registry.cancel(job)
    until(lambda: registry.stand(job).state is State.STOPPED)
    step = registry.stand(job).step
    assert registry.stand(job).sentence == "Stopped on request."
    tokens.forget("visitor")
    with pytest.raises(Refused, match="token: "):
        registry.resume(again(job))
    registry.resume(again(job), hub.token)
    until(lambda: (registry.stand(job).step or 0) > (step or 0))
    assert registry.stand(job).state is State.RUNNING
    registry.cancel(job)
    until(lambda: registry.stand(job).state is State.STOPPED)
    assert f"Its private repository asha/rangin-{job.id} stays on the Hugging Face Hub" in registry.what_goes(
        again(job)
    )
    registry.delete(again(job))
    assert not job.folder.exists()


def test_a_hub_that_hangs_holds_nobody_up(
    hub: JobsHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    engine.submit(job)
    monkeypatch.setattr(asking, "PATIENCE", 0.2)
    answers = threading.Event()
    ask = engine._ask
    monkeypatch.setattr(engine, "_ask", lambda job: answers.wait(60) and ask(job))
    began = time.monotonic()
    assert [engine.look(again(job)).sentence for _ in range(5)] == [
        "It is being handed over to Hugging Face Jobs."
    ] * 5
    assert time.monotonic() - began < 3
    answers.set()
    until(lambda: engine.look(again(job)).sentence == "Waits for cpu-basic.")


def test_the_service_tells_which_jobs_are_ours(hub: JobsHub, tmp_path: Path) -> None:
    engine, job = HuggingFace(), ordered(tmp_path)
    hub.holds = True
    number = engine.submit(job)
    assert engine.everything(hub.token) == [(job.id, number, "SCHEDULING")]
    assert again(job).notes["repository"] in engine.what_stays(again(job))
