"""The page as other programs use it: gradio_client and plain HTTP."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from colorizer import photo
from colorizer.groups import GROUPS
from colorizer.steering import Hint, Steering
from tests.serving import serve


@pytest.fixture(scope="module")
def client() -> Client:
    """A program that talks to the page."""
    return Client(serve().url, verbose=False)


@pytest.fixture
def gray(astronaut: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    Image.fromarray(astronaut).convert("L").resize((400, 400)).save(path)
    return path


@pytest.fixture
def truth(astronaut: np.ndarray, tmp_path: Path) -> Path:
    path = tmp_path / "truth.png"
    Image.fromarray(astronaut).save(path)
    return path


def test_only_these_events_are_public(client: Client) -> None:
    named = client.view_api(return_format="dict", print_info=False)
    assert isinstance(named, dict)
    labelling = {name for name in named["named_endpoints"] if name.startswith(("/label_", "/vote_"))}
    training = {name for name in named["named_endpoints"] if name.startswith("/train_")}
    others = set(named["named_endpoints"]) - labelling - training
    assert others == {"/colorize", "/metrics", "/models", "/compare"}
    assert training == {
        *("/train_datasets", "/train_check", "/train_start", "/train_runs", "/train_run", "/train_stop"),
        *("/train_resume", "/train_evaluate", "/train_delete", "/train_promote", "/train_publish"),
    }
    assert labelling == {
        *("/label_desk", "/label_next", "/label_decide", "/label_undo", "/label_back", "/label_hold"),
        *("/label_agreement", "/label_conflicts", "/label_settle", "/label_reopen"),
        *("/vote_open", "/vote_next", "/vote_choose", "/vote_undo"),
    }
    assert named["unnamed_endpoints"] == {}


def test_colorize_returns_the_marked_png_and_the_faces(client: Client, gray: Path) -> None:
    path, faces = client.predict(handle_file(gray), "Indian", 1.2, api_name="/colorize")
    picture = photo.read(path)
    assert picture.format == "PNG"
    assert picture.rgb.shape == (400, 400, 3)
    assert photo.provenance(path)["model"] == serve().desk.colorizer.name
    assert len(faces) == 1
    assert faces[0]["chosen"] == "Indian"
    assert list(faces[0]["probabilities"]) == list(GROUPS)
    assert len(faces[0]["box"]) == 4


def test_colorize_has_defaults(client: Client, gray: Path) -> None:
    _, faces = client.predict(photo=handle_file(gray), api_name="/colorize")
    assert faces[0]["chosen"] == "auto"


def test_colorize_is_steered(client: Client, gray: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    colorizer, painted = serve().desk.colorizer, []
    paint = colorizer.paint
    monkeypatch.setattr(colorizer, "paint", lambda *given: painted.append(given[4]) or paint(*given))
    hints = json.dumps([{"x": 10, "y": 20.5, "color": "#B5473C"}])
    path, faces = client.predict(
        handle_file(gray), "Monk 4", 1, "neutral", 6, -3.5, hints, api_name="/colorize"
    )
    assert faces[0]["chosen"] == "Monk 4"
    assert photo.read(path).rgb.shape == (400, 400, 3)
    client.predict(handle_file(gray), "auto", 1, api_name="/colorize")
    assert painted == [Steering("neutral", 6, -3.5, hints=(Hint(10, 20.5, "#b5473c"),)), Steering()]


def test_a_request_with_the_first_arguments_alone_is_answered_as_before(
    gray: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colorizer, painted = serve().desk.colorizer, []
    paint = colorizer.paint
    monkeypatch.setattr(colorizer, "paint", lambda *given: painted.append(given[1:5]) or paint(*given))
    for given in ([uploaded(gray), "Indian", 1.5], [uploaded(gray)]):
        said = call("colorize", given)
        assert "event: complete" in said, said
    assert painted == [("Indian", 1.5, None, Steering()), ("auto", 1.0, None, Steering())]


@pytest.mark.parametrize(
    ("steering", "sentence"),
    [
        ({"light": "candle"}, "neutral"),
        ({"warmth": 21}, "20"),
        ({"tint": -20.5}, "20"),
        ({"hints": "red at the top"}, "no JSON"),
        ({"hints": '{"x": 1}'}, "no list"),
        ({"hints": '[{"x": 1, "y": 2}]'}, "color"),
        ({"hints": '[{"x": 1, "y": 2, "color": "<b>"}]'}, "&lt;b&gt;"),
        (
            {"hints": '[{"x": 400, "y": 2, "color": "#000000"}]'},
            "outside the photo, which is 400 x 400",
        ),
        ({"hints": json.dumps([{"x": 1, "y": 2, "color": "#123456"}] * 51)}, "at most 50"),
    ],
)
def test_wrong_steering_is_answered_with_a_sentence(
    client: Client, gray: Path, steering: dict[str, object], sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence) as caught:
        client.predict(photo=handle_file(gray), **steering, api_name="/colorize")
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("ethnicity", "vividness", "sentence"),
    [
        ("martian", 1, "choose one of auto, none, Asian"),
        ("auto, auto", 1, "1 face found"),
        ("auto", 7, "from 0"),
        ("<script>", 1, "&lt;script&gt;"),
    ],
)
def test_wrong_options_are_sentences(
    client: Client, gray: Path, ethnicity: str, vividness: float, sentence: str
) -> None:
    with pytest.raises(AppError, match=sentence) as caught:
        client.predict(handle_file(gray), ethnicity, vividness, api_name="/colorize")
    assert "Traceback" not in str(caught.value)


def test_no_photo_and_wrong_files_are_sentences(client: Client, tmp_path: Path) -> None:
    letter = tmp_path / "letter.png"
    letter.write_text("Dear reader")
    with pytest.raises(AppError, match="text file"):
        client.predict(handle_file(letter), "auto", 1, api_name="/colorize")
    with pytest.raises(AppError, match="No photo came"):
        client.predict(None, "auto", 1, api_name="/colorize")


def test_metrics_of_the_truth_itself_are_perfect(client: Client, truth: Path, gray: Path) -> None:
    perfect = client.predict(handle_file(truth), handle_file(truth), api_name="/metrics")
    assert perfect["delta_e"] == 0
    assert perfect["within_10"] == 1
    assert perfect["skin_delta_e"] == 0, "skin is looked for on the truth's face"
    plain = client.predict(handle_file(gray), handle_file(truth), api_name="/metrics")
    assert plain["delta_e"] > 3
    assert plain["psnr"] < 30


def test_models_and_comparison(client: Client, gray: Path, truth: Path) -> None:
    models = {model["name"]: model for model in client.predict(api_name="/models")}
    name = serve().desk.colorizer.name
    assert models[name]["parameters"] > 1e5
    sheet, answers = client.predict(handle_file(gray), ["default"], handle_file(truth), api_name="/compare")
    assert [answer["model"] for answer in answers] == [name]
    assert "dB" in answers[0]["figures"]
    assert photo.read(sheet).rgb.shape[1] > 3 * 384
    with pytest.raises(AppError, match="There is no model"):
        client.predict(handle_file(gray), ["nobody"], None, api_name="/compare")


@pytest.mark.parametrize("given", ["/etc/passwd", 5, ["a"], {"path": "/etc/passwd"}, {"a": 1}])
def test_what_is_no_uploaded_file_is_answered_with_a_sentence(given: object) -> None:
    if isinstance(given, dict):
        given = {**given, "meta": {"_type": "gradio.FileData"}}
    assert "event: error" in (said := call("colorize", [given]))
    assert "send photos as files" in said or "Send the photo as a file" in said


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (4, 10**400, "Warmth 1000000"),
        (2, 10**400, "Vividness 1000000"),
        (2, "x" * 10**5, "Vividness &#x27;xxx"),
        (6, '[{"x": 1e308, "y": 1, "color": "#ffffff"}]', "Hint 1 at x 1e+308, y 1 lies outside"),
    ],
)
def test_huge_values_are_answered_with_a_short_sentence(
    gray: Path, place: int, value: object, sentence: str
) -> None:
    given: list[object] = [uploaded(gray), "auto", 1, "predicted", 0, 0, ""]
    given[place] = value
    said = call("colorize", given)
    assert sentence in said
    assert len(said) < 400


def fetch(path: str) -> tuple[int, bytes]:
    """Status and content of a page."""
    try:
        with urlopen(f"{serve().url}{path}") as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, b""


def test_nothing_but_visitors_files_is_served() -> None:
    repository = Path(__file__).parents[1]
    for path in (repository / "app.py", repository / "README.md", Path("/etc/passwd")):
        assert fetch(f"/gradio_api/file={path}")[0] in (403, 404), path
    assert fetch("/")[0] == 200


def test_no_run_is_recorded() -> None:
    config = json.loads(fetch("/config")[1])
    assert config["run_history"] is False
    assert config["analytics_enabled"] is False
    assert fetch("/gradio_api/runs")[0] >= 400


@pytest.mark.parametrize("place", ["photo", "models", "nested"])
def test_an_address_instead_of_a_file_is_not_fetched(place: str) -> None:
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = (
        f"HTTP://127.0.0.1:{server.server_port}/photo.png"
        if place == "photo"
        else "https://example.com/a.png"
    )
    address = {"path": url, "meta": {"_type": "gradio.FileData"}}
    given = {
        "photo": [address, ["default"], None],
        "models": [None, address, None],
        "nested": [None, [{"deep": [address]}], None],
    }[place]
    try:
        said = call("compare", given)
    finally:
        server.shutdown()
    assert "An address instead of a photo is not fetched" in said
    assert asked == []


def uploaded(file: Path) -> dict[str, object]:
    """A file as an event takes it, sent before."""
    boundary = "rangin"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'.encode()
    body += file.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    with urlopen(Request(f"{serve().url}/gradio_api/upload", body, headers)) as answer:
        (path,) = json.load(answer)
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def call(name: str, given: list[object]) -> str:
    """An event over plain HTTP, and the stream of what came of it."""
    headers = {"Content-Type": "application/json"}
    start = f"{serve().url}/gradio_api/call/{name}"
    with urlopen(Request(start, json.dumps({"data": given}).encode(), headers)) as answer:
        event = json.load(answer)["event_id"]
    with urlopen(f"{start}/{event}") as answer:
        return answer.read().decode()
