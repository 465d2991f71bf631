"""Secrets at rest: envelopes, keyrings and rotation (R29)."""

from __future__ import annotations

import base64
import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import MetaData, String, Text, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from hub.core import rotation
from hub.core.database import Database, Id, PublicId
from hub.core.errors import SettingError
from hub.core.keyring import FILE_NAME, FileKeyring, FixedKeyring, Key, format_keys, new_key, parse_keys
from hub.core.rotation import count_by_key, find_sealed_columns, rotate
from hub.core.sealing import Sealed, SealedValueError, Sealer, place
from hub.settings import Settings

OLD, NEW = Key("old", b"o" * 32), Key("new", b"n" * 32)


class Base(DeclarativeBase):
    """Tables of this test only."""

    metadata = MetaData()


class Vault(Base):
    """A row with secrets that has a public id."""

    __tablename__ = "vault"

    id: Mapped[Id]
    public_id: Mapped[PublicId]
    token: Mapped[Sealed]
    spare: Mapped[Sealed | None]
    note: Mapped[str] = mapped_column(Text, default="")


class Named(Base):
    """A row with a secret whose primary key is a text."""

    __tablename__ = "named"

    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    secret: Mapped[Sealed]


def sealer(*keys: Key) -> Sealer:
    return Sealer(FixedKeyring(format_keys(keys)))


@pytest.fixture
def vaults(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'vaults.db'}")
    Base.metadata.create_all(database.engine)
    yield database
    database.dispose()


def fill(database: Database, seal_with: Sealer, count: int) -> None:
    rows = [
        {"public_id": f"vlt_{n}", "token": seal_with.seal(f"secret {n}", place(Vault.token, f"vlt_{n}"))}
        for n in range(count)
    ]
    with database.write() as session:
        session.execute(insert(Vault), rows)
        session.execute(insert(Named).values(name="one", secret=seal_with.seal("alpha", place(Named.secret, "one"))))


@given(st.text(), st.text())
def test_what_was_sealed_for_a_place_opens_there(secret: str, where: str) -> None:
    box = sealer(OLD)
    assert box.open(box.seal(secret, where), where) == secret


@given(st.text(min_size=8))
def test_an_envelope_shows_nothing_of_its_secret_and_never_repeats(secret: str) -> None:
    box = sealer(OLD)
    first, second = box.seal(secret, "here"), box.seal(secret, "here")
    assert first != second
    assert secret not in first
    assert secret.encode() not in base64.urlsafe_b64decode(first.rpartition(".")[2])


def test_a_secret_moved_to_another_row_does_not_open() -> None:
    box = sealer(OLD)
    sealed = box.seal("s3cret", place(Vault.token, "vlt_1"))
    with pytest.raises(SealedValueError, match=r"vault\.token:vlt_2 was sealed for another row, or changed: enter it"):
        box.open(sealed, place(Vault.token, "vlt_2"))


def test_a_key_that_is_missing_is_named_with_the_setting() -> None:
    sealed = sealer(OLD).seal("s3cret", "here")
    with pytest.raises(SealedValueError, match="key old, which PLUMBLINE_SECRET_KEYS does not hold: add that key"):
        sealer(NEW).open(sealed, "here")


def test_another_key_under_the_same_id_is_told_from_a_damaged_secret() -> None:
    sealed = sealer(OLD).seal("s3cret", "here")
    with pytest.raises(SealedValueError, match="another key named old than the one in PLUMBLINE_SECRET_KEYS"):
        sealer(Key("old", b"x" * 32)).open(sealed, "here")


@given(st.text())
def test_any_other_text_is_refused_as_no_secret(text: str) -> None:
    with pytest.raises(SealedValueError, match="is no sealed secret"):
        sealer(OLD).open(text, "here")


