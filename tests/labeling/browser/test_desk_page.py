"""The desk on the real page: keys, saving, undo, looking back, help, faces, two people, a phone, a screen reader."""

import re

import pytest
from playwright.sync_api import expect

from labeling import desk, judging, progress, vocabulary
from labeling.office import Office
from tests.browser.test_reading import CONTRASTS, NAMELESS
from tests.labeling.browser.conftest import Sits
from tests.labeling.browser.labeller import Labeller
from tests.labeling.desks import put
from tests.labeling.filling import face, probabilities

pytestmark = pytest.mark.browser
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
    "color_scheme": "dark",
}


def words(office: Office, batch: int, who: str = "Sita", by_face: bool = False) -> list[str]:
    """What somebody decided, the first first."""
    found = judging.mine(office.store, who, batch, by_face, limit=500)
    return [event.word or event.kind for event in reversed(found)]


def test_without_a_name_there_is_an_explanation_and_nothing_to_write(sits: Sits, office: Office) -> None:
    batch = put(office, 2, "asks the name")
    somebody = sits("")
    page = somebody.page
    expect(page.get_by_role("heading", name="Label portraits")).to_be_visible()
    expect(page.locator("#label-desk")).not_to_be_visible()
    page.get_by_label("Your name").fill("Gita")
    page.get_by_label("Your name").press("Enter")
    expect(page.locator(".desk-picture img")).to_be_visible()
    expect(page.get_by_role("heading", name="Label portraits")).not_to_be_visible()
    page.locator("#desk-batch").select_option(str(batch.id))
    somebody.wait(
        lambda: somebody.photo == "photo 000.jpg" and somebody.item != "", "the batch's first photo"
    )
    somebody.leave_the_field()
    somebody.label("7")
    somebody.all_saved()
    assert words(office, batch.id, "Gita") == ["Nepali"]
    page.reload()  # asked once
    page.get_by_role("tab", name="Label", exact=True).click()
    expect(page.get_by_label("Your name")).to_have_value("Gita")
    somebody.wait(lambda: somebody.photo == "photo 001.jpg", "the photo where one left off")


def test_keys_decide_and_the_next_photo_comes_by_itself(sits: Sits, office: Office) -> None:
    batch = put(office, 8, "keys")
    sita = sits("Sita", batch.id)
    sita.label("1")
    sita.label("0")
    sita.label("s")
    sita.press("d")
    expect(sita.page.get_by_role("dialog", name="Why can’t it be used?")).to_be_visible()
    sita.label("3")
    sita.press("n")
    sita.page.keyboard.type("two people, 1 of them blurred")
    sita.press("Enter")
    expect(sita.page.locator(".desk-remark")).to_have_text("Note: two people, 1 of them blurred")
    sita.label("7")
    sita.all_saved()
    assert words(office, batch.id) == ["Asian", "unsure", "skip", "drawing", "Nepali"]
    now = progress.progress(office.store, batch.id, "Sita")
    assert (now.mine, now.skipped, now.unusable) == (4, 1, 1)
    expect(sita.page.locator(".desk-counts")).to_contain_text("4 of 8 judged · 4 by me · 1 skipped")


def test_every_button_shows_its_key_and_does_the_same(sits: Sits, office: Office) -> None:
    batch = put(office, 12, "buttons")
    sita = sits("Sita", batch.id)
    shown = sita.page.locator(".desk-labels").first.locator("button").all_inner_texts()
    assert [" ".join(text.split()) for text in shown] == [
        f"{label['key']} {label['name']}" for label in desk.labels_with_keys(vocabulary.labels(office.store))
    ]
    sita.then_next(sita.button("Nepali").click)
    sita.label("7")  # after a click the keys go on
    sita.all_saved()
    assert words(office, batch.id) == ["Nepali", "Nepali"]
    missing = sita.page.locator("#label-desk .desk-keys button:not(:has(kbd))").count()
    assert missing == 0


