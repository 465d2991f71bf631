"""People's data mode: what is kept in place of a name, and that an erased person cannot be found again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.core.deployment import deployment_key, find_deployment_key
from hub.core.keyring import FixedKeyring, Key, format_keys
from hub.core.models import ActorName, DeploymentKey
from hub.core.privacy import Mode, PeopleData
from hub.core.sealing import SealedValueError, Sealer
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.core.database import Database

KEY = b"p" * 32
NAMES = st.text(min_size=1, max_size=40).filter(str.strip)
PROPERTY = hypothesis_settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def sealer(key: bytes = b"s" * 32) -> Sealer:
    return Sealer(FixedKeyring(format_keys([Key("k", key)])))


def keep(database: Database, mode: Mode, *names: str, key: bytes = KEY) -> list[str | None]:
    with database.write() as session:
        kept = PeopleData(mode, key).actors(session, names)
        return [kept[name] for name in names]


@PROPERTY
@given(NAMES)
def test_none_keeps_nothing(sqlite_database: Database, name: str) -> None:
    assert keep(sqlite_database, "none", name) == [None]
    with sqlite_database.read() as session:
        assert session.scalars(select(ActorName)).all() == []


@PROPERTY
@given(NAMES)
def test_named_keeps_the_name_without_spaces_around_it(sqlite_database: Database, name: str) -> None:
    [kept] = keep(sqlite_database, "named", f"  {name} ")
    assert kept is not None
    assert kept == kept.strip()
    assert keep(sqlite_database, "named", kept) == [kept]


@PROPERTY
@given(NAMES)
def test_a_pseudonym_is_stable_and_shows_nothing_of_the_name(sqlite_database: Database, name: str) -> None:
    first, again = keep(sqlite_database, "pseudonym", name), keep(sqlite_database, "pseudonym", name)
    assert first == again
    [pseudonym] = first
    assert pseudonym is not None
    assert pseudonym.startswith("anon-")
    assert len(pseudonym) == 25
    assume(len(name) > 4)
    assert name.strip() not in pseudonym


@PROPERTY
@given(st.lists(NAMES, max_size=20))
def test_two_names_share_a_pseudonym_only_where_they_are_one_name(sqlite_database: Database, names: list[str]) -> None:
    kept = keep(sqlite_database, "pseudonym", *names)
    alike: dict[str, str | None] = {}
    for name, pseudonym in zip(names, kept, strict=True):
        assert alike.setdefault(PeopleData("pseudonym", KEY).lookup(name), pseudonym) == pseudonym
    assert len(set(alike.values())) == len(alike)


@pytest.mark.parametrize("other", ["ada@ACME.example", " Ada@acme.example\t", "ａda@acme.example"])  # noqa: RUF001  # a full-width a
def test_case_spaces_and_width_make_no_difference(sqlite_database: Database, other: str) -> None:
    one, two = keep(sqlite_database, "pseudonym", "Ada@acme.example", other)
    assert one == two


@pytest.mark.parametrize("mode", ["none", "pseudonym", "named"])
def test_an_empty_name_is_nobody(sqlite_database: Database, mode: Mode) -> None:
    assert keep(sqlite_database, mode, "", "  ") == [None, None]
    with sqlite_database.write() as session:
        assert PeopleData(mode, KEY).actor(session, None) is None


def test_pseudonyms_are_the_same_on_both_databases_of_one_deployment_only(database: Database) -> None:
    [one] = keep(database, "pseudonym", "Ada")
    [other] = keep(database, "pseudonym", "Ada", key=b"q" * 32)
    assert one != other


def test_many_names_at_once_and_at_the_same_time_get_one_pseudonym_each(database: Database) -> None:
    names = [f"person {number}" for number in range(700)]
    with ThreadPoolExecutor(3) as pool:
        one, two, three = pool.map(lambda _: keep(database, "pseudonym", *names), range(3))
    assert one == two == three
    assert len(set(one)) == 700


def test_an_erased_person_gets_another_pseudonym_and_nothing_leads_to_the_old_one(database: Database) -> None:
    """R47: the rows of the data stay as they are; key and name together no longer find them."""
    [old, other] = keep(database, "pseudonym", "Ada", "Bo")
    people = PeopleData("pseudonym", KEY)
    with database.write() as session:
        assert people.erase(session, [" ADA", "Nobody"]) == 1
    with database.read() as session:
        assert session.scalars(select(ActorName.pseudonym)).all() == [other]
    new, still = keep(database, "pseudonym", "Ada", "Bo")
    assert new != old
    assert still == other


def test_the_key_is_made_once_and_kept_sealed(database: Database, settings: Settings) -> None:
    with database.write() as session:
        people = PeopleData.load(session, settings, sealer())
        pseudonym = people.actor(session, "Ada")
    with database.write() as session:
        assert PeopleData.load(session, settings, sealer()).actor(session, "Ada") == pseudonym
        stored = session.scalars(select(DeploymentKey.secret)).one()
        assert deployment_key(session, sealer(), "people").hex() not in stored
    with database.read() as session, pytest.raises(SealedValueError, match="another key named k"):
        find_deployment_key(session, sealer(b"x" * 32), "people")


def test_the_mode_is_the_setting(database: Database, tmp_path: Path) -> None:
    assert Settings(home=tmp_path).people_data == "pseudonym"
    with database.write() as session:
        people = PeopleData.load(session, Settings(home=tmp_path, people_data="none"), sealer())
        assert people.actor(session, "Ada") is None
