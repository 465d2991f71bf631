"""Read tools, keep what they hold, map it into the ledger: what other areas may call."""

from hub.syncing.service.forgetting import forget_old
from hub.syncing.service.inbox import (
    Hint,
    ask_for_rest,
    end_hints,
    keys_of,
    prune_hints,
    store_hints,
    take_hints,
)
from hub.syncing.service.listing import (
    Feed,
    count_waiting,
    feeds,
    list_streams,
    select_quarantined,
)
from hub.syncing.service.mappings import find_mapping, set_mapping
from hub.syncing.service.observing import observe
from hub.syncing.service.previewing import Preview, Previewing, columns_of
from hub.syncing.service.quarantining import (
    find_quarantined,
    quarantine,
    reject_quarantined,
    retry_all_quarantined,
    retry_quarantined,
    supersede_unseen,
    waiting_keys,
)
from hub.syncing.service.requesting import request_sync
from hub.syncing.service.runs import Counts, Report, begin_run, end_run, list_runs, prune_runs
from hub.syncing.service.scheduling import schedule_reading
from hub.syncing.service.storing import list_keys, store_records
from hub.syncing.service.streams import (
    SupersededError,
    end_reading,
    hold_stream,
    lock_stream,
    move_cursor,
    take_over,
)
from hub.syncing.service.subjects import Origin

__all__ = [
    "Counts",
    "Feed",
    "Hint",
    "Origin",
    "Preview",
    "Previewing",
    "Report",
    "SupersededError",
    "ask_for_rest",
    "begin_run",
    "columns_of",
    "count_waiting",
    "end_hints",
    "end_reading",
    "end_run",
    "feeds",
    "find_mapping",
    "find_quarantined",
    "forget_old",
    "hold_stream",
    "keys_of",
    "list_keys",
    "list_runs",
    "list_streams",
    "lock_stream",
    "move_cursor",
    "observe",
    "prune_hints",
    "prune_runs",
    "quarantine",
    "reject_quarantined",
    "request_sync",
    "retry_all_quarantined",
    "retry_quarantined",
    "schedule_reading",
    "select_quarantined",
    "set_mapping",
    "store_hints",
    "store_records",
    "supersede_unseen",
    "take_hints",
    "take_over",
    "waiting_keys",
]