def test_undo_goes_back_also_over_a_reload(sits: Sits, office: Office) -> None:
    batch = put(office, 6, "undo")
    sita = sits("Sita", batch.id)
    first = sita.item
    sita.label("1")
    second = sita.item
    sita.label("2")
    sita.label("3")
    sita.press("u")
    sita.press("u")
    sita.wait(lambda: sita.item == second, "the second photo")
    sita.label("4")
    sita.all_saved()
    assert words(office, batch.id) == ["Asian", "Indian"]
    sita.come()
    third = sita.item
    sita.press("u")
    sita.wait(lambda: sita.item == second, "the photo whose label was taken back")
    assert sita.verdict == ""
    sita.press("u")
    sita.wait(lambda: sita.item == first, "the first photo")
    sita.press("u")
    sita.wait(lambda: "nothing to undo" in sita.spoken, "a word that there is nothing left")
    assert sita.item == first
    assert words(office, batch.id) == []
    sita.label("7")
    sita.label("6")
    assert sita.item == third, "what was on screen before the undo comes again"
    sita.all_saved()
    assert words(office, batch.id) == ["Nepali", "White"]


def test_a_note_is_undone_as_a_step_of_its_own(sits: Sits, office: Office) -> None:
    batch = put(office, 3, "notes")
    sita = sits("Sita", batch.id)
    sita.label("1")
    here = sita.item
    sita.press("n")
    sita.page.keyboard.type("hm")
    sita.press("Enter")
    expect(sita.page.locator(".desk-remark")).to_have_text("Note: hm")
    sita.press("u")
    expect(sita.page.locator(".desk-remark")).to_have_text("")
    assert sita.item == here
    sita.all_saved()
    assert words(office, batch.id) == ["Asian"]


def test_arrows_look_back_and_a_label_there_replaces_the_earlier_one(sits: Sits, office: Office) -> None:
    batch = put(office, 9, "back")
    sita = sits("Sita", batch.id)
    seen = []
    for key in "1234567":
        seen.append(sita.item)
        sita.label(key)
    present = sita.item
    sita.all_saved()
    sita.come()  # nothing of the past is in memory now
    for steps in range(1, 8):
        sita.press("ArrowLeft")
        sita.wait(lambda steps=steps: sita.item == seen[-steps], "an earlier photo")
    assert sita.verdict == "You said Asian · 7 back"
    sita.press("ArrowLeft")
    sita.wait(lambda: "first one" in sita.spoken, "a word that it is the first")
    sita.press("ArrowRight")
    sita.wait(lambda: sita.item == seen[1], "the second photo")
    sita.press("7")
    sita.wait(lambda: sita.item == seen[2], "one step towards the present")
    sita.press(*["ArrowRight"] * 5)
    sita.wait(lambda: sita.item == present, "the photo to label now")
    sita.all_saved()
    assert sorted(words(office, batch.id)) == sorted(
        ["Asian", "Nepali", "Hispanic", "Indian", "Middle Eastern", "White", "Nepali"]
    )


def test_keys_mean_nothing_where_somebody_types_or_holds_a_modifier(sits: Sits, office: Office) -> None:
    batch = put(office, 4, "typing")
    sita = sits("Sita", batch.id)
    here = sita.item
    name = sita.page.get_by_label("Your name")
    name.focus()
    sita.page.keyboard.type("12sdu")
    assert name.input_value() == "Sita12sdu"
    sita.press(*["Backspace"] * 5)
    sita.page.locator("#desk-order").focus()
    sita.press("1", "s")
    sita.press("Escape")
    expect(sita.page.locator(".desk-stage")).to_be_focused()
    sita.press("Control+1", "Alt+2", "Meta+3", "Shift+S")
    sita.page.get_by_role("tab", name="Colorize").click()
    sita.press("1", "s", "u")
    sita.page.get_by_role("tab", name="Label", exact=True).click()
    assert sita.item == here
    sita.leave_the_field()
    sita.page.keyboard.down("1")
    sita.wait(lambda: sita.item not in ("", here), "the next photo")
    second = sita.item
    for _ in range(5):
        sita.page.keyboard.down("1")  # held down
    sita.page.keyboard.up("1")
    assert sita.item == second
    sita.all_saved()
    assert words(office, batch.id) == ["Asian"]


