"""The quick look at revisions agrees with the tool that migrates."""

from __future__ import annotations

from hub.core.database import Database
from hub.core.revisions import current_revision, newest_revision


def test_the_newest_revision_is_the_one_that_alembic_calls_head() -> None:
    from hub.migrations.run import head_revision

    assert newest_revision() == head_revision()


def test_the_current_revision_is_the_one_that_alembic_wrote(empty_database: Database) -> None:
    from hub.migrations.run import upgrade

    assert current_revision(empty_database) is None
    upgrade(empty_database)
    assert current_revision(empty_database) == newest_revision()
