"""Signing in as on a Space, with a provider of the test's own: only who is signed in and on a list does anything."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator

import httpx
import pytest
from itsdangerous import TimestampSigner

from labeling import dump, judging
from labeling.access import SIGN_IN
from labeling.store import Store
from tests.labeling.filling import fill
from tests.labeling.space import SECRET, Provider, Space, space

BATCH = "Dashain portraits that visitors never hear of"
# What everybody may ask: who they are here, and with it nothing of the project's.
OPEN = {"label_desk", "vote_open", "_check_login_status"}  # the last one is the login button's own


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    folder = tmp_path_factory.mktemp("space") / "labels"
    folder.mkdir()
    store = Store(f"sqlite:///{folder / 'labels.db'}")
    fill(store, 3, BATCH)
    store.close()
    with (
        Provider() as provider,
        space(folder, provider, RANGIN_OWNERS="maya", RANGIN_ANNOTATORS="ram") as page,
    ):
        yield page


@pytest.fixture
def store(page: Space) -> Iterator[Store]:
    store = Store(f"sqlite:///{page.folder / 'labels.db'}")
    yield store
    store.close()


def note(page: Space, who: str, cookie: str) -> tuple[int, object]:
    """Save a note on the first photo, giving `who` as the name."""
    key = f"note-{time.time_ns()}"
    return page.run("label_decide", who, key, 1, "note", None, "seen", None, None, "http", cookie=cookie)


def signed(account: str, secret: str, seconds: float = 1000) -> str:
    """A session as Gradio writes one, signed with a secret, and good for so long."""
    info = {"userinfo": {"name": account, "preferred_username": account, "profile": "", "picture": ""}}
    data = {"oauth_info": {**info, "access_token": "x", "scope": "", "expires_at": time.time() + seconds}}
    key = hashlib.sha256(f"{secret}-v4".encode()).hexdigest()
    return "session=" + TimestampSigner(key).sign(base64.b64encode(json.dumps(data).encode())).decode()


def test_who_signs_in_and_is_on_the_list_labels_under_the_accounts_name(page, store):
    cookie = page.sign_in("ram")
    for said_name in ("", "ram", "Ram "):
        status, said = note(page, said_name, cookie)
        assert status == 200, said
        assert [event.who for event in judging.history(store, 1)][-1] == "ram"


def test_what_one_account_decided_is_not_saved_under_another_that_signed_in_since(page, store):
    before = dump.fingerprint(store)
    status, said = note(page, "maya", page.sign_in("ram"))
    assert status == 500
    assert "This is maya's, and ram is signed in here now" in said
    assert dump.fingerprint(store) == before


def test_the_page_says_who_one_is(page):
    for account, shown in (("maya", True), ("ram", True), ("hari", False)):
        status, said = page.run("label_desk", "maya", None, False, cookie=page.sign_in(account))
        assert status == 200
        assert account in json.dumps(said)
        assert (BATCH in json.dumps(said)) is shown
    status, said = page.run("label_desk", "maya", None, False)
    assert status == 200
    assert SIGN_IN in json.dumps(said)


def test_a_stranger_who_signs_in_writes_nothing(page, store):
    before = dump.fingerprint(store)
    status, said = note(page, "maya", page.sign_in("hari"))
    assert status == 500
    assert "hari is not on this project's list" in said
    assert dump.fingerprint(store) == before


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "session=nonsense",
        signed("maya", ""),
        signed("maya", "guessed"),
        base64.b64encode(b'{"oauth_info": {"userinfo": {"preferred_username": "maya"}}}').decode(),
    ],
    ids=["none", "nonsense", "signed with no secret", "signed with another", "not signed"],
)
def test_a_name_or_a_cookie_of_ones_own_making_is_nobody(page, store, cookie):
    before = dump.fingerprint(store)
    status, said = note(page, "maya", cookie)
    assert (status, said) == (500, SIGN_IN)
    assert dump.fingerprint(store) == before


def test_a_session_that_has_run_out_is_nobody(page):
    """And one that hasn't is somebody: what is signed here has the form that Gradio takes."""
    assert note(page, "", signed("maya", SECRET))[0] == 200
    assert note(page, "", signed("maya", SECRET, seconds=-1)) == (500, SIGN_IN)


def test_after_signing_out_one_is_nobody_again(page):
    cookie = page.sign_in("ram")
    assert note(page, "", cookie)[0] == 200
    assert note(page, "", page.sign_out(cookie)) == (500, SIGN_IN)


@pytest.mark.parametrize("account", [None, "hari"])
def test_no_event_of_the_tab_does_or_tells_a_visitor_anything(page, store, account):
    """Each of them is fired, by name and by number, with an owner's name where the name goes."""
    cookie = page.sign_in(account) if account else ""
    before = dump.fingerprint(store)
    refused = 0
    for event in page.events():
        given = ["maya", *[None] * (len(event["inputs"]) - 1)] if event["inputs"] else []
        answers = [json.dumps(page.join(event["id"], given, cookie), ensure_ascii=False)]
        if not event["queue"] and event["api_name"]:
            answers.append(page.post(f"run/{event['api_name']}", {"data": given}, cookie).text)
        for answer in answers:
            assert BATCH not in answer, event["api_name"]
            assert "photo 1.jpg" not in answer, event["api_name"]
            is_refused = SIGN_IN in answer or "hari is not" in answer
            refused += is_refused
            if event["api_visibility"] == "public" and event["api_name"] not in OPEN:
                assert is_refused, (event["api_name"], answer)
    assert refused >= 5
    assert dump.fingerprint(store) == before


def test_no_event_of_the_tab_lets_an_annotator_change_the_project(page, store):
    """Those that take an owner; decisions about photos have events with names, which are left out."""
    before = dump.fingerprint(store)
    cookie = page.sign_in("ram")
    for event in page.events():
        if event["api_visibility"] == "private" and event["inputs"]:
            page.join(event["id"], ["maya", *[None] * (len(event["inputs"]) - 1)], cookie)
    assert dump.fingerprint(store) == before


def test_a_page_of_another_site_cannot_use_a_visitors_session(page, store):
    before = dump.fingerprint(store)
    headers = {
        "Cookie": page.sign_in("maya"),
        "Origin": "https://evil.example",
        "Sec-Fetch-Site": "cross-site",
    }
    data = ["", "key-of-another-site", 1, "note", None, "seen", None, None, "http"]
    answer = httpx.post(f"{page.url}/gradio_api/run/label_decide", json={"data": data}, headers=headers)
    assert answer.status_code == 500
    assert "another site" in answer.json()["error"]
    assert dump.fingerprint(store) == before


@pytest.mark.browser
def test_a_person_signs_in_with_the_button_and_out_again(page, chromium):
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        visit = browser.new_page()
        visit.goto(page.url)
        role, button = visit.locator("#label-role"), visit.locator("#label-login")
        expect(role).to_contain_text(SIGN_IN, timeout=30_000)
        expect(visit.locator("#label-sections")).to_be_hidden()
        expect(visit.locator("#label-who")).to_have_count(0)  # no name to give
        assert BATCH not in visit.content()
        page.provider.account = "ram"
        button.click()
        expect(role).to_contain_text("ram: you may label and vote.", timeout=30_000)
        expect(visit.locator("#label-sections")).to_be_visible()
        expect(button).to_have_text("Logout (ram)")
        button.click()
        expect(role).to_contain_text(SIGN_IN, timeout=30_000)
        expect(visit.locator("#label-sections")).to_be_hidden()
        assert visit.locator(".toast-body").count() == 0
        browser.close()
