"""What is asked of a photo reaches the network as it should, and the network's answers are put together as asked."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from colorizer import bins, lab, suggestions
from colorizer.errors import OptionError
from colorizer.faces import Face
from colorizer.groups import GROUPS, TONES
from colorizer.networks.ethnicity_aware import Painting, Told, as_maps
from colorizer.painter import _STRENGTH as STRENGTH
from colorizer.painter import Painter, can_be_neutral, skin_colors, vivid
from colorizer.palette import NEUTRAL_SKIN, REFERENCE, at_lightness, skin_color, tone
from colorizer.steering import Hint, Steering

SIDE, CELLS = 64, 16
FACE = Face(box=(20.0, 10.0, 44.0, 40.0), landmarks=(), score=1.0)


class Listener(nn.Module):
    """Paints its own light, as much paler as is made up for, or the one it is told, and notes what it was told."""

    own = (6.0, 10.0)
    moved_by_hints = 5.0

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Told] = []
        self.skin = torch.full((1, 1, CELLS, CELLS), -8.0)
        self.skin[:, :, 3:10, 5:11] = 8.0
        self.cells = self.skin.repeat(1, 4, 1, 1)
        """What belongs together in its eyes: skin, and what is none."""

    def paint(self, lightness: Tensor, told: Told) -> Painting:
        """A flat painting; under a told light 0.8 of the way from its own."""
        self.heard.append(told)
        count = len(told.groups)
        ab = (torch.tensor(self.own) / STRENGTH).view(1, 2, 1, 1).expand(count, 2, CELLS, CELLS).clone()
        if told.light is not None:
            ab += (
                0.8 * (told.light[:, :2, None, None] - ab) + 1.0
            )  # and off by one: known light paints otherwise
        if told.hints is not None:
            ab = torch.where(told.hints[:, 2:].amax((2, 3), keepdim=True) > 0, ab + self.moved_by_hints, ab)
        chances = torch.full((count, bins.COUNT, CELLS // 2, CELLS // 2), -9.0)
        colors = torch.tensor([[10.0, 10.0], [-40.0, 40.0]])
        likely, other = torch.cdist(colors, bins.CENTERS).argmin(1).tolist()
        chances[:, likely] = 5.0
        chances[:, other] = 4.0
        skin, cells = (part.expand(count, -1, -1, -1) for part in (self.skin, self.cells))
        return Painting(ab, torch.zeros(count, 4), chances, skin, cells)


class Dyer(Listener):
    """Paints its own light, and 20 more of b* wherever it is told of a group."""

    def paint(self, lightness: Tensor, told: Told) -> Painting:
        """A flat painting but for groups."""
        painting = super().paint(lightness, told)
        more = torch.tensor([0.0, 20.0]).view(1, 2, 1, 1) * told.groups.sum(1, keepdim=True)
        return painting._replace(ab=painting.ab + more)


class Forgetful(Listener):
    """Leaves all below the twelfth row gray, the arm there too."""

    def __init__(self) -> None:
        super().__init__()
        self.skin[:, :, 12:, 6:10] = 8.0

    def paint(self, lightness: Tensor, told: Told) -> Painting:
        """Flat but for that."""
        painting = super().paint(lightness, told)
        painting.ab[:, :, 12:] = 0
        return painting


@pytest.fixture
def painter() -> Painter:
    return Painter(Listener(), torch.device("cpu"))


def scene_of(painter: Painter, faces: tuple[Face, ...] = (FACE,), hints: tuple[Hint, ...] = ()):
    return painter.scene(np.full((SIDE, SIDE), 50, np.float32), (0.25, 0.25), faces, hints)


def test_a_group_is_told_to_its_own_person(painter: Painter) -> None:
    left = replace(FACE, box=(4.0, 10.0, 24.0, 34.0), chosen="Black")
    right = replace(FACE, box=(40.0, 10.0, 60.0, 34.0), chosen="Monk 3")
    told = scene_of(painter, (left, right)).told
    assert told.groups[0, GROUPS.index("Black"), 5, 3] > 0.9
    assert told.groups[0, :, 5, 12].sum() < 0.05
    assert told.skin is not None
    share = told.skin[0, 2, 5, 12]
    assert share > 0.9
    np.testing.assert_allclose(told.skin[0, :2, 5, 12] / share, tone("Monk 3"), rtol=1e-4)
    assert told.skin[0, 2, 5, 3] < 0.05


def test_a_hint_is_told_at_its_cell_with_its_colour(painter: Painter) -> None:
    told = scene_of(painter, (), (Hint(63.9, 0, "#0000ff"),)).told
    assert told.hints is not None
    a, b, known = told.hints[0, :, 0, 15].tolist()
    assert known == 1
    assert (a, b) == pytest.approx((79.2, -107.9), abs=0.5)
    assert told.hints[0, 2].sum() == 1


def test_nothing_asked_is_one_painting_with_the_light_left_open(painter: Painter) -> None:
    painting = painter.paint(scene_of(painter), Steering())
    (told,) = painter.network.heard
    assert told.light is None
    assert painting.ab.mean((2, 3))[0].tolist() == pytest.approx([6, 10])


def test_warmth_moves_from_what_the_model_thinks_and_a_little_moves_little(painter: Painter) -> None:
    scene = scene_of(painter)
    free = painter.paint(scene, Steering()).ab
    for warmth in (0.01, 5.0, -20.0):
        moved = painter.paint(scene, Steering(warmth=warmth)).ab - free
        assert moved[:, 1].mean().item() == pytest.approx(0.8 * warmth, abs=1e-4)
        assert moved[:, 0].abs().max() < 1e-4


def test_a_known_cast_is_told_as_it_is(painter: Painter) -> None:
    painter.paint(scene_of(painter), Steering(cast=(3.0, -4.0)))
    (told,) = painter.network.heard
    assert told.light is not None
    assert told.light[0].tolist() == [3, -4, 1]


@pytest.mark.parametrize("chosen", ["White", "Asian", "none"])
def test_neutral_light_brings_skin_to_what_was_measured(painter: Painter, chosen: str) -> None:
    scene = scene_of(painter, (replace(FACE, chosen=chosen),))
    assert can_be_neutral(scene)
    painting = painter.paint(scene, Steering(light="neutral"))
    wanted = np.mean(list(NEUTRAL_SKIN.values()), 0) if chosen == "none" else NEUTRAL_SKIN[chosen]
    # What is told under the light found, without the light's own offset of 1.
    np.testing.assert_allclose(skin_colors(scene, painting)[0], wanted, atol=1.1)


def test_without_a_face_or_with_a_tone_neutral_light_changes_nothing(painter: Painter) -> None:
    for faces in ((), (replace(FACE, chosen="Monk 5"),)):
        scene = scene_of(painter, faces)
        assert not can_be_neutral(scene)
        free, neutral = (
            painter.paint(scene, steering).ab for steering in (Steering(), Steering(light="neutral"))
        )
        torch.testing.assert_close(free, neutral)


def test_vividness_above_one_goes_towards_the_likeliest_colour(painter: Painter) -> None:
    painting = painter.paint(scene_of(painter), Steering())
    mean, mode = bins.decode(painting.chances, 1.0), bins.decode(painting.chances, 0.15)
    assert torch.equal(vivid(painting, 0.5), painting.ab)
    assert torch.equal(vivid(painting, 1.0), painting.ab)
    most = vivid(painting, 2.0)
    further, own = (mode - mean)[0, :, 0, 0], painting.ab[0, :, 0, 0]
    outwards = own / own.norm()
    gain = (0.3 * own.norm() - further @ outwards).clamp_min(0)
    torch.testing.assert_close(most[0, :, 0, 0], own + further + gain * outwards)
    half = vivid(painting, 1.5)
    assert 0 < (half - painting.ab)[0, 0, 0, 0] < (most - painting.ab)[0, 0, 0, 0]


def test_a_face_s_box_that_moves_by_a_pixel_flips_no_cell(painter: Painter) -> None:
    faces = [replace(FACE, box=(20.0 + d, 10.0 - d, 44.0 + d, 40.0 + d)) for d in (0.0, 1.0)]
    one, other = (scene_of(painter, (face,)).faces for face in faces)
    assert one.max() > 0.9
    assert (one - other).abs().max() < 0.5


@pytest.mark.parametrize("vividness", [1.2, 2.0])
def test_vividness_above_one_makes_nothing_grayer_where_gray_is_likeliest(
    painter: Painter, vividness: float
) -> None:
    painting = painter.paint(scene_of(painter), Steering())
    chances = torch.full_like(painting.chances, -20.0)
    for color, logit in (((0, 0), 1.0), ((20, 30), 0.5), ((30, 20), 0.5)):
        chances[:, (torch.tensor(color) == bins.CENTERS).all(1).nonzero()[0]] = logit
    ab = torch.tensor([12.0, 12.0])[None, :, None, None].expand_as(painting.ab)
    painted = painting._replace(ab=ab, chances=chances)
    gained = vivid(painted, vividness).norm(dim=1) / ab.norm(dim=1)
    torch.testing.assert_close(gained, torch.full_like(gained, 1 + 0.3 * (vividness - 1)))


def test_suggestions_hint_at_another_likely_colour_and_leave_skin(painter: Painter) -> None:
    rng = np.random.default_rng(0)
    lightness = np.kron(rng.uniform(20, 90, (4, 4)), np.ones((16, 16))).astype(np.float32)
    scene = painter.scene(lightness, (0.25, 0.25), (FACE,), ())
    base = painter.paint(scene, Steering())
    (first, *_) = suggestions.suggest(painter, scene, Steering(), 1)
    told = [told for told in painter.network.heard if told.hints is not None][-1]
    assert told.hints is not None
    assert told.hints[0, 2].sum() >= 1
    where = told.hints[0, 2] > 0
    assert (told.hints[0, :2, where].T - torch.tensor([-40.0, 40.0])).norm(dim=1).min() < 8
    assert not where[3:10, 5:11].any(), "never on skin"
    torch.testing.assert_close(first.ab[..., 5, 8], base.ab[..., 5, 8], atol=0.02, rtol=0)
    assert (first.ab - base.ab)[..., 14, 1].abs().min() > 4


class Moody(Listener):
    """With hints, it finds other colours likely everywhere."""

    def paint(self, lightness: Tensor, told: Told) -> Painting:
        """As a listener, but for that."""
        painting = super().paint(lightness, told)
        if told.hints is not None and told.hints[:, 2].sum() > 1:
            painting.chances[:, 0] = 9.0
        return painting


def test_suggestions_keep_skin_at_any_vividness() -> None:
    painter = Painter(Moody(), torch.device("cpu"))
    scene = scene_of(painter)
    base = painter.paint(scene, Steering())
    found = suggestions.suggest(painter, scene, Steering(), 1)
    assert found
    for painting in found:
        off = vivid(painting, 2.0) - vivid(base, 2.0)
        assert off[..., 5:8, 7:9].abs().max() < 0.1
        assert off[..., 14, 1].abs().max() > 10


def test_suggestions_leave_what_somebody_has_pointed_out(painter: Painter) -> None:
    rng = np.random.default_rng(0)
    lightness = np.kron(rng.uniform(20, 90, (4, 4)), np.ones((16, 16))).astype(np.float32)

    def pointed(hints: tuple[Hint, ...]) -> list[Tensor]:
        """Where each of the suggestions' hints lie, (k, 2)."""
        painter.network.heard.clear()
        suggestions.suggest(painter, painter.scene(lightness, (0.25, 0.25), (FACE,), hints), Steering(), 1)
        maps = [told.hints[0, 2] for told in painter.network.heard if told.hints is not None]
        return [found.nonzero() for found in maps]

    first = [tuple(place) for place in pointed(())[0].tolist()]
    row, column = first[0]
    # Of the colour that is there anyway, so that nothing else changes.
    own = tuple(painter.paint(scene_of(painter), Steering()).ab[0, :, 0, 0].tolist())
    rgb = lab.lab_to_rgb(np.array([[[50.0, *own]]], np.float32))[0, 0]
    hint = Hint(4 * column + 1, 4 * row + 1, "#" + bytes(rgb.tolist()).hex())
    painter.network.moved_by_hints = 0.0
    asked = pointed((hint,))[-1].tolist()
    others = {tuple(place) for place in asked} - {(row, column)}
    assert others, "something else is suggested"
    assert not others & set(first)


