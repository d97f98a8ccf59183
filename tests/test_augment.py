"""Each augmentation changes what it may and nothing else."""

import numpy as np
import pytest
import torch
from kornia.color import rgb_to_lab
from skimage import data, transform
from torch import Tensor
from torch.nn.functional import avg_pool2d

from colorizer import lab as numpy_lab
from colorizer.conditioning import group_weights
from train import film
from train.augment import Augmentation, brighten, draw_affine, seated
from train.data import ATTRIBUTES, UNKNOWN, Pictures
from train.feed import Feed
from train.layout import Layout, Place
from train.planes import decoded, maps, warp
from train.recipe import Augment, Recipe

SIDE = 64
FILM = {"tone": 0.2, "grain": 6, "fading": 0.4, "orthochromatic": 1.0, "erase": 1.0}
GEOMETRY = {"rotation": 20, "shear": 10, "shift": 0.1, "scale": 0.2}


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    """Twelve cut-outs of a colour photo, of every group."""
    photo = data.astronaut()
    cuts = [photo[8 * i : 8 * i + 256, 60 : 60 + 256] for i in range(12)]
    small = [(255 * transform.resize(cut, (SIDE, SIDE), anti_aliasing=True)).astype(np.uint8) for cut in cuts]
    lab = np.stack([numpy_lab.rgb_to_lab(cut) for cut in small]) * (2.55, 1, 1) + (0.5, 128.5, 128.5)
    labels = {"ethnicity": np.arange(12) % 6} | {name: np.arange(12) % 2 for name in ATTRIBUTES}
    return Pictures(lab.astype(np.uint8), labels, (0.2, 0.1, 0.7, 0.7))


def recipe(**augment: float) -> Recipe:
    return Recipe.model_validate(
        {
            "task": "colorize",
            "name": "x",
            "network": "ethnicity-aware",
            "steps": 1,
            "data": [{"images": "x"}],
            "validation": [{"images": "x"}],
            "augment": {"flip": 0} | augment,
            "sizes": [SIDE],
            "batch": 12,
            "drop_condition": 0,
        }
    )