def test_a_devanagari_keyboard_labels_as_well(sits: Sits, office: Office) -> None:
    batch = put(office, 3, "layout")
    sita = sits("Sita", batch.id)
    here = sita.item
    sita.page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', { key: '७', code: 'Digit7', bubbles: true }))"
    )
    sita.wait(lambda: sita.item != here, "the next photo")
    sita.all_saved()
    assert words(office, batch.id) == ["Nepali"]


def test_decisions_outlive_a_lost_network_and_a_reload(sits: Sits, office: Office) -> None:
    batch = put(office, 9, "offline")
    sita = sits("Sita", batch.id)
    sita.label("1")
    sita.all_saved()
    sita.cut_off("label_decide", "label_undo")
    for key in "234":
        sita.label(key)
    sita.press("u")
    sita.label("5")
    sita.wait(lambda: "not saved yet" in sita.saved, "the truth")
    expect(sita.page.locator(".desk-saved")).to_contain_text("trying again (the server can’t be reached)")
    assert words(office, batch.id) == ["Asian"]
    sita.page.on("dialog", lambda dialog: dialog.accept())  # "leave, although not all is saved?"
    sita.reconnect()
    sita.come()
    sita.all_saved()
    assert words(office, batch.id) == ["Asian", "Black", "Hispanic", "Middle Eastern"]
    assert sita.photo == "photo 004.jpg", "goes on where it stopped"


def test_an_answer_that_is_lost_doubles_nothing(sits: Sits, office: Office) -> None:
    batch = put(office, 6, "lost answers")
    sita = sits("Sita", batch.id)
    sita.lose_answers("label_decide", 2)
    for key in "123":
        sita.label(key)
    sita.all_saved()
    sita.lose_answers("label_undo", 1)
    sita.press("u")
    sita.wait(lambda: sita.photo == "photo 002.jpg", "the last one")
    sita.all_saved()
    assert words(office, batch.id) == ["Asian", "Black"]


def test_what_the_server_refuses_stays_and_is_said(sits: Sits, office: Office) -> None:
    batch = put(office, 6, "refused")
    sita = sits("Sita", batch.id)
    odd = vocabulary.add(office.store, "Maya", "Short-lived")
    sita.come()
    vocabulary.retire(office.store, "Maya", odd.id)
    key = next(
        one["key"]
        for one in desk.labels_with_keys(vocabulary.labels(office.store, everything=True))
        if one["id"] == odd.id
    )
    sita.label(key)
    sita.wait(lambda: "Not saved: 1 decision" in sita.saved, "the refusal")
    assert "'Short-lived' is no longer offered" in sita.saved
    expect(sita.button("Short-lived")).to_have_count(0)
    expect(sita.page.locator(".desk-counts")).to_contain_text("0 by me")
    sita.label("1")
    sita.wait(lambda: words(office, batch.id) == ["Asian"], "the next decision")
    vocabulary.restore(office.store, "Maya", odd.id)
    sita.button("Send again").click()
    sita.all_saved()
    assert sorted(words(office, batch.id)) == ["Asian", "Short-lived"]
    vocabulary.retire(office.store, "Maya", odd.id)


