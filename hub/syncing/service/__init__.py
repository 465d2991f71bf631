"""Read tools, keep what they hold, map it into the ledger: what other areas may call."""

from hub.syncing.service.requesting import request_sync

__all__ = ["request_sync"]