def test_nothing_unlikely_is_suggested(painter: Painter) -> None:
    scene = scene_of(painter)
    (own, other), found = ((10, 10), (-40, 40)), suggestions.things(scene, painter.paint(scene, Steering()))
    assert found
    for thing in found:
        assert all(np.hypot(*(color - other)) < 8 or np.hypot(*(color - own)) < 8 for color in thing.colors)


def test_of_a_damaged_network_nothing_else_is_suggested(painter: Painter) -> None:
    painter.network.own = (float("nan"), 0.0)
    (only,) = suggestions.suggest(painter, scene_of(painter), Steering(), 3)
    assert only.ab.isnan().any()


def test_a_group_changes_the_skin_of_its_person_and_nothing_else() -> None:
    painter = Painter(Dyer(), torch.device("cpu"))
    scenes = [scene_of(painter, (replace(FACE, chosen=choice),)) for choice in ("none", "Black")]
    none, black = (painter.paint(scene, Steering()).ab for scene in scenes)
    change = (black - none)[0, 1]
    assert change[5, 8] > 17
    assert change[:2].abs().max() < 0.1
    assert change[:, :4].abs().max() < 0.1


def test_skin_away_from_the_face_gets_the_face_s_colour_and_clothes_stay_as_they_are() -> None:
    painter = Painter(Forgetful(), torch.device("cpu"))
    ab = painter.paint(scene_of(painter), Steering()).ab[0]
    np.testing.assert_allclose(ab[:, 5, 8], Listener.own, atol=0.1)
    np.testing.assert_allclose(ab[:, 14, 8], 0.75 * np.array(Listener.own), atol=1.5)
    assert ab[:, 14, 1].abs().max() < 0.1