@given(st.integers(min_value=0), st.sampled_from("ABCxyz019_-"))
def test_no_changed_character_goes_unnoticed(position: int, character: str) -> None:
    box = sealer(OLD)
    sealed = box.seal("a secret of some length", "here")  # 51 bytes in 68 characters: none has unused bits
    at = position % len(sealed)
    changed = sealed[:at] + character + sealed[at + 1 :]
    if changed != sealed:
        with pytest.raises(SealedValueError):
            box.open(changed, "here")


def test_errors_and_representations_hold_neither_keys_nor_secrets() -> None:
    sealed = sealer(OLD).seal("s3cret-canary", "here")
    with pytest.raises(SealedValueError) as caught:
        sealer(NEW).open(sealed, "here")
    for text in (str(caught.value), repr(OLD), repr(sealer(OLD)), repr(FixedKeyring(format_keys([OLD])))):
        assert "canary" not in text
        assert "oooo" not in text
        assert base64.b64encode(OLD.secret).decode() not in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no key"),
        ("a:%%%", "not base64"),
        ("a:AAAA", "does not have the form of a key"),
        ("AAAA", "does not have the form of a key"),
        (format_keys([OLD, Key("old", b"x" * 32)]), "the same key id twice"),
    ],
)
def test_a_broken_keyring_is_refused_by_name_of_the_setting(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message) as caught:
        FixedKeyring(text)
    assert "PLUMBLINE_SECRET_KEYS" in str(caught.value)


def test_keys_come_from_the_setting_where_it_is_set(tmp_path: Path) -> None:
    chosen = Settings(home=tmp_path / "home", secret_keys=SecretStr(format_keys([NEW, OLD]).replace("\n", ",")))
    box = Sealer.from_settings(chosen)
    assert box.origin == "PLUMBLINE_SECRET_KEYS"
    assert box.open(sealer(OLD).seal("x", "here"), "here") == "x"
    assert box.seal("x", "here").startswith("plb1.new.")
    assert not (tmp_path / "home").exists()


def test_without_the_setting_a_file_for_the_owner_only_is_made_once(tmp_path: Path) -> None:
    chosen = Settings(home=tmp_path / "home")
    sealed = Sealer.from_settings(chosen).seal("x", "here")
    path = tmp_path / "home" / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert Sealer.from_settings(chosen).open(sealed, "here") == "x"
    assert [one.name for one in path.parent.iterdir()] == [FILE_NAME]


def test_a_key_file_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path) -> None:
    FileKeyring(tmp_path)
    (tmp_path / FILE_NAME).chmod(0o640)
    with pytest.raises(SettingError, match="run `chmod 600 "):
        FileKeyring(tmp_path)


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        ids = pool.map(_first_key_id, [tmp_path] * 8, chunksize=1)
    assert len(set(ids)) == 1
    assert [one.name for one in tmp_path.iterdir()] == [FILE_NAME]


def _first_key_id(home: Path) -> str:
    return FileKeyring(home).load()[0].id


def test_a_running_process_notices_a_key_that_a_rotation_added(tmp_path: Path) -> None:
    running, rotating = FileKeyring(tmp_path), FileKeyring(tmp_path)
    key = new_key()
    rotating.add(key)
    sealed = Sealer(rotating).seal("x", "here")
    assert sealed.startswith(f"plb1.{key.id}.")
    assert Sealer(running).open(sealed, "here") == "x"
    assert running.load()[0].id == key.id
    assert len(parse_keys((tmp_path / FILE_NAME).read_text(), "file")) == 2


def test_every_sealed_column_is_found_with_the_name_of_its_row() -> None:
    found = find_sealed_columns(Base.metadata)
    assert [one.place("x") for one in found] == ["named.secret:x", "vault.token:x", "vault.spare:x"]
    assert [one.place("x") for one in found] == [
        place(Named.secret, "x"),
        place(Vault.token, "x"),
        place(Vault.spare, "x"),
    ]


