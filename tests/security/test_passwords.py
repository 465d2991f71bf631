"""Passwords: hashed slowly, guessed slowly, and nothing tells whether an account exists (R25, R36)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from hub.app import create_app
from hub.audit.models import AuditEntry
from hub.core.access import Role
from hub.core.errors import InvalidInputError
from hub.people import passwords
from hub.people.models import Account, SigninAttempt
from hub.people.passwords import check_rules, hash_password, matches
from hub.people.service import set_password
from hub.people.service.signin import PER_ACCOUNT, PER_ADDRESS
from tests.visitors import SignIn, Visitor, form_token_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from werkzeug.test import TestResponse

    from hub.core.area import Area
    from hub.core.database import Database
    from hub.settings import Settings
    from tests.factories import SettableClock

PASSWORD = "four plain quiet words"
WRONG = "wrong"


def test_a_hash_is_argon2id_with_its_own_salt_and_enough_work() -> None:
    first, second = hash_password(PASSWORD), hash_password(PASSWORD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert matches(PASSWORD, first)
    assert not matches(PASSWORD + " ", first)
    assert not matches("", first)


def test_no_account_costs_the_same_work_and_matches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []

    class Counting:
        def verify(self, kept: str, given: str) -> bool:
            looked_at.append(kept)
            return True  # even where the hash says yes, nobody is nobody

    monkeypatch.setattr(passwords, "_HASHER", Counting())
    assert not matches(PASSWORD, None)
    assert looked_at[0].startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_stand_in_for_no_account_is_a_hash_that_can_be_looked_at() -> None:
    assert passwords._HASHER.check_needs_rehash(passwords._DUMMY) is False
    assert not matches(PASSWORD, "not a hash at all")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "elevenchars",
        "x" * 257,
        "aaaaaaaaaaaaaaaa",
        "abababababab",
        "password1234",
        "Passw0rd-passw0rd",
        "ada@acme.example",
        "AdaLovelace1843",
        "plumbline-2026",
    ],
)
def test_an_easy_password_is_refused(password: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_rules(password, about=("Ada Lovelace", "Lovelace", "Ada", "ada@acme.example"))
    assert refused.value.extra == {"field": "password"}
    assert password not in str(refused.value) or not password


@pytest.mark.parametrize("password", [PASSWORD, "k8#Vq2!zLp0w", "пароль из слов", "x7" * 128 + "", "correct horse"])
def test_a_long_password_of_any_kind_is_accepted(password: str) -> None:
    if len(set(password)) >= passwords.FEWEST_DIFFERENT:
        check_rules(password, about=("Ada",))
    else:
        with pytest.raises(InvalidInputError):
            check_rules(password, about=("Ada",))


@pytest.fixture(scope="module")
def password_hash() -> str:
    """Hash the password once."""
    return hash_password(PASSWORD)


@pytest.fixture
def guesser(
    nobody: Visitor, signed_in: SignIn, site_database: Database, clock: SettableClock, password_hash: str
) -> Visitor:
    """Give a browser that will guess the password of `guesser.person`."""
    person = signed_in(Role.VIEWER).person
    with site_database.write() as session:
        set_password(session, person, password_hash, by="system:tests", now=clock())
    return Visitor(nobody.client, person=person, token=form_token_of(nobody.get("/sign-in")))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Guess without the slow hash: what is tested is the counting."""
    monkeypatch.setattr("hub.people.pages.account.matches", lambda given, kept: given == PASSWORD and kept is not None)


def guess(visitor: Visitor, email: str | None, password: str = WRONG, address: str = "10.0.0.1") -> TestResponse:
    data = {"csrf_token": visitor.form_token, "email": email or "", "password": password}
    return visitor.client.post("/sign-in", data=data, environ_base={"REMOTE_ADDR": address})


def test_the_right_password_signs_in(guesser: Visitor) -> None:
    assert guess(guesser, guesser.person.email, PASSWORD).status_code == 303


