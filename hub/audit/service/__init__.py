"""Everything one may do with the audit trail."""

from hub.audit.service.chain import seal_entries
from hub.audit.service.checkpoints import SigningKey, last_checkpoint, make_checkpoint
from hub.audit.service.entries import SYSTEM, Actor, record
from hub.audit.service.erasure import erase, erase_person, names_told_of
from hub.audit.service.exporting import export_trail
from hub.audit.service.outside import Outside, TrailOlderError, list_unsent, resume_after_restore
from hub.audit.service.reading import EntryFilter, Seen, TrailState, list_entries, look_at, read_state
from hub.audit.service.verification import remember_verification, verify_trail

__all__ = [
    "SYSTEM",
    "Actor",
    "EntryFilter",
    "Outside",
    "Seen",
    "SigningKey",
    "TrailOlderError",
    "TrailState",
    "erase",
    "erase_person",
    "export_trail",
    "last_checkpoint",
    "list_entries",
    "list_unsent",
    "look_at",
    "make_checkpoint",
    "names_told_of",
    "read_state",
    "record",
    "remember_verification",
    "resume_after_restore",
    "seal_entries",
    "verify_trail",
]
