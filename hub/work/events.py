"""Events: what happened, told upwards. One work item per subscriber, in the publisher's transaction."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

EVENTS: dict[str, type[Event]] = {}


class Event(BaseModel):
    """Base of all events; a type belongs to the area that publishes it and is named `<noun>.<participle>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    @classmethod
    def __pydantic_init_subclass__(cls, **_kwargs: object) -> None:
        if cls.name in EVENTS:
            raise TypeError(f"event {cls.name!r} is defined twice")
        EVENTS[cls.name] = cls