def test_the_models_guess_is_off_then_whole_and_told_with_the_label(sits: Sits, office: Office) -> None:
    batch = put(
        office,
        5,
        "help",
        faces=[face(10, 60, probabilities("White", 0.9)), face(100, 120, probabilities("Indian", 0.72))],
    )
    sita = sits("Sita", batch.id)
    guess = sita.page.locator(".desk-guess")
    expect(guess).not_to_be_visible()
    first = int(sita.item)
    sita.label("1")
    sita.press("m")
    expect(guess).to_be_visible()
    rows = [" ".join(row.split()) for row in guess.locator("li").all_inner_texts()]
    assert rows == [
        "Asian 5.6 %",
        "Black 5.6 %",
        "Hispanic 5.6 %",
        "Indian 72 %",
        "Middle Eastern 5.6 %",
        "White 5.6 %",
    ]
    expect(guess).to_contain_text("face 2")
    second = int(sita.item)
    sita.label("2")
    sita.press("m")
    expect(guess).not_to_be_visible()
    third = int(sita.item)  # it was on screen for a moment
    sita.label("3")
    fourth = int(sita.item)
    sita.label("4")
    sita.all_saved()
    told = [judging.history(office.store, item)[0].suggestion for item in (first, second, third, fourth)]
    assert told[0] is None
    assert told[1] == {"face": 2, "probabilities": probabilities("Indian", 0.72)}
    assert told[2] == told[1]
    assert told[3] is None


def test_each_face_is_outlined_and_shown_from_nearby(sits: Sits, office: Office) -> None:
    two = [face(10, 100, probabilities("Indian", 0.7)), face(150, 80, probabilities("White", 0.9))]
    batch = put(office, 2, "faces", faces=two)
    sita = sits("Sita", batch.id)
    assert sita.page.locator(".desk-picture rect.over").count() == 2
    picture = sita.page.locator(".desk-picture img").evaluate("e => [e.naturalWidth, e.naturalHeight]")
    assert picture == [320, 240]
    sita.page.locator("#desk-unit").select_option("face")
    expect(sita.page.locator(".desk-closeup img")).to_be_visible()
    sita.leave_the_field()
    places = []
    for key in "12":
        box = sita.page.locator(".desk-picture rect.over.meant")
        places.append(float(box.get_attribute("x") or "nan"))
        sita.label(key)
    assert places == [10, 150]
    sita.all_saved()
    assert words(office, batch.id, by_face=True) == ["Asian", "Black"]
    assert words(office, batch.id) == []
    sita.come()
    expect(sita.page.locator("#desk-unit")).to_have_value("face")
    sita.wait(lambda: sita.photo == "photo 001.jpg", "the next photo's face: one goes on where one left off")


def test_two_people_at_once_never_have_the_same_photo(sits: Sits, office: Office) -> None:
    batch = put(office, 30, "two people")
    people = [sits(name, batch.id) for name in ("Sita", "Ram")]
    seen: dict[str, list[str]] = {"Sita": [], "Ram": []}
    for turn in range(40):
        for person in people:
            if person.item:
                seen[person.name].append(person.photo)
                person.label(str(1 + turn % 7))
    for person in people:
        person.all_saved()
        assert "Nothing is left for you now" in person.empty or "All 30 are judged" in person.empty
    assert not set(seen["Sita"]) & set(seen["Ram"])
    assert len(seen["Sita"]) + len(seen["Ram"]) == 30
    assert min(map(len, seen.values())) >= 10
    now = progress.progress(office.store, batch.id, "Sita")
    assert (now.judged, now.total) == (30, 30)


def test_a_phone_is_labelled_with_thumbs(sits: Sits, office: Office) -> None:
    batch = put(office, 6, "phone")
    sita = sits("Sita", batch.id, **PHONE)
    for name in ("Asian", "Nepali", "Skip"):
        sita.then_next(sita.button(name).tap)
    sita.all_saved()
    assert words(office, batch.id) == ["Asian", "Nepali", "skip"]
    small = sita.page.locator("#label-desk").evaluate(
        """desk => [...desk.querySelectorAll("button, select, summary")]
            .filter((one) => one.getClientRects().length)
            .map((one) => [one.innerText, one.getBoundingClientRect()])
            .filter(([, { width, height }]) => width < 44 || height < 44).map(([words]) => words)"""
    )
    assert small == []
    assert sita.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    together = sita.page.evaluate(
        """() => [".desk-picture", ".desk-labels", ".desk-actions"].map((part) => {
            const { top, bottom } = document.querySelector(part).getBoundingClientRect();
            return [Math.round(top), Math.round(bottom)];
        })"""
    )
    assert together[0][0] >= 0, "photo and buttons are on screen together"
    assert together[2][1] <= 844


