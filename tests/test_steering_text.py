"""Steering as people and programs write it."""

import pytest

from colorizer import steering_text
from colorizer.errors import OptionError
from colorizer.steering import HINTS_LIMIT, Hint


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("#b5473c", "#b5473c"),
        (" #B5473C ", "#b5473c"),
        ("#0f8", "#00ff88"),
        ("rgb(181, 71, 60)", "#b5473c"),
        ("rgba(181.2,70.6,60, 1)", "#b5473c"),
    ],
)
def test_colours_as_pickers_write_them(text: str, color: str) -> None:
    assert steering_text.parse_color(text) == color


@pytest.mark.parametrize(
    "text", ["red", "#b5473", "b5473c", "rgb(256, 0, 0)", "rgb(1,2)", "", None, 7, "#" * 9999]
)
def test_what_is_no_colour_is_said_in_a_short_sentence(text: object) -> None:
    with pytest.raises(OptionError, match=r"There is no colour .*#rrggbb") as caught:
        steering_text.parse_color(text)
    assert len(str(caught.value)) < 200


def test_a_hint_of_the_command_line() -> None:
    assert steering_text.parse_hint("120,80.5,#B5473C") == Hint(120, 80.5, "#b5473c")
    assert steering_text.parse_hint(" 1 , 2 , rgb(0,0,255)") == Hint(1, 2, "#0000ff")
    for wrong in ("", "120", "120,80", "a,b,#000000", "120;80;#000000", "nan,1,#000000", "1,inf,#000000"):
        with pytest.raises(OptionError, match="X,Y,#rrggbb"):
            steering_text.parse_hint(wrong)
    with pytest.raises(OptionError, match="no colour 'red'"):
        steering_text.parse_hint("1,2,red")


def test_hints_as_json() -> None:
    text = '[{"x": 120, "y": 80, "color": "#b5473c"}, {"x": 0.5, "y": 1, "color": "#fff", "more": 1}]'
    assert steering_text.parse_hints(text) == (Hint(120, 80, "#b5473c"), Hint(0.5, 1, "#ffffff"))
    for nothing in (None, "", "  ", "[]", []):
        assert steering_text.parse_hints(nothing) == ()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("{", "no JSON"),
        ("[" * 10_000, "no JSON"),
        ("7", "no list"),
        ('{"x": 1}', "no list"),
        ("[7]", "Hint 1 is 7"),
        ('[{"x": 1, "y": 2, "color": "#000000"}, {"x": 1, "color": "#000000"}]', 'Hint 2 has no "y"'),
        ('[{"x": "1", "y": 2, "color": "#000000"}]', "x and y are numbers"),
        ('[{"x": true, "y": 2, "color": "#000000"}]', "x and y are numbers"),
        ('[{"x": NaN, "y": 2, "color": "#000000"}]', "x and y are numbers"),
        ('[{"x": 1e999, "y": 2, "color": "#000000"}]', "x and y are numbers"),
        (f'[{{"x": {10**400}, "y": 2, "color": "#000000"}}]', "x and y are numbers"),
        ('[{"x": [1], "y": 2, "color": "#000000"}]', "x and y are numbers"),
        ('[{"x": 1, "y": 2, "color": ["#000000"]}]', "no colour"),
        ([{}] * (HINTS_LIMIT + 1), f"at most {HINTS_LIMIT}"),
        (" " + "1" * steering_text.LONGEST_TEXT, f"at most {HINTS_LIMIT}"),
    ],
)
def test_wrong_hints_are_answered_with_a_short_sentence(given: object, sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence) as caught:
        steering_text.parse_hints(given)
    assert len(str(caught.value)) < 200