def finish(
    pictures: Pictures, seed: int = 0, **augment: float
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A batch as the augmentation makes it, and the same batch plain."""
    torch.manual_seed(seed)
    made = Augmentation(recipe(**augment))(Feed([pictures], recipe(**augment)).batch(0))
    return made, Augmentation(recipe())(Feed([pictures], recipe()).batch(0))


def test_without_augmentation_the_pictures_come_out_unchanged(pictures: Pictures) -> None:
    raw = Feed([pictures], recipe()).batch(0)
    batch = Augmentation(recipe())(raw)
    assert torch.equal(batch["lab"], decoded(raw["pixels"][0]))
    assert sorted(batch["lab"].sum((1, 2, 3)).tolist()) == pytest.approx(
        sorted(decoded(torch.from_numpy(pictures.lab)).sum((1, 2, 3)).tolist())
    )
    assert torch.equal(batch["seen"], batch["lab"][:, :1])
    assert batch["groups"].shape == (12, 6, SIDE // 4, SIDE // 4)
    assert batch["face"].shape == (12, 1, SIDE // 4, SIDE // 4)
    assert {batch[name].dtype for name in ("ethnicity", *ATTRIBUTES)} == {torch.int64}
    assert 50 < batch["lab"][:, 0].max() <= 100
    assert not list(Augmentation(recipe()).state_dict())


def test_film_looks_change_the_input_and_never_the_truth(pictures: Pictures) -> None:
    for name, amount in FILM.items():
        made, plain = finish(pictures, **{name: amount})
        for key in ("lab", "groups", "face", "ethnicity"):
            assert torch.equal(made[key], plain[key]), (name, key)
        assert (made["seen"] - plain["seen"]).abs().mean() > 0.3, name
        assert made["seen"].min() >= 0, name
        assert made["seen"].max() <= 100, name


def test_geometry_moves_truth_input_and_maps_alike(pictures: Pictures) -> None:
    """The face's map before and after covers the same part of the picture: marked there, the mark moves with it."""
    for name, amount in GEOMETRY.items():
        torch.manual_seed(1)
        theta = draw_affine(8, Augment.model_validate({name: amount}), torch.device("cpu"))
        mark = torch.zeros(8, 1, SIDE, SIDE)
        mark[:, :, 24:40, 16:48] = 1
        small = avg_pool2d(mark, 4)
        moved, moved_small = avg_pool2d(warp(mark, theta), 4), warp(small, theta)
        assert (moved - moved_small).abs().mean() < 0.2 * (moved - small).abs().mean(), name
    made, plain = finish(pictures, **GEOMETRY)
    assert torch.equal(made["seen"], made["lab"][:, :1])
    assert (made["lab"] - plain["lab"]).abs().mean() > 1
    assert (made["face"] - plain["face"]).abs().mean() > 0.01


def test_amounts_of_geometry_are_degrees_and_shares_of_the_side() -> None:
    torch.manual_seed(0)
    cpu = torch.device("cpu")
    turned = draw_affine(4000, Augment(rotation=30), cpu)
    angles = torch.rad2deg(torch.atan2(turned[:, 1, 0], turned[:, 0, 0]))
    assert 29.5 < angles.abs().max() <= 30.001
    assert angles.mean().abs() < 1
    shifted = draw_affine(4000, Augment(shift=0.25), cpu)[:, :, 2]  # coordinates run from -1 to 1
    assert 0.49 < shifted.abs().max() <= 0.5
    scaled = draw_affine(4000, Augment(scale=0.2), cpu)[:, 0, 0].reciprocal()
    assert 0.8 <= scaled.min() < 0.81
    assert 1.19 < scaled.max() <= 1.201


def test_beyond_the_border_lies_the_picture_itself_not_a_false_colour() -> None:
    plain = torch.tensor([60.0, 12.0, 18.0]).view(1, 3, 1, 1).expand(6, 3, 32, 32)
    torch.manual_seed(0)
    theta = draw_affine(6, Augment(rotation=45, shift=0.5, scale=0.5, shear=30), torch.device("cpu"))
    assert torch.allclose(warp(plain, theta), plain, atol=1e-3)


def test_brightness_is_exposure_truth_and_input_alike(pictures: Pictures) -> None:
    made, plain = finish(pictures, brightness=0.2)
    assert torch.equal(made["seen"], made["lab"][:, :1])
    tone, ab = plain["lab"][:, :1] + 16, plain["lab"][:, 1:]
    factor = ((made["lab"][:, :1] + 16) / tone).median(-1).values.median(-1).values.view(-1, 1, 1, 1)
    assert factor.min() < 0.95
    assert factor.max() > 1.05
    middle = ((tone > 30) & (made["lab"][:, :1] < 70)).expand_as(ab)
    assert torch.allclose(made["lab"][:, 1:][middle], (ab * factor)[middle], atol=0.01)


def test_more_light_leaves_black_black_and_turns_highlights_white() -> None:
    lab = torch.tensor([[0.0, 50, 97], [0, 10, 4], [0, 20, 4]]).view(1, 3, 1, 3).expand(400, 3, 1, 3)
    torch.manual_seed(0)
    bright = brighten(lab, 0.5)
    assert not bright[:, :, 0, 0].any()
    burnt = bright[:, 0, 0, 2] == 100
    assert burnt.any()
    assert not bright[burnt, 1:, 0, 2].any()
    rgb = numpy_lab.lab_to_rgb(bright[:, :, 0, :].permute(0, 2, 1).numpy())
    assert np.abs(rgb_to_lab(torch.from_numpy(rgb / 255).permute(2, 0, 1)[None]).numpy()).max() <= 100.5


def test_film_blind_to_red_darkens_skin_and_lips_and_leaves_grays() -> None:
    rgb = torch.tensor([[200, 130, 110], [180, 60, 70], [90, 130, 200], [128, 128, 128], [10, 10, 10]]) / 255
    true = rgb_to_lab(rgb.T.reshape(1, 3, 1, 5))
    seen = film.orthochromatic(true)[0, 0, 0]
    skin, lips, sky, gray, dark = (seen - true[0, 0, 0]).tolist()
    assert skin < -3
    assert lips < skin - 3
    assert sky > 3
    assert abs(gray) < 0.1
    assert abs(dark) < 0.1


def test_a_share_of_the_pictures_is_seen_by_orthochromatic_film(pictures: Pictures) -> None:
    shares = []
    for seed in range(20):
        made, plain = finish(pictures, seed, orthochromatic=0.3)
        shares.append(((made["seen"] - plain["seen"]).abs().mean((1, 2, 3)) > 0.5).float().mean())
    assert 0.2 < torch.stack(shares).mean() < 0.4


def test_grain_is_strongest_in_middle_tones_and_shared_by_neighbours() -> None:
    torch.manual_seed(0)
    spread = {}
    for tone in (2.0, 50.0, 98.0):
        flat = torch.full((200, 1, 32, 32), tone)
        noise = film.add_grain(flat, 4.0) - flat
        spread[tone] = noise.std((1, 2, 3))
        assert abs(noise.mean()) < 0.05
    assert 3.5 < spread[50.0].max() < 4.4
    assert spread[50.0].min() < 0.5
    assert max(spread[2.0].mean(), spread[98.0].mean()) < 0.15 * spread[50.0].mean()
    noise = film.add_grain(torch.full((50, 1, 32, 32), 50.0), 4.0) - 50
    neighbours = torch.corrcoef(torch.stack([noise[..., :-1].flatten(), noise[..., 1:].flatten()]))[0, 1]
    assert 0.2 < neighbours < 0.7


def test_fading_lifts_blacks_and_lowers_whites_up_to_the_amount() -> None:
    torch.manual_seed(0)
    ends = film.fade(torch.tensor([0.0, 100.0]).view(1, 1, 1, 2).expand(2000, 1, 1, 2), 0.4)[:, 0, 0]
    lost = 100 - (ends[:, 1] - ends[:, 0])
    assert 39 < lost.max() <= 40.001
    assert lost.min() < 1
    assert 30 < ends[:, 0].max() <= 40.001
    assert 60 < ends[:, 1].min() + 1e-3 < 70


def four_beside_each_other(pictures: Pictures) -> dict:
    """The first raw batch whose frames are cut in four."""
    feed = Feed([pictures], recipe(zoom_out=1))
    raws = (feed.batch(number) for number in range(60))
    return next(raw for raw in raws if [place.side for place in raw["layout"].places] == [SIDE // 2] * 4)


def test_zoomed_out_four_pictures_share_a_frame_and_no_label(pictures: Pictures) -> None:
    raw = four_beside_each_other(pictures)
    batch = Augmentation(recipe(zoom_out=1))(raw)
    half = SIDE // 2
    assert batch["lab"].shape == (12, 3, SIDE, SIDE)
    corners = [(0, 0), (0, half), (half, 0), (half, half)]
    for tile, (top, left) in enumerate(corners):
        quarter = batch["lab"][:, :, top : top + half, left : left + half]
        assert torch.equal(quarter, decoded(raw["pixels"][tile]))
        _, face = maps(raw["box"][tile], raw["condition"][tile], half // 4)
        at = (..., slice(top // 4, (top + half) // 4), slice(left // 4, (left + half) // 4))
        assert torch.equal(batch["face"][at], face)
    shares = [raw["box"][tile, 0].numpy() * half for tile in range(4)]
    in_cells = [
        (box + np.array([left, top, left, top])) / 4 for box, (top, left) in zip(shares, corners, strict=True)
    ]
    wanted = group_weights(in_cells, list(raw["condition"][:, 0].numpy()), SIDE // 4, SIDE // 4)
    np.testing.assert_allclose(batch["groups"][0].numpy(), wanted, atol=1e-4)
    assert all((batch[name] == UNKNOWN).all() for name in ("ethnicity", *ATTRIBUTES))


def test_what_another_person_covers_is_no_face(pictures: Pictures) -> None:
    box = torch.tensor([[[0.2, 0.2, 0.8, 0.8]], [[0.2, 0.2, 0.8, 0.8]]])
    plan = Layout(64, (Place(0, 0, 64), Place(32, 32, 32)))
    who = seated(box, plan)
    assert who.face[0, 0, 12, 12] == 0, "the second one's picture lies over the first one's cheek"
    assert who.face[0, 1, 12, 12] == 1
    assert who.face[0, 0, 6, 6] == 1
    assert not who.face[0, 1, :8].any(), "and nobody has a face outside their own picture"


def test_maps_are_those_of_the_conditioning_and_of_the_skin_ellipse() -> None:
    box, vector = (0.2, 0.1, 0.7, 0.75), np.array([0.5, 0, 0.2, 0.1, 0.1, 0.1], np.float32)
    groups, face = maps(torch.tensor([box, [torch.nan] * 4]), torch.from_numpy(np.stack([vector] * 2)), 28)
    truth = group_weights([tuple(28 * edge for edge in box)], [vector], 28, 28)
    assert np.allclose(groups[0], truth, atol=1e-5)
    assert not groups[1].any()
    assert not face[1].any()
    assert face.mean((1, 2, 3))[0] == pytest.approx(np.pi * 0.46 * 0.50 * 0.5 * 0.65, rel=0.05)


def test_pictures_held_by_the_augmentation_give_the_same_batches(pictures: Pictures) -> None:
    wanted = recipe(zoom_out=0.5, zoom_in=0.6, tone=0.1, rotation=5)
    from_file, holding = Augmentation(wanted), Augmentation(wanted, [pictures])
    for number in range(4):
        torch.manual_seed(number)
        one = from_file(Feed([pictures], wanted).batch(number))
        torch.manual_seed(number)
        other = holding(Feed([pictures], wanted, rows_only=True).batch(number))
        assert all(torch.equal(one[key], other[key]) for key in one)
    with pytest.raises(ValueError, match="given the sources"):
        from_file(Feed([pictures], wanted, rows_only=True).batch(0))


def test_the_same_generator_state_gives_the_same_batch(pictures: Pictures) -> None:
    everything = FILM | GEOMETRY | {"brightness": 0.2, "orthochromatic": 0.5, "erase": 0.5}
    first, again, other = (finish(pictures, seed, **everything)[0] for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["seen"], other["seen"])