def places(labeller: Labeller) -> list[list[float]]:
    """Where the desk's parts lie."""
    return labeller.page.evaluate(
        """() => [...document.querySelectorAll(".desk-stage, .desk-caption, .desk-labels button, .desk-actions button")]
            .map((part) => part.getBoundingClientRect()).map(({ x, y, width, height }) => [x, y, width, height])"""
    )


def test_whoever_comes_sees_photo_and_buttons_together(sits: Sits, office: Office) -> None:
    batch = put(office, 2, "together")
    sita = sits("Sita", batch.id, viewport={"width": 1440, "height": 900})
    for _, y, _, height in places(sita):
        assert y >= 0
        assert y + height <= 900


def test_nothing_moves_from_photo_to_photo(sits: Sits, office: Office) -> None:
    batch = put(office, 6, "still")
    sita = sits("Sita", batch.id)
    before = places(sita)
    sita.label("1")
    assert places(sita) == before
    sita.press("ArrowLeft")
    sita.wait(lambda: sita.verdict != "", "the photo before")
    assert places(sita) == before


def test_a_screen_reader_is_told_what_is_saved_and_what_is_next(sits: Sits, office: Office) -> None:
    batch = put(office, 5, "spoken")
    sita = sits("Sita", batch.id)
    region = sita.page.locator("#label-desk [role=status]")
    expect(region).to_have_attribute("aria-live", "polite")
    sita.label("7")
    expect(region).to_have_text("Nepali saved. Next: photo 001.jpg, 1 face.")
    sita.cut_off("label_decide")
    sita.label("1")
    sita.wait(lambda: "not saved yet" in sita.saved, "the truth")
    assert "Asian saved" not in sita.spoken
    sita.reconnect()
    expect(region).to_have_text(re.compile(r"^Asian saved\. Next: photo 002\.jpg, 1 face\.$"), timeout=30_000)
    unnamed = sita.page.locator("#label-desk").evaluate(
        """desk => [...desk.querySelectorAll("button, select, img, progress, textarea, [role=region], [role=group]")]
            .filter((one) => !(one.getAttribute("aria-label") || one.alt || one.innerText || (one.labels || []).length))
            .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert unnamed == []
    expect(sita.page.get_by_role("application", name="Labelling desk")).to_be_visible()
    expect(sita.button("Skip")).to_have_attribute("aria-keyshortcuts", "S")
    image = sita.page.get_by_role("img", name="Photo photo 002.jpg, 1 face")
    expect(image).to_be_visible()


def test_nothing_that_people_write_becomes_markup(sits: Sits, office: Office) -> None:
    attack = "<img src=x onerror=document.title='hacked'>"
    batch = put(office, 3, attack)
    vocabulary.set_guidelines(office.store, "Maya", f"# Rules\n\n- {attack}\n- **strong** & `code`\n")
    sita = sits("Sita", batch.id)
    guidelines = sita.page.locator(".desk-prose")
    expect(guidelines).to_contain_text(attack)
    assert guidelines.locator("li").count() == 2
    assert guidelines.locator("strong").inner_text() == "strong"
    sita.press("n")
    sita.page.keyboard.type(attack)
    sita.press("Enter")
    expect(sita.page.locator(".desk-remark")).to_contain_text(attack)
    assert sita.page.locator("#label-desk img").count() == 1
    assert "hacked" not in sita.page.title()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_can_be_read_by_day_and_night(sits: Sits, office: Office, scheme: str) -> None:
    batch = put(office, 3, f"contrast {scheme}")
    sita = sits("Sita", batch.id, color_scheme=scheme)
    sita.label("1")
    sita.press("m", "ArrowLeft")
    sita.wait(lambda: sita.verdict != "", "the photo before")
    contrasts = sita.page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [one for one in contrasts if one[0] < 4.5] == []
    assert sita.page.evaluate(NAMELESS) == []
