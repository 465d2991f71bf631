"""What every connection to the database is prepared with."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from hub.core.database import FORGOTTEN_SECONDS, Database
from hub.settings import Settings


def test_a_frozen_process_keeps_its_locks_for_less_than_a_lease(database: Database) -> None:
    if database.is_sqlite:
        pytest.skip("a SQLite file is locked by processes of this machine only")
    for opened in (database.write, database.read):
        with opened() as session:
            said = session.scalar(text("SHOW idle_in_transaction_session_timeout"))
            session.rollback()
        assert said == f"{FORGOTTEN_SECONDS // 60}min"
    assert Settings.model_fields["lease_seconds"].default > FORGOTTEN_SECONDS
