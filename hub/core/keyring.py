"""The keyring for secrets at rest: from PLUMBLINE_SECRET_KEYS, else from a file that only its owner can read.

Newest key first: it seals, all of them open. The keyring is never part of a backup.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hub.core.errors import SettingError

SETTING = "PLUMBLINE_SECRET_KEYS"
FILE_NAME = "secret.keys"
KEY_BYTES = 32


@dataclass(frozen=True)
class Key:
    """One key of the keyring."""

    id: str
    secret: bytes = field(repr=False)

    @property
    def check(self) -> str:
        """Give eight characters that tell two keys with the same id apart, and nothing else about them."""
        return hmac.new(self.secret, b"plumbline key check", hashlib.sha256).hexdigest()[:8]


def new_key() -> Key:
    """Make a key; its id says nothing about it."""
    return Key(f"k{secrets.token_hex(4)}", secrets.token_bytes(KEY_BYTES))


def parse_keys(text: str, origin: str) -> tuple[Key, ...]:
    """Read `id:base64` pairs, separated by commas or lines, newest first; `origin` is named in errors."""
    pairs = [pair.strip() for line in text.splitlines() for pair in line.split(",") if pair.strip()]
    keys = tuple(_parse_key(pair, f"{origin}, key {number}") for number, pair in enumerate(pairs, start=1))
    if not keys:
        raise SettingError(f"{origin} holds no key: write one or more `id:base64` pairs of {KEY_BYTES} random bytes")
    if len({key.id for key in keys}) < len(keys):
        raise SettingError(f"{origin} names the same key id twice: give every key its own")
    return keys


def format_keys(keys: Sequence[Key]) -> str:
    """Write a keyring, one key a line."""
    return "".join(f"{key.id}:{base64.b64encode(key.secret).decode()}\n" for key in keys)


def _parse_key(pair: str, place: str) -> Key:
    remedy = f"write `id:base64`: an id of letters and digits, and {KEY_BYTES} bytes of `openssl rand -base64 32`"
    key_id, _, encoded = pair.partition(":")
    try:
        secret = base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise SettingError(f"{place}: the part after `:` is not base64; {remedy}") from error
    if len(secret) != KEY_BYTES or not (key_id.isascii() and key_id.isalnum()):
        raise SettingError(f"{place} does not have the form of a key; {remedy}")
    return Key(key_id, secret)


class Keyring(Protocol):
    """Where keys come from, by the name that errors give it."""

    origin: str

    def load(self) -> tuple[Key, ...]:
        """Give the keys as they are now, newest first."""


class FixedKeyring:
    """Keys from the environment: they change with a restart."""

    def __init__(self, text: str) -> None:
        self.origin = SETTING
        self._keys = parse_keys(text, SETTING)

    def load(self) -> tuple[Key, ...]:
        """Give the keys, newest first."""
        return self._keys


class FileKeyring:
    """Keys in a file of PLUMBLINE_HOME; running processes notice when a rotation adds one."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE_NAME
        self.origin = str(self.path)
        self._read: tuple[int, tuple[Key, ...]] | None = None
        if not self.path.exists():
            self._create()
        self.load()

    def load(self) -> tuple[Key, ...]:
        """Give the keys, newest first; the file is read again when it has changed."""
        try:
            status = self.path.stat()
        except FileNotFoundError as error:
            raise SettingError(f"{self.path} is gone: put the keyring back, or set {SETTING}") from error
        if self._read is None or self._read[0] != status.st_mtime_ns:
            if status.st_mode & 0o077:
                raise SettingError(f"{self.path} can be read by others: run `chmod 600 {self.path}`")
            self._read = (status.st_mtime_ns, parse_keys(self.path.read_text(encoding="utf-8"), self.origin))
        return self._read[1]

    def add(self, key: Key) -> None:
        """Put a key in front: from now on it seals, the older ones only open."""
        self._draft((key, *self.load())).replace(self.path)
        self._settle_folder()

    def _create(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._draft((new_key(),))
        with suppress(FileExistsError):  # another process just made one: that one counts
            self.path.hardlink_to(draft)
        draft.unlink()
        self._settle_folder()

    def _draft(self, keys: Sequence[Key]) -> Path:
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(format_keys(keys))
            file.flush()
            os.fsync(file.fileno())
        return draft

    def _settle_folder(self) -> None:
        # a key that a power cut takes away would take every secret with it
        handle = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