def test_far_from_everybody_there_is_less_colour(painter: Painter) -> None:
    small = replace(FACE, box=(30.0, 12.0, 34.0, 16.0))
    ab = painter.paint(scene_of(painter, (small,)), Steering()).ab[0]
    np.testing.assert_allclose(ab[:, 2, 0], 0.3 * np.array(Listener.own), atol=0.3)
    alone = painter.paint(scene_of(painter, ()), Steering()).ab[0]
    np.testing.assert_allclose(alone[:, 2, 0], Listener.own, atol=1e-4)


def test_a_hint_is_painted_where_it_points_and_on_what_belongs_to_it(painter: Painter) -> None:
    painter.network.cells[:, 1:, :, :2] = 30.0  # a thing of its own, at the left
    hint = Hint(2, 30, "#3b5aa0")
    scene = scene_of(painter, (), (hint,))
    ab, asked = painter.paint(scene, Steering()).ab[0], scene.told.hints[0, :2, 7, 0]
    torch.testing.assert_close(ab[:, 7, 0], asked, atol=0.01, rtol=0)
    plain = torch.tensor(Listener.own) + 5
    assert ((ab[:, 9, 1] - plain) / (asked - plain)).min() > 0.7
    assert (ab[:, 7, 7] - plain).abs().max() < 1, "skin is another thing"
    assert (ab[:, 7, 15] - plain).abs().max() < 4