def test_a_wrong_password_and_no_account_get_the_same_reply(guesser: Visitor) -> None:
    known, unknown = guess(guesser, guesser.person.email), guess(guesser, "nobody@acme.example")
    assert known.status_code == unknown.status_code == 401
    assert known.text.replace(guesser.person.email or "", "") == unknown.text.replace("nobody@acme.example", "")
    assert "wrong" not in known.text


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("known", [True, False])
def test_after_ten_tries_an_account_waits_whether_it_exists_or_not(
    guesser: Visitor, clock: SettableClock, *, known: bool
) -> None:
    email = guesser.person.email if known else "nobody@acme.example"
    replies = [guess(guesser, email, address=f"10.0.0.{number}") for number in range(PER_ACCOUNT)]
    assert {reply.status_code for reply in replies} == {401}
    waits = guess(guesser, email, PASSWORD, address="10.9.9.9")
    assert (waits.status_code, waits.headers["Retry-After"]) == (429, "900")
    assert "wait 15 min" in waits.text
    clock.advance(minutes=15)
    assert guess(guesser, email, PASSWORD).status_code == (303 if known else 401)


@pytest.mark.usefixtures("quick")
def test_one_address_cannot_try_many_accounts(guesser: Visitor) -> None:
    for number in range(PER_ADDRESS):
        assert guess(guesser, f"who{number}@acme.example").status_code == 401
    assert guess(guesser, guesser.person.email, PASSWORD).status_code == 429
    assert guess(guesser, guesser.person.email, PASSWORD, address="10.0.0.2").status_code == 303


@pytest.mark.usefixtures("quick")
def test_success_forgives_the_tries_before(guesser: Visitor, site_database: Database) -> None:
    for _ in range(PER_ACCOUNT - 1):
        guess(guesser, guesser.person.email)
    assert guess(guesser, guesser.person.email, PASSWORD).status_code == 303
    with site_database.read() as session:
        kept = session.scalar(select(func.count()).select_from(SigninAttempt))
    assert kept == PER_ACCOUNT - 1  # failures still count against the address


@pytest.mark.usefixtures("quick")
def test_an_office_of_any_size_signs_in_from_one_address(guesser: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.people.service.signin.PER_ADDRESS", 3)
    for _ in range(4):
        reply = guess(guesser, guesser.person.email, PASSWORD)
        assert reply.status_code == 303
        guesser.form_token = form_token_of(guesser.get("/profile"))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("proxies", [0, 1])
def test_callers_behind_proxies_are_told_apart_only_where_the_proxies_are_known(
    site_database: Database,
    settings: Settings,
    areas: Sequence[Area],
    clock: SettableClock,
    monkeypatch: pytest.MonkeyPatch,
    *,
    proxies: int,
) -> None:
    monkeypatch.setattr("hub.people.service.signin.PER_ADDRESS", 3)
    known = settings.model_copy(update={"trusted_proxies": proxies})
    client = create_app(known, database=site_database, areas=areas, clock=clock).test_client()
    token = form_token_of(client.get("/sign-in"))

    def guess_from(address: str, email: str) -> int:
        data = {"csrf_token": token, "email": email, "password": WRONG}
        forged = {"X-Forwarded-For": f"203.0.113.{len(email)}, {address}"}  # a caller may begin the header
        return client.post("/sign-in", data=data, headers=forged).status_code

    for number in range(3):
        assert guess_from("198.51.100.1", f"who{number}@acme.example") == 401
    assert guess_from("198.51.100.1", "another@acme.example") == 429
    assert guess_from("198.51.100.2", "another@acme.example") == (401 if proxies else 429)


@pytest.mark.usefixtures("quick")
def test_tries_are_in_the_trail_without_what_was_typed(guesser: Visitor, site_database: Database) -> None:
    guess(guesser, guesser.person.email, "hunter2-hunter2")
    guess(guesser, "secret-name@acme.example")
    with site_database.read() as session:
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "signin.refused")).all()
    assert [entry.subject_id for entry in entries] == [guesser.person.public_id, None]
    assert not any("hunter2" in entry.detail or "secret-name" in entry.detail for entry in entries)


@pytest.mark.usefixtures("quick")
def test_a_disabled_account_is_like_none(guesser: Visitor, site_database: Database, clock: SettableClock) -> None:
    with site_database.write() as session:
        session.scalars(select(Account).where(Account.person_id == guesser.person.id)).one().disabled_at = clock()
    assert guess(guesser, guesser.person.email, PASSWORD).status_code == 401


@pytest.mark.parametrize("field", ["email", "password"])
def test_an_endless_field_is_refused_before_it_is_hashed(guesser: Visitor, field: str) -> None:
    data = {"csrf_token": guesser.form_token, "email": "a@b.c", "password": "x", field: "x" * 100_000}
    assert guesser.client.post("/sign-in", data=data).status_code == 422
