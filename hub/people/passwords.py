"""Passwords: which ones are accepted, and their argon2id hashes."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.core.errors import InvalidInputError

SHORTEST, LONGEST = 12, 256
FEWEST_DIFFERENT = 5
AT_ONCE = 2
"""Hashes computed at the same time: each takes MEMORY_KIB, and sign-ins must not take the machine down."""
MEMORY_KIB = 19_456
COMMON = ("password", "passwort", "passw0rd", "qwertyuiop", "1234567890", "letmein", "welcome", "iloveyou", "plumbline")
"""What a password may not mainly consist of; long lists are for guessers, length is what counts."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1)  # OWASP's least for argon2id, 2025
_DUMMY = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$VPGNx3ZJ3Y7bOZ3MJ8yN1F3NprmYqZ7z3J3pR6yS0qE"
_TURN = threading.BoundedSemaphore(AT_ONCE)


def check_rules(password: str, *, about: tuple[str, ...] = ()) -> None:
    """Refuse a password that is short, simple, or made of words about its owner."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInputError(f"Choose a password of {SHORTEST} to {LONGEST} characters.", field="password")
    plain = password.casefold()
    known = {word.casefold() for word in (*COMMON, *about) if len(word) > 2}  # noqa: PLR2004  # shorter ones are in everything
    rest = plain
    for word in sorted(known, key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < SHORTEST // 2 or len(set(plain)) < FEWEST_DIFFERENT:
        raise InvalidInputError(
            "This password is easily guessed: choose another, such as four words.", field="password"
        )


def hash_password(password: str) -> str:
    """Hash a password for keeping; takes tens of milliseconds, so not inside a transaction."""
    with _TURN:
        return _HASHER.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Say whether this is the password; an unknown account takes as long as a known one."""
    with _TURN:
        try:
            _HASHER.verify(password_hash or _DUMMY, password[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None
