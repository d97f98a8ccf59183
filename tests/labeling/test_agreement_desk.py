"""What the section "Agreement" shows, and what the buttons of the conflicts' desk do."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from colorizer.faces import Face
from labeling import batches, conflicts, looks, view_agreement
from labeling.access import Person, Role
from labeling.agreement_desk import ALL, NO_BUTTON, AgreementDesk
from labeling.errors import LabelError
from labeling.office import Office
from labeling.outcome import votes
from labeling.settings import LabelSettings
from tests.labeling.disagreeing import NOTES, items_of, key, say

OWNER, ANNOTATOR = Person("Olga", Role.OWNER), Person("Asha", Role.ANNOTATOR)


def drawn(number: int) -> bytes:
    """A JPEG of 400x300 that no other number gives."""
    pixels = np.full((300, 400, 3), 90, np.uint8)
    pixels[100:200, 100 : 120 + 20 * number] = 220
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def desk(tmp_path: Path) -> AgreementDesk:
    """Four photos in one batch: on three of them Asha and Bina differ, and Bina's name is a trap."""
    office = Office(LabelSettings(labels_folder=tmp_path))
    batch = batches.create(office.store, "Olga", "hills", **NOTES, judgements=3)
    kept = [office.photos.keep(drawn(k), f"{k}.jpg") for k in range(4)]
    batches.add_photos(office.store, batch.id, kept)
    for place, item in enumerate(items_of(office.store, batch.id)):
        say(office.store, item, {"Asha": "Nepali", "Bina <i>": "Indian" if place != 1 else "Nepali"})
    return AgreementDesk(office)


def items(desk: AgreementDesk, by_face: bool = False) -> list[int]:
    return items_of(desk.store, 1, by_face)


def outcome(desk: AgreementDesk, item: int) -> str | None:
    return votes(desk.store, 1, items=[item])[0].outcome


def on_screen(html: str) -> tuple[int, int]:
    """Item and decision that a button would send."""
    found = re.search(r'data-item="(\d+)" data-decision="(\d+)"', html)
    assert found is not None
    return int(found[1]), int(found[2])


def number_of(desk: AgreementDesk, name: str) -> int:
    from labeling.vocabulary import labels

    return next(label.id for label in labels(desk.store) if label.name == name)


def press(desk: AgreementDesk, html: str, action: str, label: int = 0, **where: object) -> str:
    item, decision = on_screen(html)
    sent = {"action": action, "label": label, "item": item, "decision": decision, **where}
    return desk.act(OWNER, ALL, False, "open", sent).html


def test_keys_settle_with_the_labels_that_they_give_at_the_labelling_desk(desk: AgreementDesk) -> None:
    from labeling.desk import labels_with_keys
    from labeling.vocabulary import labels

    html = desk.first(OWNER, ALL, False, "open").html
    shown = re.findall(r'data-label="(\d+)" data-key="(.)"', html)
    assert shown == [(str(one["id"]), one["key"]) for one in labels_with_keys(labels(desk.store))]
    assert shown[-1][1] == "0"


def test_figures_hold_every_name_as_text(desk: AgreementDesk) -> None:
    shown = desk.figures(ANNOTATOR, ALL, False, False, False)
    for html in (shown.summary, shown.pairs, shown.prevalence, shown.confusion, shown.mixed_up):
        assert "<i>" not in html.replace("<i class", "")
    assert "Asha, Bina &lt;i&gt;" in shown.pairs
    assert "3 photos" in shown.mixed_up
    assert shown.pair_choices == (("Asha, Bina <i> (4)", "Asha\nBina <i>"),)


def test_confusion_is_found_by_the_pairs_names(desk: AgreementDesk) -> None:
    (choice,) = [value for _, value in desk.figures(ANNOTATOR, ALL, False, False, False).pair_choices]
    shown = desk.confusion(ANNOTATOR, ALL, False, False, False, choice)
    assert "4 photos that both answered: Asha in rows, Bina &lt;i&gt; in columns" in shown
    assert desk.confusion(ANNOTATOR, ALL, False, False, False, "Asha\nNobody") == ""
    assert desk.confusion(ANNOTATOR, ALL, False, False, False, None) == ""


