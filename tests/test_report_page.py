"""The report's page: one file that needs no other, says everything, and trusts no name."""

import json
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import sync_playwright

from colorizer.groups import GROUPS
from train import evaluate
from train.reporting import cases, charts, draw, files, runs
from train.reporting.distribution import Histograms, count
from train.summary import METRICS

HOSTILE = """x" onerror="alert(1)"><script>alert(2)</script><img src=https://evil.example/a.png>$_{&'é"""
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Parses strictly enough to notice a tag that is not closed; keeps what the tests ask about."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def measurements(
    models: tuple[str, ...] = ("gray", "tint", "mine"),
    labels: tuple[str, ...] = ("White", "Asian"),
    skin: bool = True,
) -> evaluate.Measurements:
    """Six photos, each with one of the labels in turn."""
    rows, estimates, histograms = [], [], Histograms()
    rng = np.random.default_rng(0)
    for i in range(6):
        label = labels[i % len(labels)]
        group = label if label in GROUPS or not label else "other"
        about = {"imageName": f"{i}.jpg", "ethnicity": label}
        for k, model in enumerate(models):
            values = dict.fromkeys(METRICS, 20.0 + 2 * k + i / 10)
            values |= {"lpips": None, "lpips_reason": "no weights", "faces": 1}
            values |= {} if skin else {key: None for key in METRICS if "skin" in key}
            rows.append(about | {"group": group, "model": model} | values)
        probabilities = rng.dirichlet(np.ones(6))
        estimated = GROUPS[int(probabilities.argmax())]
        estimate = about | {"classifier": "ethnicity-classifier", "crop": "face", "estimated": estimated}
        estimates.append(estimate | dict(zip(GROUPS, probabilities, strict=True)))
        pixels = rng.normal((50, 10, 10), 10, (8, 8, 3)).astype(np.float32)
        histograms.add({name: count(pixels) for name in ("truth", *models)})
    left_out = {"near_gray": 0, "missing": [], "unreadable": []}
    seconds = pd.DataFrame({"model": [models[-1]], "seconds": [0.1]})
    return evaluate.Measurements(pd.DataFrame(rows), pd.DataFrame(estimates), histograms, seconds, left_out)


def written(folder: Path, measured: evaluate.Measurements, against: str = "tint", **more: object) -> Page:
    """The page of a report, parsed."""
    about = {
        "data": "faces/val.csv",
        "left_out": measured.left_out,
        "tint": [11.7, 13.5],
        "command": "python",
    }
    about |= {"machine": "a machine", "date": "2026-01-02", "conditions": ["auto"], "jobs": 2}
    costs = {"mine": {"parameters": 7.1e6, "megabytes": 14.2, "milliseconds": 80.0}}
    empty = cases.pick(measured.results).head(0)
    found = {"curves": {}, "picked": empty, "urls": {}} | more
    files.write(folder, files.Found(measured, about, costs, against=against, **found))  # type: ignore[arg-type]
    return Page((folder / files.PAGE).read_text(encoding="utf-8"))


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    curves = pd.DataFrame(
        {"metric": "loss", "set": ["train", "val"] * 3, "step": range(6), "value": range(6)}
    )
    measured = measurements()
    picked = cases.pick(measured.results)
    thumbnail = cases.thumbnail(np.zeros((256, 256, 3), np.uint8), (40, 40))
    urls = {(row.model, row.imageName): (thumbnail,) * 3 for row in picked.itertuples()}
    page = written(tmp_path, measured, curves={"run": curves}, picked=picked, urls=urls)
    html = (tmp_path / files.PAGE).read_text(encoding="utf-8")
    assert not re.search(r"https?://|//[a-z]+\.|@import|url\((?!#)", html)
    assert not page.all("script")
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "data", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:"))
    assert len(page.all("img")) == 3 * len(picked)
    assert len(html) < 300_000


