"""Who may train, and by which way a request has to come: the rules, without a page."""

import getpass

import pytest
from pydantic import SecretStr

from colorizer.errors import AccessError
from colorizer.sign_in import SignIn
from train.access import FOREIGN_HOST, OFF, PASSED_ON, REACHABLE, SIGN_IN, TrainAccess, Way
from train.settings import TrainSettings

SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "maya/rangin",
    "SPACE_AUTHOR_NAME": "maya",
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret",
    "OAUTH_SCOPES": "openid profile jobs",
    "OPENID_PROVIDER_URL": "https://huggingface.co",
}
REACHED = {"GRADIO_SERVER_NAME": "0.0.0.0"}
HERE = Way({"host": "127.0.0.1:7860"}, "127.0.0.1", "127.0.0.1")


def access(training: str = "auto", environment: dict[str, str] | None = None, hosts: str = "") -> TrainAccess:
    return TrainAccess(TrainSettings(training=training, training_hosts=hosts), environment or {})


def may(rules: TrainAccess, account: str | None = None, said: object = None) -> bool:
    person = rules.person(said, account)
    try:
        rules.require(person)
    except AccessError:
        assert not person.may_train
        return False
    return person.may_train


def test_who_sits_at_the_machine_trains_under_the_computers_name() -> None:
    rules = access()
    person = rules.person("somebody else", "an account")
    assert (person.name, person.may_train, person.token) == (getpass.getuser(), True, None)
    rules.require(person)
    rules.check_way(HERE)
    assert rules.trouble() == ""
    assert not rules.is_off


def test_off_is_off_for_everybody_everywhere() -> None:
    for environment in ({}, REACHED, SPACE):
        rules = access(" OFF ", environment)
        assert rules.is_off
        assert not may(rules, "maya")
        assert rules.explain(rules.person(None, "maya")) == OFF


@pytest.mark.parametrize(
    "environment", [REACHED, {"GRADIO_SERVER_NAME": "192.168.1.5"}, {"GRADIO_SHARE": "True"}]
)
def test_a_server_that_others_reach_lets_nobody_train_until_it_is_said(environment: dict[str, str]) -> None:
    for training in ("auto", getpass.getuser()):
        rules = access(training, environment)
        assert rules.is_off
        assert not may(rules)
        assert rules.explain(rules.person()) == REACHABLE
    opened = access("everybody", environment)
    assert may(opened)
    assert "whoever reaches this server" in opened.trouble()


def test_who_opens_a_server_with_a_token_is_told_what_all_may_do_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    assert "paid" not in access("everybody", REACHED).trouble()
    settings = TrainSettings(training="everybody", jobs_token=SecretStr("hf_secret"))
    said = TrainAccess(settings, REACHED).trouble()
    assert "paid jobs and publish models" in said
    assert "hf_secret" not in said


def test_names_on_ones_own_machine_are_the_computers_users() -> None:
    assert may(access(f"maya, {getpass.getuser().upper()}"))
    refused = access("maya")
    assert not may(refused, "maya", said="maya")
    assert "may not train here" in refused.explain(refused.person("maya"))


def test_on_a_space_its_owner_and_named_accounts_train_and_nobody_else() -> None:
    rules = access("auto", SPACE)
    assert may(rules, "Maya")
    assert [may(rules, account) for account in (None, "", "sita")] == [False] * 3
    assert not may(rules, None, said="maya")
    assert rules.explain(rules.person("maya", None)) == SIGN_IN
    named = access("@Sita, ram", SPACE)
    assert [may(named, account) for account in ("maya", "sita", "RAM", "hari")] == [True, True, True, False]
    assert rules.person(None, "sita").name == "sita"


def test_everybody_on_a_space_is_still_its_owner() -> None:
    """A Space is reached by the whole world, and its owner pays."""
    rules = access("everybody", SPACE)
    assert [may(rules, account) for account in ("maya", "hari", None)] == [True, False, False]
    assert "only the Space's owner" in rules.trouble()


def test_the_spaces_owner_is_the_first_half_of_its_name_where_nothing_else_says_it() -> None:
    without = {name: value for name, value in SPACE.items() if name != "SPACE_AUTHOR_NAME"}
    assert may(access("auto", without), "maya")
    assert not may(access("auto", {**without, "SPACE_ID": "/rangin"}), "")