def test_figures_follow_every_label(desk: AgreementDesk) -> None:
    before = desk.figures(ANNOTATOR, "1", False, False, False).summary
    for item in items(desk):
        say(desk.store, item, {"Chandra": "Nepali"})
    after = desk.figures(ANNOTATOR, "1", False, False, False).summary
    assert "2 people" in before
    assert "3 people" in after


def test_only_who_cannot_settle_is_told_how_many_conflicts_there_are(desk: AgreementDesk) -> None:
    assert "open conflicts" in desk.figures(ANNOTATOR, ALL, False, False, False).summary
    assert "open conflicts" not in desk.figures(OWNER, ALL, False, False, False).summary


def test_visitors_are_told_what_this_is_and_nothing_else(desk: AgreementDesk) -> None:
    assert "kappa" in desk.explained(Person("", Role.VISITOR))
    assert desk.explained(ANNOTATOR) == ""


def test_unknown_batches_are_refused(desk: AgreementDesk) -> None:
    for batch in ("7", "hills", "1; drop"):
        with pytest.raises(LabelError):
            desk.figures(ANNOTATOR, batch, False, False, False)


def test_the_desk_shows_the_photo_and_everybodys_votes(desk: AgreementDesk) -> None:
    say(desk.store, items(desk)[0], {"Bina <i>": "note: <script>could be either"})
    shown = desk.first(OWNER, ALL, False, "open")
    assert shown.counts == {"open": 3, "majority": 0, "settled": 0}
    assert "1 of 3." in shown.html
    assert "2 of the 3 judgements wanted" in shown.html
    assert "&lt;script&gt;could be either" in shown.html
    assert "Bina &lt;i&gt;" in shown.html
    picture = re.search(r'src="data:image/jpeg;base64,([^"]+)"', shown.html)
    assert picture is not None
    assert Image.open(io.BytesIO(base64.b64decode(picture[1]))).size == (400, 300)


def test_settling_saves_and_goes_on_to_the_next(desk: AgreementDesk) -> None:
    first, _, third, fourth = items(desk)
    html = press(desk, desk.first(OWNER, ALL, False, "open").html, "settle", number_of(desk, "White"))
    assert outcome(desk, first) == "White"
    assert "Saved: 0.jpg counts as White." in html
    assert "1 of 2." in html
    assert on_screen(html)[0] == third
    html = press(desk, html, "settle", number_of(desk, "Nepali"))
    assert on_screen(html)[0] == fourth
    html = press(desk, html, "settle", number_of(desk, "Nepali"))
    assert "No open conflicts" in html
    assert desk.first(OWNER, ALL, False, "settled").counts == {"open": 0, "majority": 0, "settled": 3}


def test_next_and_before_go_around(desk: AgreementDesk) -> None:
    first, _, third, fourth = items(desk)
    html = desk.first(OWNER, ALL, False, "open").html
    seen = []
    for action in ("next", "next", "next", "previous", "previous"):
        html = press(desk, html, action)
        seen.append(on_screen(html)[0])
    assert seen == [third, fourth, first, fourth, third]


def test_a_decision_is_taken_back_where_it_was_made(desk: AgreementDesk) -> None:
    first = items(desk)[0]
    html = press(desk, desk.first(OWNER, ALL, False, "open").html, "settle", number_of(desk, "White"))
    found = re.search(r'data-do="undo" data-item="(\d+)" data-decision="(\d+)">', html)
    assert found is not None
    html = press(desk, html, "undo", item=int(found[1]), decision=int(found[2]))
    assert outcome(desk, first) is None
    assert on_screen(html)[0] == first
    assert "the votes count again" in html


