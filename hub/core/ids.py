"""Ids that people and other systems see: prefix + UUIDv7, sortable by time of creation."""

from __future__ import annotations

import secrets

import uuid_utils

PREFIX_LENGTH = 4


def new_public_id(prefix: str) -> str:
    """Make a public id such as `ser_0193c0f2a1b87c3e9d2f4b6a8c0e1d3f`; the prefix names the kind of thing."""
    return f"{prefix}_{uuid_utils.uuid7().hex}"


def new_marker() -> str:
    """Make the random 128-bit value that a ticket carries from its first moment (26 characters, base 32)."""
    number = secrets.randbits(128)
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    return "".join(digits[(number >> shift) & 31] for shift in range(125, -1, -5))
