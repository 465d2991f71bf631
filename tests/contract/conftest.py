"""Every test here is watched: what it sends, and what a sandbox answers, keeps to the vendor's contract."""

from __future__ import annotations

from tests.contract.watch import contracts

__all__ = ["contracts"]
