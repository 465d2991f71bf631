"""The entries of a connector's configuration, as a page shows them and reads them back; made from its JSON Schema.

Names are those that the connector's own errors use: dotted, with the chosen variant in it (`auth.api_token.email`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hub.connections.configuration import REFERENCES

MISSING: Any = object()
"""An entry that was left empty: the connector's default counts."""
Sent = Mapping[str, str]
"""What a form holds: name of the entry -> what was typed."""
Errors = dict[str, list[str]]
FILL_IN = "Fill this in."
TYPE_AGAIN = "The address is another one now: type this secret again, so that it goes nowhere by mistake."
REMOVE = ".remove"


@dataclass(frozen=True)
class Entry:
    """One entry; `look` names the macro that draws it."""

    look: ClassVar[str]

    name: str
    label: str
    hint: str = ""
    required: bool = False

    @abstractmethod
    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401  # JSON
        """Give the value, MISSING where nothing was typed; what cannot be read is told in `errors`."""

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
        """Give what a form holds for a value; secrets are never among it."""
        if value is not None:
            yield self.name, str(value)

    def _nothing(self, errors: Errors) -> Any:  # noqa: ANN401  # MISSING
        if self.required:
            errors.setdefault(self.name, []).append(FILL_IN)
        return MISSING


@dataclass(frozen=True)
class Text(Entry):
    """A line of text."""

    look = "text"
    default: str = ""
    is_path: bool = False
    """It names a file of the server."""

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401, ARG002  # JSON; only secrets are kept
        """Give the text without the blanks around it."""
        return sent.get(self.name, "").strip() or self._nothing(errors)


@dataclass(frozen=True)
class Number(Entry):
    """A number, whole or not."""

    look = "number"
    default: str = ""
    whole: bool = True

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401, ARG002  # JSON; only secrets are kept
        """Give the number."""
        typed = sent.get(self.name, "").strip()
        if not typed:
            return self._nothing(errors)
        try:
            return int(typed) if self.whole else float(typed)
        except ValueError:
            text = "Write a whole number, such as 4." if self.whole else "Write a number, such as 0.5."
            errors.setdefault(self.name, []).append(text)
            return MISSING


@dataclass(frozen=True)
class Switch(Entry):
    """Yes or no."""

    look = "switch"
    default: str = ""

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401, ARG002  # JSON; a box is always right
        """Say whether the box is ticked."""
        return bool(sent.get(self.name))

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
        """Tick the box, or say that it is not ticked."""
        yield self.name, "on" if value else ""


@dataclass(frozen=True)
class Choice(Entry):
    """One of several words."""

    look = "choice"
    default: str = ""
    words: tuple[str, ...] = ()

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401, ARG002  # JSON; only secrets are kept
        """Give the word."""
        typed = sent.get(self.name, "")
        if typed and typed not in self.words:
            errors.setdefault(self.name, []).append(f"Choose one of {', '.join(self.words)}.")
            return MISSING
        return typed or self._nothing(errors)


@dataclass(frozen=True)
class Lines(Entry):
    """Several texts, one a line."""

    look = "lines"

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401, ARG002  # JSON; only secrets are kept
        """Give the lines that are not empty."""
        lines = [line.strip() for line in sent.get(self.name, "").splitlines() if line.strip()]
        return lines or self._nothing(errors)

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
        """Write one a line."""
        yield self.name, "\n".join(map(str, value or ()))


@dataclass(frozen=True)
class Pairs(Lines):
    """Names with a text each, `name: text`, one a line."""

    look = "pairs"

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401  # JSON
        """Give the pairs. A form may not name variables and files of the server, so those two words are refused."""
        lines = super().read(sent, kept, errors)
        if lines is MISSING:
            return MISSING
        pairs = {}
        for line in lines:
            name, colon, text = (part.strip() for part in line.partition(":"))
            if not (name and colon and text):
                errors.setdefault(self.name, []).append(f"Write `name: text` instead of {line!r}.")
            elif name in REFERENCES:
                errors.setdefault(self.name, []).append(f"{name!r} means something else here: choose another name.")
            pairs[name] = text
        return pairs

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
        """Write one a line."""
        yield self.name, "\n".join(f"{name}: {text}" for name, text in (value or {}).items())


