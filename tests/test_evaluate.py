"""`python -m train evaluate` on pictures that packages carry: the protocol, the baselines and what a report holds."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from skimage import color, data
from skimage.metrics import structural_similarity

from colorizer import checkpoint, lab, metrics
from colorizer.errors import OptionError
from colorizer.ethnicity import GROUPS, EthnicityClassifier, face_crop
from train import evaluate, measure, pictures
from train.__main__ import main

pytestmark = pytest.mark.skipif(not checkpoint.available(), reason="needs the weights that come with Rangin")

FLAT = (180, 140, 120)
LABELS = """imageName,ethnicity
astronaut.png,White
grace_hopper.jpg,White
coffee.png,Asian
flat.png,Nepali
camera.png,White
broken.jpg,Black
gone.jpg,Indian
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos in colour, a gray one, one that is no photo, and a label without a picture."""
    from matplotlib import cbook

    folder = tmp_path_factory.mktemp("evaluate") / "faces"
    images = folder / "images"
    images.mkdir(parents=True)
    Image.fromarray(data.astronaut()).save(images / "astronaut.png")
    Image.fromarray(data.coffee()).save(images / "coffee.png")
    Image.fromarray(data.camera()).save(images / "camera.png")
    Image.new("RGB", (64, 64), FLAT).save(images / "flat.png")
    (images / "grace_hopper.jpg").write_bytes(
        Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)).read_bytes()
    )
    (images / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    (folder / "val.csv").write_text(LABELS, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def report(dataset: Path) -> Path:
    """A whole run with all three conditions and a tint of its own."""
    folder = dataset.parent / "report"
    arguments = [
        "--models",
        "ethnicity-aware",
        "--data",
        str(dataset),
        "--report",
        str(folder),
        "--jobs",
        "1",
    ]
    arguments += ["--ethnicity", "auto,none,label", "--tint", "10,12", "--device", "cpu", "--no-lpips"]
    threads = torch.get_num_threads()
    try:
        assert main(["evaluate", *arguments]) == 1, "one is broken, one is missing"
    finally:
        torch.set_num_threads(threads)
    return folder


@pytest.fixture(scope="module")
def results(report: Path) -> pd.DataFrame:
    return pd.read_csv(report / "results.csv", keep_default_na=False, na_values=[""]).set_index(
        ["imageName", "model"]
    )


@pytest.fixture(scope="module")
def summary(report: Path) -> dict[str, dict]:
    return json.loads((report / "summary.json").read_text(encoding="utf-8"))


def test_one_row_a_photo_a_model(results: pd.DataFrame) -> None:
    names = {"astronaut.png", "grace_hopper.jpg", "coffee.png", "flat.png"}
    models = {"gray", "tint"} | {f"ethnicity-aware ({c})" for c in ("auto", "none", "label")}
    assert set(results.index) == {(name, model) for name in names for model in models}


def test_baselines_on_a_flat_photo_by_hand(results: pd.DataFrame) -> None:
    truth = np.array(FLAT, float)
    lightness = color.rgb2lab(truth[None, None] / 255)[0, 0, 0]
    for model, ab in (("gray", (0, 0)), ("tint", (10, 12))):
        painted = np.rint(255 * color.lab2rgb([[[lightness, *ab]]])[0, 0])
        mse = ((painted - truth) ** 2).mean()
        row = results.loc[("flat.png", model)]
        assert row["mse"] == pytest.approx(mse, abs=0.7)  # a rounding of one code value either way
        assert row["psnr"] == pytest.approx(10 * np.log10(255**2 / mse), abs=0.05)
        assert row["mae"] == pytest.approx(np.abs(painted - truth).mean(), abs=0.34)


def test_gray_on_a_portrait_by_scikit_image(results: pd.DataFrame) -> None:
    truth = np.asarray(Image.fromarray(data.astronaut()).resize((256, 256), Image.Resampling.BICUBIC))
    pixels = color.rgb2lab(truth)
    pixels[..., 1:] = 0
    gray = np.rint(255 * color.lab2rgb(pixels)).astype(np.uint8)
    row = results.loc[("astronaut.png", "gray")]
    assert row["psnr"] == pytest.approx(
        10 * np.log10(255**2 / ((gray - truth.astype(float)) ** 2).mean()), abs=0.02
    )
    assert row["ssim"] == pytest.approx(
        structural_similarity(gray, truth, channel_axis=2, data_range=255), abs=0.002
    )
    assert row["faces"] == 1
    assert row["skin_delta_e"] > 5


def test_photos_without_a_face_have_no_skin(results: pd.DataFrame) -> None:
    row = results.loc[("flat.png", "gray")]
    assert row["faces"] == 0
    assert np.isnan(row["skin_delta_e"])


def test_left_out_photos_are_counted_and_named(summary: dict[str, dict]) -> None:
    assert summary["measured"] == 4
    assert summary["left_out"]["near_gray"] == 1
    assert summary["left_out"]["missing"] == ["gone.jpg"]
    assert [line.partition(":")[0] for line in summary["left_out"]["unreadable"]] == ["broken.jpg"]
    assert summary["other_labels"] == {"Nepali": 1}
    assert summary["tint"] == [10, 12]


def test_means_groups_and_intervals(summary: dict[str, dict], results: pd.DataFrame) -> None:
    for model, scores in summary["models"].items():
        rows = results.xs(model, level="model")
        assert scores["all"]["psnr"]["mean"] == pytest.approx(rows["psnr"].mean())
        assert scores["all"]["psnr"]["low"] < scores["all"]["psnr"]["mean"] < scores["all"]["psnr"]["high"]
        assert list(scores["groups"]) == ["Asian", "White", "other"]
        white = rows.loc[["astronaut.png", "grace_hopper.jpg"], "psnr"]
        assert scores["groups"]["White"]["psnr"]["mean"] == pytest.approx(white.mean())
        assert scores["groups"]["White"]["psnr"]["n"] == 2
        assert scores["groups"]["other"]["psnr"]["n"] == 1


def test_the_condition_makes_rows_of_its_own(results: pd.DataFrame) -> None:
    def psnr(name: str, condition: str) -> float:
        return float(results.loc[(name, f"ethnicity-aware ({condition})"), "psnr"])

    # Without a face there is nobody to condition on.
    assert psnr("flat.png", "auto") == psnr("flat.png", "none") == psnr("flat.png", "label")
    assert psnr("astronaut.png", "label") != psnr("astronaut.png", "none")


def test_the_estimate_is_made_on_faces_or_the_middle(report: Path, summary: dict[str, dict]) -> None:
    estimates = pd.read_csv(report / "ethnicity.csv").set_index("imageName")
    assert estimates.loc["astronaut.png", "crop"] == "face"
    assert estimates.loc["flat.png", "crop"] == "centre"
    assert estimates[list(GROUPS)].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-5)
    assert summary["classifier"]["n"] == 3
    assert (estimates["classifier"] == "ethnicity-classifier").all()
    confusion = pd.read_csv(report / "confusion.csv", index_col="label")[list(GROUPS)]
    assert confusion.to_numpy().sum() == 3
    assert confusion.loc["White"].sum() == 2


def test_the_report_is_readable(report: Path) -> None:
    text = (report / "summary.md").read_text(encoding="utf-8")
    for wanted in (
        "| gray |",
        "| tint |",
        "| ethnicity-aware (none) |",
        "1 near-gray",
        "gone.jpg",
        "Nepali (1)",
    ):
        assert wanted in text
    assert str(report.parents[1]) not in text  # where the pictures lie on this machine is nobody's business


def test_the_page_shows_what_was_measured(report: Path, summary: dict[str, dict]) -> None:
    html = (report / "report.html").read_text(encoding="utf-8")
    for scores in summary["models"].values():
        assert f"{scores['all']['psnr']['mean']:.2f}" in html
    assert html.count("data:image/jpeg;base64,") == 3 * len(pd.read_csv(report / "cases.csv"))
    assert "ROC of ethnicity-classifier" in html
    assert str(report.parents[1]) not in html
    cost = summary["cost"]["ethnicity-aware (auto)"]
    assert cost["parameters"] == pytest.approx(7.1e6, rel=0.05)
    assert cost["milliseconds"] > 0
    assert summary["cost"]["tint"] == {"parameters": None, "megabytes": None, "milliseconds": None}


def test_gray_and_tint_leave_nearly_all_colours_empty(report: Path, summary: dict[str, dict]) -> None:
    shares = {name: one["share"] for name, one in summary["distribution"].items()}
    assert 0.9 < shares["tint"] < 1
    assert shares["ethnicity-aware (auto)"] < shares["tint"]
    marginals = pd.read_csv(report / "distribution.csv")
    assert marginals.groupby("axis")[["truth", "gray", "tint"]].sum().to_numpy() == pytest.approx(1)


def test_against_is_the_difference_of_two_rows(report: Path, results: pd.DataFrame) -> None:
    differences = pd.read_csv(report / "against.csv").set_index(["imageName", "model"])
    name, model = "astronaut.png", "ethnicity-aware (auto)"
    expected = results.loc[(name, model), "psnr"] - results.loc[(name, "tint"), "psnr"]
    assert differences.loc[(name, model), "psnr"] == pytest.approx(expected)
    assert "tint" not in differences.index.get_level_values("model")


def test_a_run_folder_a_classifier_and_no_pictures(dataset: Path, tmp_path: Path) -> None:
    run_folder, folder = tmp_path / "mine", tmp_path / "report"
    run_folder.mkdir()
    (run_folder / "any.safetensors").symlink_to(checkpoint.FOLDER / "ethnicity-classifier.safetensors")
    (run_folder / "metrics.csv").write_text(
        "step,epoch,train/loss,val/loss,lr\n1,0,2.0,,0.1\n2,0,1.0,1.5,0.1\n", encoding="utf-8"
    )
    arguments = ["--models", str(run_folder), "--data", str(dataset), "--report", str(folder), "--jobs", "1"]
    arguments += ["--no-pictures", "--no-lpips", "--device", "cpu", "--limit", "2"]
    assert main(["evaluate", *arguments]) == 0
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert "data:image" not in html
    assert "--no-pictures" in html
    content = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert list(content["classifiers"]) == ["ethnicity-classifier", "mine"]
    assert content["classifiers"]["mine"] == content["classifiers"]["ethnicity-classifier"]
    assert list(content["models"]) == ["gray", "tint"]
    curves = pd.read_csv(folder / "curves.csv")
    assert curves[["run", "metric", "set", "step", "value"]].to_numpy().tolist() == [
        ["mine", "loss", "train", 1, 2.0],
        ["mine", "loss", "train", 2, 1.0],
        ["mine", "loss", "val", 2, 1.5],
    ]


def test_only_lightness_reaches_a_model(dataset: Path) -> None:
    bench = measure.Bench({"ethnicity-aware": "ethnicity-aware"}, ["auto"], (10, 12), "cpu", lpips=False)
    seen = []
    colorizer = bench.colorizers["ethnicity-aware"]
    analyze = colorizer.analyze
    colorizer.analyze = lambda image: seen.append(image) or analyze(image)  # type: ignore[method-assign]
    bench.measure("astronaut.png", "", (dataset / "images" / "astronaut.png").read_bytes())
    (image,) = seen
    truth = metrics.to_protocol(data.astronaut())
    assert image.shape == (256, 256, 3)
    assert (image == image[..., :1]).all()
    assert np.abs(lab.lightness(image) - lab.lightness(truth)).max() < 0.3


def test_the_centre_crop_is_the_largest_square() -> None:
    lightness = np.tile(np.linspace(0, 100, 90, dtype=np.float32), (60, 1))
    scale = EthnicityClassifier.load().crop_scale
    crop = face_crop(lightness, measure.whole_face(60, 90, scale), scale, 60)
    assert crop == pytest.approx(lightness[:, 15:75], abs=2.5)  # a pixel to either side


def test_tint_of_training_pictures_is_their_mean(dataset: Path) -> None:
    table = "imageName\nflat.png\nastronaut.png\ncamera.png\nbroken.jpg\n"
    (dataset / "train.csv").write_text(table, encoding="utf-8")
    found = evaluate.mean_ab(pictures.find(dataset, dataset / "train.csv"))
    flat = color.rgb2lab(np.array(FLAT)[None, None] / 255)[0, 0, 1:]
    portrait = color.rgb2lab(metrics.to_protocol(data.astronaut()))[..., 1:].mean((0, 1))
    assert found == pytest.approx((flat + portrait) / 2, abs=0.05)
    (dataset / "train.csv").write_text("imageName\ncamera.png\n", encoding="utf-8")
    with pytest.raises(OptionError, match="no colour photo"):
        evaluate.mean_ab(pictures.find(dataset, dataset / "train.csv"))


def run(dataset: Path, *more: str) -> int:
    return main(
        ["evaluate", "--data", str(dataset), "--report", str(dataset / "out"), "--device", "cpu", *more]
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--models", "nobody"], "There is no model 'nobody'"),
        (["--models", ","], "names no model"),
        (["--models", "ethnicity-aware", "--ethnicity", "auto,Martian"], "'Martian'"),
        (["--models", "ethnicity-aware", "--tint", "red"], "two numbers"),
        (["--models", "ethnicity-aware", "--limit", "0"], "1 or more"),
        (["--models", "ethnicity-aware", "--labels", "nowhere.csv"], "nowhere.csv"),
        (["--models", "ethnicity-aware", "--against", "nobody"], "There is no model 'nobody'"),
        (["--models", "ethnicity-aware", "--against", "ethnicity-classifier"], "is a classifier"),
        (["--models", "ethnicity-aware", "--runs", "nowhere"], "nowhere has no metrics.csv"),
        (["--models", "ethnicity-aware", "--report", __file__], "can't be a folder to write to"),
    ],
)
def test_wrong_arguments_are_told_in_a_sentence(
    dataset: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(dataset, *arguments, "--jobs", "1") == 1
    err = capsys.readouterr().err
    assert err.startswith("train evaluate: ") or "error:" in err
    assert said in err
    assert "Traceback" not in err


def test_nothing_to_evaluate_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(data.camera()).save(tmp_path / "gray.png")
    assert run(tmp_path, "--models", "ethnicity-aware", "--jobs", "1", "--no-lpips") == 1
    assert "No photo could be evaluated" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_give_the_same_report(
    dataset: Path, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "--models",
        "ethnicity-aware",
        "--jobs",
        "2",
        "--ethnicity",
        "auto,none,label",
        "--limit",
        "2",
    ]
    assert run(dataset, *arguments, "--tint", "10,12", "--no-lpips") == 0
    one, two = (pd.read_csv(folder / "results.csv") for folder in (report, dataset / "out"))
    assert two["imageName"].unique().tolist() == ["astronaut.png", "grace_hopper.jpg"]
    pd.testing.assert_frame_equal(one.head(len(two)), two, rtol=1e-3)
