"""Labelled steps at which a test can kill the process: `PLUMBLINE_FAILPOINT=work.claimed:3`, at the third pass."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from itertools import count

VARIABLE = "PLUMBLINE_FAILPOINT"

Failpoint = Callable[[str], None]


def no_failpoint(_label: str) -> None:
    """Do nothing: the failpoint of every process that is not under test."""


def failpoint_from(environ: Mapping[str, str]) -> Failpoint:
    """Give the failpoint that the environment asks for; without the variable there is none to pay for."""
    wish = environ.get(VARIABLE)
    if not wish:
        return no_failpoint
    label, _, passes = wish.partition(":")
    return _killer(label, int(passes or 1))


def _killer(label: str, at_pass: int) -> Failpoint:
    passes = count(1)

    def kill_here(passed: str) -> None:
        if passed == label and next(passes) == at_pass:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill_here
