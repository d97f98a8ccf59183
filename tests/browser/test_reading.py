"""The page on a phone, in the dark, and for people who can't see it."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

# Text on the first solid background behind it, by WCAG 2's formula. Elements without text of their own don't count.
CONTRASTS = """() => {
  const numbers = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
      if (a > 0.95) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll(".gradio-container *")) {
    const text = [...element.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join("");
    const box = element.getBoundingClientRect();
    if (!text || !box.width || !box.height || element.closest("svg, footer, [role=slider]")) continue;
    const style = getComputedStyle(element);
    if (style.visibility === "hidden" || style.opacity === "0") continue;
    const [one, two] = [light(numbers(style.color)), light(behind(element))].sort((a, b) => b - a);
    found.push([Math.round((one + 0.05) / (two + 0.05) * 100) / 100, text.slice(0, 40)]);
  }
  return found;
}"""

# What a screen reader could call each control; the browser's own tree would say the same, but not for all versions.
NAMELESS = """() => [...document.querySelectorAll(
    "button, a[href], input:not([type=file]), select, textarea, [role=slider], [role=combobox]")]
  .filter(e => e.offsetParent !== null && !(e.ariaHidden === "true" && e.tabIndex < 0))
  .filter(e => !(e.getAttribute("aria-label") || e.textContent.trim() || e.title || e.labels?.length
    || e.querySelector("img[alt]:not([alt=''])")
    || document.getElementById(e.getAttribute("aria-labelledby"))))
  .map(e => e.outerHTML.slice(0, 200))"""


def _admiral(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Admiral").click()
    visitor.wait(lambda: visitor.after_source() != "", "a result")
    visitor.wait(visitor.is_after_loaded, "the result's picture")


def _open_all(visitor: Visitor) -> None:
    for title in ("Colour hints", "Three suggestions", "Compare with the true colours"):
        visitor.page.get_by_role("button", name=re.compile(f"^{title}")).click()
    expect(visitor.page.locator("#canvas img")).to_be_visible()
    expect(visitor.page.locator("#truth")).to_be_visible()


def test_phone_never_scrolls_sideways_and_brings_the_result(phone: Visitor) -> None:
    width = "[document.documentElement.scrollWidth, innerWidth]"
    assert phone.page.evaluate(width) == [390, 390]
    _admiral(phone)
    phone.wait(
        lambda: 0 <= phone.after.evaluate("i => i.getBoundingClientRect().top") < 400, "the result in sight"
    )
    _open_all(phone)
    assert phone.page.evaluate(width) == [390, 390]
    sizes = phone.page.locator("#download, .sample").evaluate_all(
        "l => l.map(e => e.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 24  # WCAG 2.2, target size


def _assert_readable(visitor: Visitor) -> None:
    measured = visitor.page.evaluate(CONTRASTS)
    assert len(measured) > 20
    poor = [(ratio, text) for ratio, text in measured if ratio < 4.5]
    assert poor == []


def test_contrast_in_the_light(visitor: Visitor) -> None:
    _assert_readable(visitor)
    _admiral(visitor)
    _open_all(visitor)
    _assert_readable(visitor)


def test_contrast_in_the_dark(phone: Visitor) -> None:
    _assert_readable(phone)
    _admiral(phone)
    _open_all(phone)
    _assert_readable(phone)


def test_every_control_has_a_name_and_every_picture_a_text(visitor: Visitor) -> None:
    assert visitor.page.evaluate(NAMELESS) == []
    _admiral(visitor)
    _open_all(visitor)
    visitor.page.locator("#hint-colour .dialog-button").click()
    expect(visitor.page.get_by_label("Colour as #rrggbb")).to_be_visible()
    assert visitor.page.evaluate(NAMELESS) == []
    silent = visitor.page.locator("#photo img, #before-after img, #boxes img, #canvas img").evaluate_all(
        "l => l.filter(i => !i.alt).map(i => i.outerHTML.slice(0, 200))"
    )
    assert silent == []
    expect(visitor.page.locator("#spoken[role=status]")).to_contain_text("One face found")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Rangin")


def test_it_says_what_the_colours_are_and_what_happens_to_the_photo(visitor: Visitor) -> None:
    about = visitor.page.locator("#about")
    for promise in ("Plausible, not the truth", "identifies nobody", "switch it off", "not kept: no history"):
        expect(about).to_contain_text(promise)


def test_regions_that_speak_are_there_before_there_is_anything_to_say(visitor: Visitor) -> None:
    regions = {"#message": "alert", "#spoken": "status"}
    for region, role in regions.items():
        expect(visitor.page.locator(region)).to_have_attribute("role", role)
        expect(visitor.page.locator(region)).to_be_empty()
        visitor.page.locator(region).evaluate("region => { region.isFirst = true; }")
    names = visitor.page.evaluate(HIDDEN_FROM_READERS)
    assert names == []
    visitor.give(("letter.png", b"Dear reader,\nthis is no picture.\n"))
    expect(visitor.page.locator("#message")).to_contain_text("This is a text file")
    _admiral(visitor)
    expect(visitor.page.locator("#spoken")).to_contain_text("One face found")
    expect(visitor.page.locator("#message")).to_be_empty()
    for region in regions:
        assert visitor.page.locator(region).evaluate("region => region.isFirst"), f"{region} was made anew"
    _open_all(visitor)
    expect(visitor.page.locator("#truth-message")).to_have_attribute("role", "alert")


# Regions that no screen reader can hear, since they or what holds them are not displayed.
HIDDEN_FROM_READERS = """() => ["message", "spoken"].filter(id => {
  for (let e = document.getElementById(id); e; e = e.parentElement) {
    const style = getComputedStyle(e);
    if (style.display === "none" || style.visibility === "hidden" || e.ariaHidden === "true") return true;
  }
  return false;
})"""


def test_headings_leave_out_no_level(visitor: Visitor) -> None:
    levels = "() => [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')]"
    levels += ".filter(h => h.offsetParent !== null).map(h => Number(h.tagName[1]))"
    for _ in range(2):  # without a result, and with one
        found = visitor.page.evaluate(levels)
        assert found[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(found)), found
        _admiral(visitor)