@dataclass(frozen=True)
class Secret(Entry):
    """A secret: it is never shown; left empty, the stored one stays."""

    look = "secret"
    stored: bool = False
    keep: bool = True
    """False where the stored one would go to an address that it was not typed for."""

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401  # JSON
        """Give what was typed, else the stored one unless it is to be removed."""
        typed = sent.get(self.name, "").strip()
        if typed:
            return typed
        if self.name + REMOVE in sent or kept is None:
            return self._nothing(errors)
        if not self.keep:
            errors.setdefault(self.name, []).append(TYPE_AGAIN)
        return kept

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401, ARG002  # a secret
        """Show nothing."""
        yield from ()


@dataclass(frozen=True)
class Kept(Entry):
    """What no form can say: it stays as it is."""

    look = "kept"
    value: Any = None

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401, ARG002  # JSON; nothing is typed
        """Give the stored value."""
        return MISSING if kept is None else kept

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401, ARG002  # not for a form
        """Show nothing."""
        yield from ()


@dataclass(frozen=True)
class Group(Entry):
    """Entries that belong together. An optional group counts as given when any of it differs from its defaults."""

    look = "group"
    parts: Sequence[tuple[str, Entry]] = ()

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401  # JSON
        """Give what its entries say; a default is left to the connector, unless it was written down before."""
        before = kept if isinstance(kept, Mapping) else {}
        told: Errors = {}
        said = {key: part.read(sent, before.get(key), told) for key, part in self.parts}
        differ = {key for key, part in self.parts if self._differs(part, said[key])}
        if not self.required and not differ:
            return MISSING
        errors |= told
        return {key: value for key, value in said.items() if key in differ or (key in before and value is not MISSING)}

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
        """Show its entries."""
        for key, part in self.parts:
            if value and key in value:
                yield from part.show(value[key])

    def _differs(self, part: Entry, value: Any) -> bool:  # noqa: ANN401  # JSON
        if value is MISSING:
            return False
        shown = ("on" if value else "") if isinstance(part, Switch) else str(value)
        return part.required or shown != getattr(part, "default", None)


@dataclass(frozen=True)
class Variants(Entry):
    """One of several groups, chosen by a word that is stored with it."""

    look = "variants"
    word: str = ""
    """Key under which the choice is stored."""
    groups: Mapping[str, Group] = field(default_factory=dict)

    def chosen(self, sent: Sent) -> str:
        """Say which one was chosen: where nothing was, the first one, or none if none is needed."""
        typed = sent.get(self.name, "")
        return typed if typed in self.groups else next(iter(self.groups)) if self.required else ""

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401  # JSON
        """Give the chosen group with its word; what is stored counts only for the same choice."""
        word = self.chosen(sent)
        if not word:
            return MISSING
        same = isinstance(kept, Mapping) and kept.get(self.word) == word
        given = self.groups[word].read(sent, kept if same else None, errors)
        return {self.word: word, **({} if given is MISSING else given)}

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
        """Show the choice and its entries."""
        word = str((value or {}).get(self.word))
        if word in self.groups:
            yield self.name, word
            yield from self.groups[word].show(value)


@dataclass(frozen=True)
class Several(Entry):
    """A list whose items are entries themselves; one more than there are is offered, empty ones are left out."""

    look = "several"
    items: Sequence[Entry] = ()
    is_full: bool = False

    def read(self, sent: Sent, kept: Any, errors: Errors) -> Any:  # noqa: ANN401  # JSON
        """Give the items that say something."""
        before = list(kept) if isinstance(kept, list) else []
        padded = before + [None] * (len(self.items) - len(before))
        read = [item.read(sent, one, errors) for item, one in zip(self.items, padded, strict=False)]
        return [one for one in read if one is not MISSING] or self._nothing(errors)

    def show(self, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # JSON
        """Show each item."""
        for item, one in zip(self.items, value or (), strict=False):
            yield from item.show(one)
