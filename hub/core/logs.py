"""Log lines: structured, one per happening, with secrets, addresses and payloads taken out before they are written."""

from __future__ import annotations

import logging
import logging.config
import re
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN = "[hidden]"
SECRET_WORDS = (
    "password",
    "passwd",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
    "private_key",
    "payload",
)
"""A key that contains one of these is never written with its value."""
OUR_PACKAGES = ("hub", "connectors", "rules")
PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<=://)[^/\s@]+@"), f"{HIDDEN}@"),  # user:password of an address
    (re.compile(r"(?i)\b(bearer|basic|token)\s+[\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), "[address]"),
)


def configure_logs(*, level: str, style: Literal["console", "json"]) -> None:
    """Send all log lines of this process, ours and the libraries', through one redacting formatter to stderr."""
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        drop_messages_of_exceptions,
        redact,
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*shared[:3], structlog.stdlib.ExtraAdder(), *shared[3:]],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"plumbline": formatter},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plumbline"}},
            "root": {"handlers": ["stderr"], "level": level.upper()},
            "loggers": {name: {"level": "WARNING"} for name in ("alembic", "rq", "urllib3")},
        }
    )


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Take secrets, addresses of people and payloads out of a log line."""
    return {key: HIDDEN if _is_secret(key) else _clean(value) for key, value in event.items()}


def drop_messages_of_exceptions(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep the class and the places of an exception: the messages of libraries quote the data they choked on."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["exception"] = places_of(error)
    return event


def places_of(error: BaseException) -> str:
    """Say an exception's class and where it came through our packages, in one line, without its message."""
    return f"{type(error).__name__} at {' > '.join(_places(error))}"


def place_of(error: BaseException) -> str:
    """Say where an exception came from: the deepest line of ours that it passed."""
    return _places(error)[-1]


def _places(error: BaseException) -> list[str]:
    places = [(frame.f_globals.get("__name__", "?"), line) for frame, line in _frames(error.__traceback__)]
    ours = [(module, line) for module, line in places if module.partition(".")[0] in OUR_PACKAGES]
    return [f"{module}:{line}" for module, line in ours or places] or ["an unknown place"]


def _frames(trace: TracebackType | None) -> list[tuple[Any, int]]:
    return list(traceback.walk_tb(trace))


def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in SECRET_WORDS)


def _clean(value: object) -> object:
    if isinstance(value, str):
        for pattern, replacement in PATTERNS:
            value = pattern.sub(replacement, value)
        return value
    if isinstance(value, Mapping):
        return {key: HIDDEN if _is_secret(str(key)) else _clean(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(part) for part in value]
    return value