def test_the_page_speaks_to_those_who_cannot_see_it(tmp_path: Path) -> None:
    page = written(tmp_path, measurements())
    assert page.all("html") == [{"lang": "en"}]
    assert all(image["alt"] for image in page.all("img"))
    assert {header["scope"] for header in page.all("th")} == {"col", "row"}
    assert len(page.all("caption")) == len(page.all("table"))
    drawings = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert len(drawings) == len(page.all("figure")) > 5
    assert all(len(drawing["aria-label"]) > 20 for drawing in drawings)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {link["href"] for link in page.all("a")}
    assert targets <= {f"#{key}" for key in ids}


def test_hostile_names_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    measured = measurements(("gray", "tint", HOSTILE), (HOSTILE, "White"))
    measured.results["imageName"] = HOSTILE + measured.results["imageName"]
    measured.left_out["missing"] = [HOSTILE]
    measured.estimates["classifier"] = HOSTILE
    curves = pd.DataFrame({"metric": HOSTILE, "set": HOSTILE, "step": [1, 2], "value": [1.0, 2.0]})
    picked = cases.pick(measured.results)
    urls = {(row.model, row.imageName): ("data:,", "data:,", "data:,") for row in picked.itertuples()}
    page = written(tmp_path, measured, curves={HOSTILE: curves}, picked=picked, urls=urls)
    assert not page.all("script")
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert all(image["src"] == "data:," for image in page.all("img"))
    assert any(HOSTILE in text for text in page.texts)
    assert any(HOSTILE in image["alt"] for image in page.all("img"))


@pytest.mark.parametrize("labels", [("",), ("Nepali",), ("White",), ("White", "Asian", "Nepali", "")])
@pytest.mark.parametrize("skin", [True, False])
def test_any_labels_make_a_page(tmp_path: Path, labels: tuple[str, ...], skin: bool) -> None:
    page = written(tmp_path, measurements(labels=labels, skin=skin))
    text = " ".join(page.texts)
    assert ("Ethnicity estimate" in text) == ("White" in labels)
    assert ("By group" in text) == (labels != ("",))
    assert (tmp_path / "roc.csv").is_file() == ("White" in labels)
    assert "20.25" in text  # gray's mean PSNR
    assert "mine is closer to the truth than tint on 6 of 6 photos (100%" in text


def test_baselines_alone_make_a_page(tmp_path: Path) -> None:
    page = written(tmp_path, measurements(("gray", "tint")))
    text = " ".join(page.texts)
    assert "Best and worst" not in text
    assert "Photo by photo against tint" in text


def test_a_report_without_pictures_says_so(tmp_path: Path) -> None:
    page = written(tmp_path, measurements(), urls=None)
    assert "--no-pictures" in " ".join(page.texts)
    assert not page.all("img")


def test_a_second_report_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    written(tmp_path, measurements())
    assert (tmp_path / "confusion.csv").is_file()
    written(tmp_path, measurements(labels=("",)))
    assert not (tmp_path / "confusion.csv").exists()


def test_a_run_tells_how_it_was_trained(tmp_path: Path) -> None:
    about = {"status": "finished", "data": [{"pictures": 40}, {"pictures": 20}], "step": 1200, "seconds": 90}
    (tmp_path / "run.json").write_text(json.dumps(about | {"device": HOSTILE}), encoding="utf-8")
    trained = {"mine": runs.read(tmp_path), "older": runs.read(tmp_path / "nowhere")}
    assert trained["mine"]["pictures"] == 60
    page = written(tmp_path / "report", measurements(), runs=trained)
    texts = page.texts[page.texts.index("How they were trained") :]
    cells = [text for text in texts if text.strip()][len(runs.HEAD) + 1 :][: len(runs.HEAD)]
    assert cells == ["mine", "finished", "60", "1,200", "1.5", HOSTILE, "–"]
    assert "older" not in texts
    (tmp_path / "run.json").write_text("[]", encoding="utf-8")
    assert set(runs.read(tmp_path).values()) == {None}


