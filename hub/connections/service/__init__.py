"""Connections and the one door to tools: what other areas may call."""

from hub.connections.service.budget import held_until, hold_back
from hub.connections.service.configured import (
    Configured,
    Draft,
    ManagedByFileError,
    Saved,
    add_connection,
    change_connection,
    find_configured,
    find_connection,
    list_connections,
    pause_connection,
    remove_connection,
    resume_connection,
    save_connection,
    set_stage,
    stop_broken_connection,
)
from hub.connections.service.driving import note_failed_lookup, note_lookup, settle, take
from hub.connections.service.echo import is_echo
from hub.connections.service.gates import closed_gate
from hub.connections.service.health import Spent, note_check, note_cost, note_preview, note_read
from hub.connections.service.listing import (
    Ambiguity,
    count_deliveries,
    find_delivery,
    find_health,
    find_switch,
    list_ambiguities,
    list_steps,
    prune_deliveries,
    select_deliveries,
)
from hub.connections.service.submitting import expect_ticket, log_step, release_held, retry_delivery, submit
from hub.connections.service.switch import switch_writes, writes_on
from hub.connections.service.twins import list_suspects, note_sweep

__all__ = [
    "Ambiguity",
    "Configured",
    "Draft",
    "ManagedByFileError",
    "Saved",
    "Spent",
    "add_connection",
    "change_connection",
    "closed_gate",
    "count_deliveries",
    "expect_ticket",
    "find_configured",
    "find_connection",
    "find_delivery",
    "find_health",
    "find_switch",
    "held_until",
    "hold_back",
    "is_echo",
    "list_ambiguities",
    "list_connections",
    "list_steps",
    "list_suspects",
    "log_step",
    "note_check",
    "note_cost",
    "note_failed_lookup",
    "note_lookup",
    "note_preview",
    "note_read",
    "note_sweep",
    "pause_connection",
    "prune_deliveries",
    "release_held",
    "remove_connection",
    "resume_connection",
    "retry_delivery",
    "save_connection",
    "select_deliveries",
    "set_stage",
    "settle",
    "stop_broken_connection",
    "submit",
    "switch_writes",
    "take",
    "writes_on",
]
