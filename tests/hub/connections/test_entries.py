"""Forms that are made from a connector's configuration model: drawn, filled in, read back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, SecretStr

from hub.connections.drawing import Drawing
from hub.connections.entries import FILL_IN, TYPE_AGAIN, Choice, Entry, Errors, Group, Secret, Several, Variants
from hub.connections.setting_up import told_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Key(BaseModel):
    kind: Literal["key"]
    token: SecretStr


class Login(BaseModel):
    """A name and a password."""

    kind: Literal["login"]
    name: str
    password: SecretStr


class Book(BaseModel):
    path: str
    sheet: str | None = None


class Place(BaseModel):
    city: str
    size: Literal["small", "large"] = "small"


class Everything(BaseModel):
    base_url: str = Field(description="where it is")
    auth: Annotated[Key | Login, Field(discriminator="kind")]
    colour: Colour = Colour.BLUE
    shade: Colour | None = None
    verify: bool = True
    year: int | None = None
    share: float = 0.5
    names: tuple[str, ...] = ()
    columns: dict[str, str] = Field(default_factory=dict)
    books: list[Book] = Field(default_factory=list)
    place: Place | None = None
    other: Annotated[Key | Login, Field(discriminator="kind")] | None = None
    hooks: tuple[SecretStr, ...] = Field(default=(), max_length=2)
    anything: dict[str, Any] = Field(default_factory=dict)


SCHEMA = Everything.model_json_schema()
NEEDED = {"base_url": "https://a.example", "auth": "key", "auth.key.token": "s3cret"}
STORED = {
    "base_url": "https://a.example",
    "auth": {"kind": "key", "token": "s3cret"},
    "verify": False,
    "hooks": ["one"],
}


def read(sent: dict[str, str], stored: object = None, *, keep: bool = True) -> tuple[dict[str, Any], Errors]:
    errors = Errors()
    return Drawing(SCHEMA, sent, stored, keep=keep).draw().read(sent, stored, errors), errors


def entry(name: str, sent: dict[str, str] | None = None, stored: object = None) -> Entry:
    return dict(Drawing(SCHEMA, sent or {}, stored).draw().parts)[name]


def test_every_sort_of_field_is_read_back_as_the_model_wants_it() -> None:
    sent = {
        **NEEDED,
        "colour": "red",
        "year": "2026",
        "share": "0.25",
        "names": "North\n\n South ",
        "columns": "value: Istwert",
        "books.0.path": "a.xlsx",
        "books.1.path": "",
        "books.2.path": "c.xlsx",
        "place.city": "Ulm",
        "other": "login",
        "other.login.name": "ada",
        "other.login.password": "pw",
        "hooks.0": "one",
    }

    config, errors = read(sent)

    assert errors == {}
    assert config == {
        "base_url": "https://a.example",
        "auth": {"kind": "key", "token": "s3cret"},
        "colour": "red",
        "verify": False,
        "year": 2026,
        "share": 0.25,
        "names": ["North", "South"],
        "columns": {"value": "Istwert"},
        "books": [{"path": "a.xlsx"}, {"path": "c.xlsx"}],
        "place": {"city": "Ulm"},
        "other": {"kind": "login", "name": "ada", "password": "pw"},
        "hooks": ["one"],
    }
    assert Everything.model_validate(config).books[1].path == "c.xlsx"


def test_what_is_empty_is_left_to_the_defaults_and_what_is_needed_is_asked_for() -> None:
    config, errors = read({"auth": "login", "verify": "on"})

    assert config == {"auth": {"kind": "login"}}
    assert errors == {name: [FILL_IN] for name in ("base_url", "auth.login.name", "auth.login.password")}


def test_an_optional_group_counts_only_when_something_in_it_differs_from_its_defaults() -> None:
    assert "place" not in read({**NEEDED, "place.size": "small"})[0]
    assert read({**NEEDED, "place.size": "large"})[1] == {"place.city": [FILL_IN]}


def test_numbers_words_and_pairs_that_cannot_be_read_are_told_beside_their_entry() -> None:
    _, errors = read({**NEEDED, "year": "soon", "share": "much", "colour": "green", "columns": "no colon"})

    assert set(errors) == {"year", "share", "colour", "columns"}


def test_a_form_may_not_name_variables_or_files_of_the_server() -> None:
    for line in ("env: PLUMBLINE_SECRET_KEYS", "file: /etc/shadow"):
        assert "columns" in read({**NEEDED, "columns": line})[1]


def test_a_secret_is_never_shown_and_stays_where_it_is_left_empty() -> None:
    drawn = Drawing(SCHEMA, {}, STORED).draw()
    shown = dict(drawn.show(STORED))
    config, errors = read(shown, STORED)

    assert "s3cret" not in str(shown)
    assert (config, errors) == (STORED, {})
    assert "hooks" not in read({**shown, "hooks.0.remove": "1"}, STORED)[0]


def test_a_secret_of_another_way_in_does_not_stay() -> None:
    _, errors = read({**NEEDED, "auth": "login", "auth.login.name": "ada"}, STORED)

    assert errors == {"auth.login.password": [FILL_IN]}


def test_a_kept_secret_does_not_go_to_another_address() -> None:
    _, errors = read({"base_url": "https://evil.example", "auth": "key"}, STORED, keep=False)

    assert errors == {"auth.key.token": [TYPE_AGAIN], "hooks.0": [TYPE_AGAIN]}


def test_references_and_what_no_form_can_say_stay_as_they_are() -> None:
    stored = {**STORED, "base_url": {"env": "ADDRESS"}, "anything": {"deep": [1]}}
    config, errors = read({"auth": "key"}, stored)

    assert errors == {}
    assert (config["base_url"], config["anything"]) == ({"env": "ADDRESS"}, {"deep": [1]})


def test_entries_know_how_they_look() -> None:
    colour, auth, books = entry("colour"), entry("auth"), entry("books", {"books.0.path": "a"})
    assert isinstance(colour, Choice)
    assert (colour.words, colour.default) == (("red", "blue"), "blue")
    assert isinstance(auth, Variants)
    assert list(auth.groups) == ["key", "login"]
    assert isinstance(books, Several)
    assert [type(item) for item in books.items] == [Group, Group]  # one more than was filled in
    assert entry("base_url").hint == "where it is"
    hooks = entry("hooks", stored=STORED)
    assert isinstance(hooks, Several)
    assert [isinstance(one, Secret) and one.stored for one in hooks.items] == [True, False]


def test_a_complaint_of_a_connector_is_taken_apart_by_entry() -> None:
    text = "The configuration is not right. auth.key.token: too short; not hex; names.1: bad; (whole): Value error, no"

    assert list(told_of(text, ["auth", "auth.key.token", "names"])) == [
        ("auth.key.token", "too short; not hex"),
        ("names", "bad"),
        ("", "no"),
    ]
    assert list(told_of("Something else: broke", ["names"])) == [("", "Something else: broke")]
