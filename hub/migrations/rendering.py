"""How what is ours is written into a migration: column types, and the triggers of append-only tables."""

from __future__ import annotations

from typing import Any, Literal

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy.types import JSON, TypeEngine

from hub.audit.append_only import APPEND_ONLY

_DROP_FUNCTION = "DROP FUNCTION IF EXISTS plumbline_append_only()"


class MakeAppendOnly(ops.MigrateOperation):
    """Add the triggers that refuse to change a table, word for word: an old migration must not change with the code."""

    def __init__(self, table: str) -> None:
        self.table = table


class ForgetAppendOnly(ops.MigrateOperation):
    """Drop what the triggers leave behind on PostgreSQL when their tables are gone."""


@renderers.dispatch_for(MakeAppendOnly)
def _render_triggers(context: AutogenContext, made: MakeAppendOnly) -> list[str]:
    return [
        _execute(context, dialect, statement)
        for dialect, of_tables in APPEND_ONLY.items()
        for statement in of_tables[made.table]
    ]


@renderers.dispatch_for(ForgetAppendOnly)
def _render_forgetting(context: AutogenContext, _forgotten: ForgetAppendOnly) -> list[str]:
    return [_execute(context, "postgresql", _DROP_FUNCTION)]


def _execute(context: AutogenContext, dialect: str, statement: str) -> str:
    context.imports.add("from hub.migrations.execute import execute_on")
    return f"execute_on(op.get_bind(), {dialect!r}, {statement!r})"


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:  # noqa: ANN401  # whatever alembic renders
    """Write types of ours by their own name and import them; leave everything else to alembic."""
    if kind != "type" or not isinstance(item, TypeEngine):
        return False
    if isinstance(item, JSON):
        context.imports.add("from sqlalchemy.dialects import postgresql")
        return (
            "sa.JSON().with_variant(postgresql.JSONB(), 'postgresql')"  # alembic forgets to import what it writes here
        )
    module = type(item).__module__
    if not module.startswith("hub."):
        return False
    context.imports.add(f"from {module} import {type(item).__name__}")
    return f"{type(item).__name__}()"


def add_triggers(_context: MigrationContext, revision: object, directives: list[ops.MigrationScript]) -> None:
    """Put the triggers of new append-only tables into a generated migration."""
    for script in directives:
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        if upgrade is None or downgrade is None:
            continue
        made = {step.table_name for step in upgrade.ops if isinstance(step, ops.CreateTableOp)}
        kept = [table for table in APPEND_ONLY["sqlite"] if table in made]
        upgrade.ops += [MakeAppendOnly(table) for table in kept]
        if kept and revision == ():
            downgrade.ops.append(ForgetAppendOnly())