@pytest.mark.parametrize(
    "environment",
    [
        {"SPACE_ID": "maya/rangin"},
        {"SYSTEM": "spaces"},
        {name: value for name, value in SPACE.items() if name != "OAUTH_CLIENT_SECRET"},
        SPACE | {"OAUTH_CLIENT_ID": ""},
    ],
)
def test_where_anything_says_space_and_signing_in_cannot_work_nobody_trains(
    environment: dict[str, str],
) -> None:
    for training in ("auto", "everybody", "maya"):
        rules = access(training, environment)
        assert rules.is_off
        assert not may(rules, "maya", said="maya")
        assert "hf_oauth" in rules.trouble()
        assert rules.explain(rules.person()).startswith("Nobody can train here yet")


@pytest.mark.parametrize(
    "host", ["localhost:7860", "LOCALHOST", "127.0.0.1", "127.0.0.1:80", "[::1]:7860", "127.1.2.3:1"]
)
def test_this_machines_own_addresses_are_ours(host: str) -> None:
    access().check_way(Way({"host": host}, "127.0.0.1", "127.0.0.1"))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "192.168.1.5:7860",
        "evil.example, localhost",
        "localhost@evil.example",
        "2130706433",
        "local host",
        "<b>x</b>",
        "[::1",
        "a" * 300,
    ],
)
def test_a_name_that_leads_here_for_a_moment_is_refused(host: str) -> None:
    """DNS rebinding: the browser of who sits here calls a page's own name, which now means 127.0.0.1."""
    for name in ("host", "x-forwarded-host"):
        for training in ("auto", "everybody") if "192" not in host else ("auto",):
            way = Way({"host": "localhost:7860"} | {name: host}, "127.0.0.1", "127.0.0.1")
            with pytest.raises(AccessError) as refused:
                access(training).check_way(way)
            assert str(refused.value)[:30] in (FOREIGN_HOST[:30], PASSED_ON[:30])
            assert "a" * 100 not in str(refused.value)


def test_an_open_server_is_reached_by_number_its_own_name_or_a_listed_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Atelier.lan")
    rules = access("everybody", REACHED, "rangin.example, @x")
    for host in ("192.168.1.5:7860", "[fe80::1]:7860", "atelier.lan:7860", "atelier.local", "Rangin.Example"):
        rules.check_way(Way({"host": host, "x-forwarded-for": "10.0.0.9"}, "10.0.0.9", "0.0.0.0"))
    for host in ("evil.example", "rangin.example.evil.example", "atelier"):
        with pytest.raises(AccessError, match="RANGIN_TRAINING_HOSTS"):
            rules.check_way(Way({"host": host}, "10.0.0.9", "0.0.0.0"))


@pytest.mark.parametrize(
    ("way", "why"),
    [
        (Way({"host": "localhost"}, "192.168.1.9", "127.0.0.1"), REACHABLE),
        (Way({"host": "localhost"}, "127.0.0.1", "0.0.0.0"), REACHABLE),
        (Way({"host": "localhost"}, "127.0.0.1", "127.0.0.1", is_shared=True), REACHABLE),
        (Way({"host": "localhost", "x-forwarded-for": "8.8.8.8"}, "127.0.0.1"), PASSED_ON),
        (Way({"host": "localhost", "forwarded": "for=8.8.8.8"}, "127.0.0.1"), PASSED_ON),
        (Way({"host": "localhost", "via": "1.1 proxy"}, "127.0.0.1"), PASSED_ON),
    ],
)
def test_what_came_from_elsewhere_after_all_is_refused(way: Way, why: str) -> None:
    """Whatever the environment says: how the page was really launched, and who is at the other end."""
    with pytest.raises(AccessError) as refused:
        access().check_way(way)
    assert str(refused.value) == why


def test_on_a_space_the_account_counts_and_the_way_does_not() -> None:
    access("auto", SPACE).check_way(Way({"host": "maya-rangin.hf.space", "via": "x"}, "10.1.1.1", "0.0.0.0"))


def test_a_token_is_in_no_text_about_a_person() -> None:
    from dataclasses import replace

    person = replace(access().person(), token="hf_secret")
    assert "hf_secret" not in f"{person} {person!r}"


def test_facts_of_a_space_need_both_of_its_marks() -> None:
    assert SignIn.of(SPACE).can_sign_in
    assert SignIn.of(SPACE).owner == "maya"
    half = SignIn.of({"SPACE_ID": "maya/rangin", "SPACE_AUTHOR_NAME": "maya"})
    assert (half.is_space, half.may_be_space, half.owner) == (False, True, "")