def test_what_another_owner_has_just_settled_is_said(desk: AgreementDesk) -> None:
    html = desk.first(OWNER, ALL, False, "open").html
    conflicts.settle(desk.store, key(), "Pema", items(desk)[0], "Black")
    html = press(desk, html, "settle", number_of(desk, "White"))
    assert "Pema has just settled 0.jpg as Black" in html
    assert outcome(desk, items(desk)[0]) == "Black"


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {},
        {"action": "settle"},
        {"action": "drop", "item": 1, "label": 1, "decision": 0},
        {"action": "settle", "item": "1", "label": 1, "decision": 0},
        {"action": "settle", "item": True, "label": 1, "decision": 0},
    ],
)
def test_what_no_button_sends_is_refused(desk: AgreementDesk, sent: object) -> None:
    with pytest.raises(LabelError, match=re.escape(NO_BUTTON)):
        desk.act(OWNER, ALL, False, "open", sent)


@pytest.mark.parametrize(("item", "label"), [(10**30, 1), (-1, 1), (999, 1), (1, 999)])
def test_numbers_that_stand_for_nothing_are_said(desk: AgreementDesk, item: int, label: int) -> None:
    html = desk.act(
        OWNER, ALL, False, "open", {"action": "settle", "item": item, "label": label, "decision": 0}
    ).html
    assert re.search(r'role="alert"><p>[^<]+', html)


def test_a_missing_file_leaves_the_conflict_to_be_settled(desk: AgreementDesk) -> None:
    for folder in (desk.office.photos.originals, desk.office.photos.views):
        for file in folder.rglob("*.jpg"):
            file.unlink()
    html = desk.first(OWNER, ALL, False, "open").html
    assert "missing" in html
    press(desk, html, "settle", number_of(desk, "White"))
    assert outcome(desk, items(desk)[0]) == "White"


def test_a_face_is_framed(desk: AgreementDesk) -> None:
    photo = votes(desk.store, 1)[0].photo
    faces = [Face((20.0, 30.0, 80.0, 100.0), ((0.0, 0.0),) * 5, 0.9)]
    looks.set_survey(desk.store, photo, faces)
    (item,) = items(desk, by_face=True)
    say(desk.store, item, {"Asha": "Nepali", "Bina <i>": "White"})
    html = desk.first(OWNER, ALL, True, "open").html
    assert 'viewBox="0 0 400 300"' in html
    assert 'class="over" x="20.0" y="30.0" width="60.0" height="70.0"' in html
    assert "face 1 in the frame" in html
    assert "<rect" not in desk.first(OWNER, ALL, False, "open").html


def test_programs_get_the_same_as_the_page(desk: AgreementDesk) -> None:
    assert desk.agreement(ANNOTATOR, "hills")["alpha"]["n"] == 4
    found = json.loads(json.dumps(desk.conflicts(OWNER)))
    assert found["total"] == 3
    assert [vote["label"] for vote in found["conflicts"][0]["votes"]] == ["Nepali", "Indian"]
    sent = key()
    first = desk.settle(OWNER, items(desk)[0], "White", sent)
    assert desk.settle(OWNER, items(desk)[0], "White", sent) == first
    assert desk.conflicts(OWNER, start=1)["total"] == 2
    desk.reopen(OWNER, items(desk)[0], key(), first["decision"])
    assert outcome(desk, items(desk)[0]) is None
    with pytest.raises(LabelError):
        desk.settle(OWNER, 10**30, "White", key())


def test_heat_is_a_share() -> None:
    html = view_agreement._shares([0, 25, 75])
    assert [re.search(r"--heat:([\d.]+)", cell) is not None for cell in html] == [False, True, True]
    assert "--heat:0.750" in html[2]
    assert "75 %" in html[2]


def test_a_picture_is_taken_out_with_its_reason(desk: AgreementDesk) -> None:
    html = press(desk, desk.first(OWNER, ALL, False, "open").html, "settle", unusable="no consent")
    assert "Saved: 0.jpg counts as unusable: no consent." in html
    assert votes(desk.store, 1, items=items(desk)[:1])[0].is_unusable
    shown = desk.first(OWNER, ALL, False, "settled").html
    assert 'data-unusable="no consent" aria-pressed="true"' in shown
    assert "Olga settled it as unusable: no consent." in shown