@pytest.mark.parametrize("asked", [Steering(), Steering("neutral", 20.0, -20.0), Steering(cast=(3, -4))])
def test_thirty_faces_some_outside_or_of_no_size_and_fifty_hints_stay_finite(
    painter: Painter, asked: Steering
) -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(-40, 100, (30, 2))
    faces = tuple(
        replace(FACE, box=(x, y, x + side, y + side), chosen=choice)
        for (x, y), side, choice in zip(
            corners, np.linspace(0, 60, 30), ("Asian", "none", "Monk 2") * 10, strict=True
        )
    )
    hints = tuple(Hint(x, y, "#ff0000") for x, y in rng.uniform(0, SIDE - 0.01, (50, 2)))
    painting = painter.paint(scene_of(painter, faces, hints), asked)
    assert torch.isfinite(vivid(painting, 2.0)).all()
    for found in suggestions.suggest(painter, scene_of(painter, faces), asked, 3):
        assert torch.isfinite(found.ab).all()


def test_what_is_told_is_scaled_and_absent_parts_are_zeros() -> None:
    groups = torch.rand(2, 6, 4, 4)
    maps = as_maps(Told(groups, light=torch.tensor([[20.0, -40.0, 1.0]] * 2)))
    assert maps.shape == (2, 15, 4, 4)
    assert torch.equal(maps[:, :6], groups)
    assert maps[0, 9:12, 2, 2].tolist() == [1, -2, 1]
    assert not maps[:, 6:9].any()
    assert not maps[:, 12:].any()


