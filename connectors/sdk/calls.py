"""The calls between the hub and a connector in its own process, read off the interfaces themselves.

A call is one line, `name<TAB>JSON<TAB>JSON...`; its answer is one line per item, `Type<TAB>JSON`, perhaps
`error<TAB>JSON`, and at last `end<TAB>COST`. JSON as written here holds no tab and no line break.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from connectors.sdk import errors
from connectors.sdk.errors import BrokenConnectorError, ConnectorError
from connectors.sdk.protocol import Connector, Messenger, Sink, Source, Ticketing, WebhookReceiver

TAB = b"\t"

INTERFACES: tuple[type[Connector[Any]], ...] = (Connector, Source, Sink, WebhookReceiver, Ticketing, Messenger)
WRITES = frozenset({"write", "create", "update", "comment", "transition", "send"})


@dataclass(frozen=True)
class Call:
    """One method of an interface: how its arguments and answers cross the border."""

    interface: type[Connector[Any]]
    name: str
    writes: bool

    @cached_property
    def _hints(self) -> dict[str, Any]:
        return get_type_hints(getattr(self.interface, self.name))

    @cached_property
    def arguments(self) -> dict[str, TypeAdapter[Any]]:
        """By name."""
        hints = {name: hint for name, hint in self._hints.items() if name != "return"}
        return {name: TypeAdapter(_as_list(hint)) for name, hint in hints.items()}

    @property
    def many(self) -> bool:
        """Whether it answers with items instead of one value."""
        return get_origin(self._hints["return"]) in {Iterator, Sequence}

    @cached_property
    def answers(self) -> dict[str, TypeAdapter[Any]]:
        """What an item may be, by type name."""
        answer = self._hints["return"]
        item = get_args(answer)[0] if self.many else answer
        kinds = get_args(item) if get_origin(item) in {types.UnionType, Union} else (item,)
        return {getattr(kind, "__name__", str(kind)): TypeAdapter(kind) for kind in kinds}

    def dump_arguments(self, values: Mapping[str, Any]) -> bytes:
        """Write the whole call."""
        parts = (adapter.dump_json(values[name]) for name, adapter in self.arguments.items())
        return TAB.join([self.name.encode(), *parts])

    def load_arguments(self, parts: Sequence[bytes]) -> dict[str, Any]:
        """Read the arguments of a call."""
        return {
            name: kind.validate_json(text) for (name, kind), text in zip(self.arguments.items(), parts, strict=True)
        }

    def dump_item(self, item: object) -> bytes:
        """Write one item of the answer; raises BrokenConnectorError for anything the interface does not name."""
        name = type(item).__name__
        if name not in self.answers:
            raise BrokenConnectorError(f"`{self.name}` gave a {name}; it may give {', '.join(self.answers)}.")
        return name.encode() + TAB + self.answers[name].dump_json(item)

    def load_item(self, name: str, text: bytes) -> Any:  # noqa: ANN401 - one of the interface's types
        """Read one item of the answer."""
        if name not in self.answers:
            raise BrokenConnectorError(f"`{self.name}` answered with an unknown {name!r}.")
        return self.answers[name].validate_json(text)


CALLS = {
    name: Call(interface, name, name in WRITES)
    for interface in INTERFACES
    for name in sorted(vars(interface))
    if name in interface.__abstractmethods__
}


def dump_error(error: ConnectorError, text: str) -> bytes:
    """Write an error; `text` is its message with the secrets masked."""
    known = next(kind for kind in type(error).__mro__ if getattr(errors, kind.__name__, None) is kind)
    details = {name: value for name, value in vars(error).items() if name in signature(known).parameters}
    return to_json({"kind": known.__name__, "message": text, "details": details})


def load_error(text: bytes) -> ConnectorError:
    """Read an error back as the class it was."""
    said = from_json(text)
    kind: type[ConnectorError] = getattr(errors, said["kind"])
    return kind(said["message"], **said["details"])


def _as_list(hint: Any) -> Any:  # noqa: ANN401 - a type
    """Turn an iterable into a list: it has to be read before it can be sent."""
    return list[get_args(hint)[0]] if get_origin(hint) is Iterable else hint  # type: ignore[misc]  # a type made at run time