def test_rotation_seals_everything_again_and_then_finds_nothing_to_do(vaults: Database) -> None:
    fill(vaults, sealer(OLD), 1200)
    rotated = rotate(vaults, sealer(NEW, OLD), find_sealed_columns(Base.metadata))
    assert (rotated.count, rotated.failures) == (1201, ())
    with vaults.read() as session:
        assert [
            (column.place(""), key, number)
            for column, key, number in count_by_key(session, find_sealed_columns(Base.metadata))
        ] == [("named.secret:", "new", 1), ("vault.token:", "new", 1200)]
        for row in session.scalars(select(Vault)):
            number = row.public_id.removeprefix("vlt_")
            assert sealer(NEW).open(row.token, place(Vault.token, row.public_id)) == f"secret {number}"
    assert rotate(vaults, sealer(NEW, OLD), find_sealed_columns(Base.metadata)).count == 0


def test_rotation_names_what_it_cannot_open_and_does_the_rest(vaults: Database) -> None:
    fill(vaults, sealer(OLD), 3)
    with vaults.write() as session:
        session.execute(
            update(Vault).where(Vault.public_id == "vlt_1").values(token=sealer(Key("gone", b"g" * 32)).seal("x", "y"))
        )
    rotated = rotate(vaults, sealer(NEW, OLD), find_sealed_columns(Base.metadata))
    assert rotated.count == 3
    assert len(rotated.failures) == 1
    assert "vault.token:vlt_1 was sealed with key gone" in rotated.failures[0]


def test_a_secret_that_is_replaced_while_keys_rotate_stays_replaced(
    vaults: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(vaults, sealer(OLD), 1)
    replaced = sealer(OLD).seal("entered meanwhile", place(Vault.token, "vlt_0"))
    read_older = rotation._older

    def read_then_replace(session: Session, *others: Any) -> Any:  # noqa: ANN401  # rotation's own
        rows = read_older(session, *others)
        if rows:
            session.execute(update(Vault).values(token=replaced))
        return rows

    monkeypatch.setattr(rotation, "_older", read_then_replace)
    tokens = [one for one in find_sealed_columns(Base.metadata) if one.name == "vault.token"]
    assert rotate(vaults, sealer(NEW, OLD), tokens).count == 0
    with vaults.read() as session:
        assert session.scalars(select(Vault.token)).one() == replaced


def test_readers_and_writers_work_on_while_keys_rotate(tmp_path: Path, vaults: Database) -> None:
    """R29: 0 failures and no downtime; the readers' and the writer's keyrings were read before the rotation."""
    reading, writing, rotating = FileKeyring(tmp_path), FileKeyring(tmp_path), FileKeyring(tmp_path)
    fill(vaults, Sealer(writing), 800)
    done = threading.Event()

    def read() -> int:
        opened = 0
        while not done.is_set():
            with vaults.read() as session:
                for row in session.scalars(select(Vault).order_by(Vault.id).limit(50)):
                    opened += Sealer(reading).open(row.token, place(Vault.token, row.public_id)).startswith("secret")
        return opened

    def write() -> None:
        for number in range(40):
            token = Sealer(writing).seal(f"secret new {number}", place(Vault.token, f"vlt_{number}"))
            with vaults.write() as session:
                session.execute(update(Vault).where(Vault.public_id == f"vlt_{number}").values(token=token))

    with ThreadPoolExecutor(2) as pool:
        reader, writer = pool.submit(read), pool.submit(write)
        rotating.add(new_key())
        rotated = rotate(vaults, Sealer(rotating), find_sealed_columns(Base.metadata))
        writer.result()
        done.set()
        assert reader.result() > 0
    assert rotated.failures == ()
    with vaults.read() as session:
        for number in range(40):
            token = session.scalars(select(Vault.token).where(Vault.public_id == f"vlt_{number}")).one()
            assert Sealer(rotating).open(token, place(Vault.token, f"vlt_{number}")) == f"secret new {number}"