def test_a_skin_colour_is_the_same_in_light_and_shade() -> None:
    for lightness in (10.0, 50.0, 90.0):
        a, b = at_lightness((9.0, 14.0), lightness)
        assert skin_color((float(a), float(b)), lightness) == pytest.approx((9, 14))
    assert at_lightness((9.0, 14.0), 50.0).tolist() == [9, 14]
    assert REFERENCE == 66


def test_tones_are_those_of_the_scale() -> None:
    hues = [np.degrees(np.arctan2(b, a)) for a, b in map(tone, TONES)]
    assert all(40 < hue < 100 for hue in hues)
    assert tone("Monk 6")[1] > tone("Monk 1")[1], "pale skin has less colour"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Steering(light="candle"), "no light 'candle'; choose predicted or neutral"),
        (Steering(warmth=21), "Warmth 21 is not allowed; choose a number from -20 to 20"),
        (Steering(tint=float("nan")), "Tint nan is not allowed"),
        (Steering(warmth=True), "Warmth True"),
        (Steering(cast=(1.0, 999.0)), "from -128 to 128"),
        (Steering(cast=(1.0, 2.0), warmth=3), "leave light, warmth and tint"),
        (Steering(hints=(Hint(1, 1, "red"),)), "Hint 1 has the colour 'red'; write it as #rrggbb"),
        (Steering(hints=(Hint(1, 1, "#12345g"),)), "#rrggbb"),
        (
            Steering(hints=(Hint(0, 0, "#123456"), Hint(100, 5, "#123456"))),
            "Hint 2 at x 100, y 5 lies outside",
        ),
        (Steering(hints=(Hint(float("inf"), 5, "#123456"),)), "needs two numbers"),
        (Steering(hints=(Hint(1, 1, "#123456"),) * 51), "51 colour hints are too many"),
    ],
)
def test_what_can_t_be_asked_is_said(asked: Steering, says: str) -> None:
    with pytest.raises(OptionError, match=says.replace("(", r"\(")):
        asked.check(100, 80)


def test_what_can_be_asked_passes() -> None:
    Steering("neutral", 20, -20.0, None, (Hint(99.9, 0, "#ABCdef"),)).check(100, 80)
    assert Steering().is_default
    assert not Steering(tint=1).is_default