def test_the_chosen_model_is_compared_with(tmp_path: Path) -> None:
    page = written(tmp_path, measurements(), against="mine")
    assert "Photo by photo against mine" in " ".join(page.texts)
    differences = pd.read_csv(tmp_path / "against.csv")
    assert set(differences["model"]) == {"gray", "tint"}
    assert differences[differences["model"] == "tint"]["psnr"].to_numpy() == pytest.approx(-2)


def test_charts_are_text_in_the_pages_colours() -> None:
    series = [
        charts.Series(HOSTILE, [1, 10, 100], [0.1, 0.01, 1]),
        charts.Series("b", [1, 10, 100], [1, 1, 1]),
    ]
    svg = charts.lines(series, HOSTILE, "share", is_log_x=True, is_log_y=True, truth=series[1])
    root = ET.fromstring(svg)
    texts = ["".join(element.itertext()) for element in root.iter("text")]
    assert {HOSTILE, "share", "1", "10", "100", "0.01"} <= set(texts)
    assert not re.search(r"#[0-9a-f]{6}[^\w-]", svg)
    assert {"var(--ink)", "var(--grid)", "var(--truth)", "var(--c1)", "var(--c2)"} <= set(
        re.findall(r"var\(--\w+\)", svg)
    )
    assert svg == charts.lines(series, HOSTILE, "share", is_log_x=True, is_log_y=True, truth=series[1])


def test_dots_may_be_missing() -> None:
    svg = charts.dots(
        [charts.Series("a", [1, np.nan], [0, 1], [0.5, np.nan], [2, np.nan])], ["x", "<y>"], "ΔE"
    )
    assert "&lt;y&gt;" in svg
    assert "nan" not in svg.lower()


def test_no_two_of_many_series_look_alike() -> None:
    looks = [charts.look_of(number) for number in range(28)]
    assert len(set(looks)) == len({charts.swatch(look) for look in looks}) == 28


def test_history_of_several_runs_names_them() -> None:
    curve = pd.DataFrame({"metric": "loss", "set": "val", "step": [1, 2], "value": [2.0, 1.0]})
    (chart,) = draw.training(pd.concat([curve.assign(run="a"), curve.assign(run="b")]))
    assert list(chart.legend) == ["a, val", "b, val"]
    assert "a, val ends at 1" in chart.alt
    assert [swatch[1:] for swatch in chart.swatches] == [(1, ""), (2, "")]
    both = pd.concat([curve, curve.assign(set="train")])
    (chart,) = draw.training(pd.concat([both.assign(run="a"), both.assign(run="b")]))
    assert [name for name, *_ in chart.swatches] == ["a, val", "a, train", "b, val", "b, train"]
    assert [swatch[1:] for swatch in chart.swatches] == [(1, ""), (1, "6 3"), (2, ""), (2, "6 3")]
    (alone,) = draw.training(curve.assign(run="a"))
    assert alone.title == "loss (val)"


@pytest.mark.browser
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_a_browser_shows_it_alone_and_within_its_window(
    tmp_path: Path, chromium: str | None, width: int, scheme: Literal["light", "dark"]
) -> None:
    curves = pd.DataFrame({"metric": "loss", "set": "val", "step": range(6), "value": range(6)})
    written(
        tmp_path, measurements(("gray", "tint", "a model with quite a long name")), curves={"run": curves}
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.goto((tmp_path / files.PAGE).as_uri())
        assert [url for url in asked if not url.startswith("data:")] == [(tmp_path / files.PAGE).as_uri()]
        assert said == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # Text of a chart is readable without zooming, and stands out from the page.
        height = page.evaluate("document.querySelector('figure svg text').getBoundingClientRect().height")
        assert height >= 9
        colours = [
            page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{name}")
            for selector, name in (("figure svg text", "fill"), ("figure", "backgroundColor"))
        ]
        ink, card = (sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in colours)
        assert abs(ink - card) > 150
        assert (ink > card) == (scheme == "dark")
        browser.close()
