"""Who may do what: the rules, without a page."""

import pytest

from labeling.access import SAY_NAME, SIGN_IN, Access, Person, Role
from labeling.errors import AccessError, LabelError
from labeling.settings import LabelSettings

SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "sita/rangin",
    "OAUTH_CLIENT_ID": "id",
    "OAUTH_CLIENT_SECRET": "secret",
    "OAUTH_SCOPES": "openid profile",
    "OPENID_PROVIDER_URL": "https://huggingface.co",
}


def access(environment=None, **settings) -> Access:
    return Access(LabelSettings(**settings), environment or {})


def role(rules: Access, said=None, account=None) -> Role:
    return rules.person(said, account).role


def test_on_ones_own_machine_everybody_with_a_name_owns_the_project():
    rules = access()
    assert rules.person("  Sita   Rai ", None) == Person("Sita Rai", Role.OWNER)
    assert not rules.uses_sign_in
    assert rules.trouble() == ""


@pytest.mark.parametrize("environment", [{"GRADIO_SERVER_NAME": "0.0.0.0"}, {"GRADIO_SHARE": "True"}])
def test_a_server_that_others_reach_says_at_its_start_that_they_own_the_project(environment):
    assert "whoever reaches this server" in access(environment).trouble()
    assert access(environment, owners="Maya").trouble() == ""
    assert access({"GRADIO_SERVER_NAME": "127.0.0.1"}).trouble() == ""


@pytest.mark.parametrize("said", [None, "", "   ", "\t"])
def test_without_a_name_one_is_a_visitor_who_is_asked_for_it(said):
    rules = access()
    person = rules.person(said, None)
    assert person == Person("", Role.VISITOR)
    with pytest.raises(AccessError) as refused:
        rules.require(person, Role.ANNOTATOR)
    assert str(refused.value) == SAY_NAME == rules.explain(person)


def test_lists_on_ones_own_machine():
    owned = access(owners="Maya, @Sita")
    assert [role(owned, name) for name in ("Maya", "sita", "Ram")] == [Role.OWNER, Role.OWNER, Role.ANNOTATOR]
    closed = access(owners="Maya", annotators="Ram")
    assert [role(closed, name) for name in ("Maya", "Ram", "Hari")] == [
        Role.OWNER,
        Role.ANNOTATOR,
        Role.VISITOR,
    ]
    # Who limits the annotators and names no owner doesn't make everybody else an owner.
    limited = access(annotators="Ram")
    assert [role(limited, name) for name in ("Ram", "Hari")] == [Role.OWNER, Role.VISITOR]


def test_names_are_compared_as_people_read_them():
    rules = access(owners="Rḗta", annotators="x")
    assert role(rules, "re\u0304\u0301ta") == Role.OWNER
    assert role(rules, "RḖTA") == Role.OWNER
    assert role(rules, "Reta") == Role.VISITOR


def test_a_name_on_a_list_is_one_person_however_it_is_typed():
    rules = access(owners="Maya", annotators="@Sita  Devi")
    assert [rules.person(said, None).name for said in ("sita devi", "SITA DEVI", "maya", "Hari")] == [
        *("Sita Devi", "Sita Devi", "Maya", "Hari")
    ]


@pytest.mark.parametrize("said", ["=cmd()", "+1", "@SUM(A1)", "a\nb", "x" * 500])
def test_a_name_that_would_do_harm_in_a_table_is_refused(said):
    try:
        person = access().person(said, None)
    except LabelError:
        return
    assert not person.name.startswith(("=", "+", "-", "@"))
    assert "\n" not in person.name
    assert len(person.name) <= 60


@pytest.mark.parametrize("said", [5, ["Sita"], {"name": "Sita"}, True, 1.5])
def test_what_is_no_text_is_no_name(said):
    with pytest.raises(AccessError, match="is text"):
        access().person(said, None)


def test_on_a_space_only_the_account_counts():
    rules = access(SPACE, owners="sita", annotators="Ram")
    assert rules.uses_sign_in
    assert rules.can_sign_in
    assert rules.person("sita", None) == Person("", Role.VISITOR)
    assert rules.person("sita", "hari") == Person("hari", Role.VISITOR)
    assert rules.person("hari", "Sita") == Person("Sita", Role.OWNER)
    assert rules.person(None, "ram") == Person("ram", Role.ANNOTATOR)
    # What is said isn't even looked at.
    assert rules.person("=cmd()", "ram").role == Role.ANNOTATOR
    with pytest.raises(AccessError) as refused:
        rules.require(rules.person("sita", None), Role.ANNOTATOR)
    assert str(refused.value) == SIGN_IN


def test_on_a_space_an_empty_list_means_nobody():
    rules = access(SPACE)
    assert role(rules, "sita", "sita") == Role.VISITOR
    assert "RANGIN_OWNERS" in rules.trouble()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"SPACE_ID": "sita/rangin"},
        {name: value for name, value in SPACE.items() if name != "OAUTH_CLIENT_SECRET"},
        SPACE | {"OAUTH_CLIENT_ID": ""},
    ],
)
def test_where_signing_in_cannot_work_nobody_gets_in(environment):
    """Gradio's sign-in outside a Space is a mock, and without the secret anybody could write a session."""
    rules = access(environment, sign_in="huggingface", owners="sita")
    assert not rules.can_sign_in
    assert rules.trouble()
    assert rules.person("sita", "sita") == Person("", Role.VISITOR)
    assert "Nobody can sign in" in rules.explain(rules.person("sita", "sita"))


def test_a_space_whose_operator_asks_for_names_has_closed_lists_still():
    rules = access(SPACE, sign_in="name")
    assert role(rules, "Sita") == Role.VISITOR
    assert role(access(SPACE, sign_in="name", owners="Sita"), "Sita") == Role.OWNER


def test_each_role_may_what_the_ones_before_it_may():
    rules = access(owners="Maya", annotators="Ram")
    maya, ram, hari = (rules.person(name, None) for name in ("Maya", "Ram", "Hari"))
    for person in (maya, ram, hari):
        rules.require(person, Role.VISITOR)
    for person in (maya, ram):
        rules.require(person, Role.ANNOTATOR)
    rules.require(maya, Role.OWNER)
    with pytest.raises(AccessError, match="Ram is not an owner"):
        rules.require(ram, Role.OWNER)
    with pytest.raises(AccessError, match="Hari is not on"):
        rules.require(hari, Role.ANNOTATOR)


def test_everybody_is_told_in_a_sentence_how_they_stand():
    rules = access(owners="Maya", annotators="Ram")
    said = [rules.explain(rules.person(name, None)) for name in ("Maya", "Ram", "Hari", "")]
    assert len(set(said)) == 4
    assert all(sentence.endswith(".") for sentence in said)
