"""initial

Revision 0001, the first one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from hub.core.instants import Instant
from hub.migrations.execute import execute_on
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('actor_name',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lookup', sa.String(length=64), nullable=False),
    sa.Column('pseudonym', sa.String(length=40), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_actor_name')),
    sa.UniqueConstraint('lookup', name=op.f('uq_actor_name_lookup')),
    sa.UniqueConstraint('pseudonym', name=op.f('uq_actor_name_pseudonym'))
    )
    op.create_table('audit_checkpoint',
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('at', Instant(), nullable=False),
    sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('signature', sa.String(length=128), nullable=False),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_audit_checkpoint'))
    )
    op.create_table('audit_entry',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('at', Instant(), nullable=False),
    sa.Column('action', sa.String(length=80), nullable=False),
    sa.Column('subject_kind', sa.String(length=40), nullable=True),
    sa.Column('subject_id', sa.String(length=80), nullable=True),
    sa.Column('done_by', sa.String(length=80), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.Column('commitment', sa.String(length=64), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_entry')),
    sa.UniqueConstraint('public_id', name=op.f('uq_audit_entry_public_id'))
    )
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.create_index('ix_audit_entry_at', ['at'], unique=False)
        batch_op.create_index('ix_audit_entry_done_by', ['done_by'], unique=False)
        batch_op.create_index('ix_audit_entry_subject', ['subject_kind', 'subject_id'], unique=False)

    op.create_table('audit_verification',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', Instant(), nullable=False),
    sa.Column('sound', sa.Boolean(), nullable=False),
    sa.Column('entries', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('finding', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit_verification'))
    )
    op.create_table('calendar',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('zone', sa.String(length=60), nullable=False),
    sa.Column('working_days', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('country', sa.String(length=2), nullable=False),
    sa.Column('subdivision', sa.String(length=10), nullable=False),
    sa.Column('days_off', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('week_start', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('year_start', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_calendar')),
    sa.UniqueConstraint('key', name=op.f('uq_calendar_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_calendar_public_id'))
    )
    op.create_table('cycle',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('starts_at', Instant(), nullable=False),
    sa.Column('ends_at', Instant(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cycle')),
    sa.UniqueConstraint('key', name=op.f('uq_cycle_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_cycle_public_id'))
    )
    op.create_table('deployment_key',
    sa.Column('name', sa.String(length=40), nullable=False),
    sa.Column('secret', sa.Text(), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_deployment_key'))
    )
    op.create_table('idempotent_reply',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('caller', sa.String(length=80), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('request_hash', sa.String(length=64), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('status', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('body', sa.Text(), nullable=True),
    sa.Column('location', sa.Text(), nullable=True),
    sa.Column('etag', sa.String(length=80), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_idempotent_reply')),
    sa.UniqueConstraint('caller', 'key', name=op.f('uq_idempotent_reply_caller_key'))
    )
    with op.batch_alter_table('idempotent_reply', schema=None) as batch_op:
        batch_op.create_index('ix_idempotent_reply_created_at', ['created_at'], unique=False)

    op.create_table('leader_lease',
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('owner', sa.String(length=80), nullable=False),
    sa.Column('until', Instant(), nullable=False),
    sa.PrimaryKeyConstraint('role', name=op.f('pk_leader_lease'))
    )
    op.create_table('org_unit',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('parent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('function', sa.String(length=40), nullable=True),
    sa.ForeignKeyConstraint(['parent_id'], ['org_unit.id'], name=op.f('fk_org_unit_parent_id_org_unit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_org_unit')),
    sa.UniqueConstraint('key', name=op.f('uq_org_unit_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_org_unit_public_id'))
    )
    with op.batch_alter_table('org_unit', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_org_unit_parent_id'), ['parent_id'], unique=False)

    op.create_table('rule',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('managed', sa.String(length=10), nullable=False),
    sa.Column('current_version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('retired_at', Instant(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rule')),
    sa.UniqueConstraint('name', name=op.f('uq_rule_name')),
    sa.UniqueConstraint('public_id', name=op.f('uq_rule_public_id'))
    )
    op.create_table('schedule',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=80), nullable=False),
    sa.Column('every_seconds', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('payload', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('next_due_at', Instant(), nullable=False),
    sa.Column('paused', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedule')),
    sa.UniqueConstraint('name', name=op.f('uq_schedule_name'))
    )
    op.create_table('signin_attempt',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('subject_hash', sa.String(length=64), nullable=False),
    sa.Column('at', Instant(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signin_attempt'))
    )
    with op.batch_alter_table('signin_attempt', schema=None) as batch_op:
        batch_op.create_index('ix_signin_attempt_subject', ['subject_hash', 'at'], unique=False)

    op.create_table('work_item',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('kind', sa.String(length=80), nullable=False),
    sa.Column('payload', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('payload_version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('queue', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('due_at', Instant(), nullable=False),
    sa.Column('attempt', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('failures', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('deaths', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('lease_owner', sa.String(length=80), nullable=True),
    sa.Column('lease_until', Instant(), nullable=True),
    sa.Column('dedupe_key', sa.String(length=200), nullable=True),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('finished_at', Instant(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_work_item')),
    sa.UniqueConstraint('dedupe_key', name=op.f('uq_work_item_dedupe_key'))
    )
    with op.batch_alter_table('work_item', schema=None) as batch_op:
        batch_op.create_index('ix_work_item_due', ['state', 'due_at'], unique=False)
        batch_op.create_index('ix_work_item_kind_state', ['kind', 'state'], unique=False)
        batch_op.create_index('ix_work_item_lease_until', ['lease_until'], unique=False)

    op.create_table('write_switch',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('is_on', sa.Boolean(), nullable=False),
    sa.Column('changed_at', Instant(), nullable=False),
    sa.Column('changed_by', sa.String(length=60), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_write_switch'))
    )
    op.create_table('audit_link',
    sa.Column('position', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('entry_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['audit_entry.id'], name=op.f('fk_audit_link_entry_id_audit_entry')),
    sa.PrimaryKeyConstraint('position', name=op.f('pk_audit_link')),
    sa.UniqueConstraint('entry_id', name=op.f('uq_audit_link_entry_id'))
    )
    op.create_table('audit_pending',
    sa.Column('entry_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['audit_entry.id'], name=op.f('fk_audit_pending_entry_id_audit_entry')),
    sa.PrimaryKeyConstraint('entry_id', name=op.f('pk_audit_pending'))
    )
    op.create_table('audit_personal',
    sa.Column('entry_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('salt', sa.String(length=32), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['entry_id'], ['audit_entry.id'], name=op.f('fk_audit_personal_entry_id_audit_entry')),
    sa.PrimaryKeyConstraint('entry_id', name=op.f('pk_audit_personal'))
    )
    op.create_table('connection',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('kind', sa.String(length=60), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('stage', sa.String(length=20), nullable=False),
    sa.Column('managed', sa.String(length=10), nullable=False),
    sa.Column('every_seconds', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('writes_per_minute', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('paused_at', Instant(), nullable=True),
    sa.Column('paused_reason', sa.Text(), nullable=True),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('removed_at', Instant(), nullable=True),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_connection_org_unit_id_org_unit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_connection')),
    sa.UniqueConstraint('public_id', name=op.f('uq_connection_public_id'))
    )
    with op.batch_alter_table('connection', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_connection_org_unit_id'), ['org_unit_id'], unique=False)
        batch_op.create_index('uq_connection_key', ['key'], unique=True, sqlite_where=sa.text('removed_at IS NULL'), postgresql_where=sa.text('removed_at IS NULL'))

    op.create_table('metric',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('unit', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('direction', sa.String(length=10), nullable=False),
    sa.Column('indicator', sa.String(length=10), nullable=True),
    sa.Column('cutoffs', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('self_reported', sa.Boolean(), nullable=False),
    sa.Column('incentive', sa.Boolean(), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_metric_org_unit_id_org_unit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_metric')),
    sa.UniqueConstraint('key', name=op.f('uq_metric_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_metric_public_id'))
    )
    with op.batch_alter_table('metric', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_metric_org_unit_id'), ['org_unit_id'], unique=False)

    op.create_table('objective',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('parent_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('cycle_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('level', sa.String(length=40), nullable=False),
    sa.Column('function', sa.String(length=40), nullable=False),
    sa.Column('stated_status', sa.String(length=20), nullable=False),
    sa.Column('retired_at', Instant(), nullable=True),
    sa.Column('recorded_at', Instant(), nullable=False),
    sa.Column('ingested_at', Instant(), nullable=False),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['cycle_id'], ['cycle.id'], name=op.f('fk_objective_cycle_id_cycle')),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_objective_org_unit_id_org_unit')),
    sa.ForeignKeyConstraint(['parent_id'], ['objective.id'], name=op.f('fk_objective_parent_id_objective')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_objective')),
    sa.UniqueConstraint('key', name=op.f('uq_objective_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_objective_public_id'))
    )
    with op.batch_alter_table('objective', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_objective_cycle_id'), ['cycle_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_objective_org_unit_id'), ['org_unit_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_objective_parent_id'), ['parent_id'], unique=False)

    op.create_table('person',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('email', sa.String(length=254), nullable=True),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('left_at', Instant(), nullable=True),
    sa.Column('time_zone', sa.String(length=60), nullable=True),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_person_org_unit_id_org_unit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person')),
    sa.UniqueConstraint('email', name=op.f('uq_person_email')),
    sa.UniqueConstraint('key', name=op.f('uq_person_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_person_public_id'))
    )
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_person_org_unit_id'), ['org_unit_id'], unique=False)

    op.create_table('rule_version',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rule_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('body', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('installed_at', Instant(), nullable=False),
    sa.Column('installed_by', sa.String(length=60), nullable=False),
    sa.ForeignKeyConstraint(['rule_id'], ['rule.id'], name=op.f('fk_rule_version_rule_id_rule')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_rule_version')),
    sa.UniqueConstraint('rule_id', 'number', name=op.f('uq_rule_version_rule_id_number'))
    )
    op.create_table('schedule_slot',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('schedule_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('due_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['schedule_id'], ['schedule.id'], name=op.f('fk_schedule_slot_schedule_id_schedule'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_schedule_slot')),
    sa.UniqueConstraint('schedule_id', 'due_at', name=op.f('uq_schedule_slot_schedule_id_due_at'))
    )
    op.create_table('share',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('entity_kind', sa.String(length=40), nullable=False),
    sa.Column('entity_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_share_org_unit_id_org_unit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_share')),
    sa.UniqueConstraint('entity_kind', 'entity_id', 'org_unit_id', name=op.f('uq_share_entity_kind_entity_id_org_unit_id'))
    )
    with op.batch_alter_table('share', schema=None) as batch_op:
        batch_op.create_index('ix_share_org_unit', ['org_unit_id', 'entity_kind'], unique=False)

    op.create_table('tested_cases',
    sa.Column('rule_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('as_of', Instant(), nullable=False),
    sa.Column('cases', sa.LargeBinary(), nullable=False),
    sa.Column('statement', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['rule_id'], ['rule.id'], name=op.f('fk_tested_cases_rule_id_rule')),
    sa.PrimaryKeyConstraint('rule_id', name=op.f('pk_tested_cases'))
    )
    op.create_table('account',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('password_hash', sa.String(length=200), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('password_changed_at', Instant(), nullable=False),
    sa.Column('disabled_at', Instant(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_account_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('person_id', name=op.f('uq_account_person_id'))
    )
    op.create_table('action_item',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('due_at', Instant(), nullable=True),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('reopenings', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('done_at', Instant(), nullable=True),
    sa.Column('ended_at', Instant(), nullable=True),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_action_item_org_unit_id_org_unit')),
    sa.ForeignKeyConstraint(['owner_id'], ['person.id'], name=op.f('fk_action_item_owner_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_action_item')),
    sa.UniqueConstraint('public_id', name=op.f('uq_action_item_public_id'))
    )
    with op.batch_alter_table('action_item', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_action_item_org_unit_id'), ['org_unit_id'], unique=False)
        batch_op.create_index('ix_action_item_state', ['state'], unique=False)

    op.create_table('alert',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('rule_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rule_version_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('subject_kind', sa.String(length=20), nullable=False),
    sa.Column('subject_id', sa.String(length=40), nullable=False),
    sa.Column('slot', sa.String(length=120), nullable=False),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('severity', sa.String(length=10), nullable=False),
    sa.Column('integrity', sa.Boolean(), nullable=False),
    sa.Column('visible_from', Instant(), nullable=False),
    sa.Column('lifecycle', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('summary', sa.Text(), nullable=False),
    sa.Column('evidence', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('occurrence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('announced', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('opened_at', Instant(), nullable=False),
    sa.Column('fired_at', Instant(), nullable=True),
    sa.Column('resolved_at', Instant(), nullable=True),
    sa.Column('tested_at', Instant(), nullable=False),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_alert_org_unit_id_org_unit')),
    sa.ForeignKeyConstraint(['rule_id'], ['rule.id'], name=op.f('fk_alert_rule_id_rule')),
    sa.ForeignKeyConstraint(['rule_version_id'], ['rule_version.id'], name=op.f('fk_alert_rule_version_id_rule_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert')),
    sa.UniqueConstraint('public_id', name=op.f('uq_alert_public_id')),
    sa.UniqueConstraint('rule_id', 'subject_kind', 'subject_id', 'slot', name=op.f('uq_alert_rule_id_subject_kind_subject_id_slot'))
    )
    with op.batch_alter_table('alert', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_alert_org_unit_id'), ['org_unit_id'], unique=False)
        batch_op.create_index('ix_alert_status', ['status'], unique=False)

    op.create_table('api_token',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('scopes', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('expires_at', Instant(), nullable=False),
    sa.Column('last_used_at', Instant(), nullable=True),
    sa.Column('revoked_at', Instant(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_api_token_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_token')),
    sa.UniqueConstraint('public_id', name=op.f('uq_api_token_public_id')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_api_token_token_hash'))
    )
    with op.batch_alter_table('api_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_api_token_person_id'), ['person_id'], unique=False)

    op.create_table('assignment',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('subject_kind', sa.String(length=20), nullable=False),
    sa.Column('subject_id', sa.String(length=40), nullable=False),
    sa.Column('duty', sa.String(length=10), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('starts_at', Instant(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('recorded_at', Instant(), nullable=False),
    sa.Column('recorded_imputed', sa.Boolean(), nullable=False),
    sa.Column('ingested_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_assignment_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_assignment')),
    sa.UniqueConstraint('public_id', name=op.f('uq_assignment_public_id'))
    )
    with op.batch_alter_table('assignment', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_assignment_person_id'), ['person_id'], unique=False)
        batch_op.create_index('ix_assignment_subject', ['subject_kind', 'subject_id', 'duty', 'starts_at'], unique=False)

    op.create_table('connection_health',
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('last_attempt_at', Instant(), nullable=True),
    sa.Column('last_success_at', Instant(), nullable=True),
    sa.Column('failing_since', Instant(), nullable=True),
    sa.Column('error_class', sa.String(length=60), nullable=True),
    sa.Column('message', sa.Text(), nullable=True),
    sa.Column('requests', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('bytes', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('seconds', sa.Float(precision=53), nullable=False),
    sa.Column('checked_at', Instant(), nullable=True),
    sa.Column('report', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=True),
    sa.Column('worst_lag_seconds', sa.Float(precision=53), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_connection_health_connection_id_connection')),
    sa.PrimaryKeyConstraint('connection_id', name=op.f('pk_connection_health'))
    )
    op.create_table('connection_version',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('config', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('secrets', sa.Text(), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('created_by', sa.String(length=60), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_connection_version_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_connection_version')),
    sa.UniqueConstraint('connection_id', 'number', name=op.f('uq_connection_version_connection_id_number')),
    sa.UniqueConstraint('public_id', name=op.f('uq_connection_version_public_id'))
    )
    op.create_table('definition',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('metric_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('version', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('wording', sa.Text(), nullable=False),
    sa.Column('formula', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('set_by', sa.String(length=80), nullable=True),
    sa.Column('starts_at', Instant(), nullable=False),
    sa.Column('recorded_at', Instant(), nullable=False),
    sa.Column('recorded_imputed', sa.Boolean(), nullable=False),
    sa.Column('ingested_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['metric_id'], ['metric.id'], name=op.f('fk_definition_metric_id_metric')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_definition')),
    sa.UniqueConstraint('metric_id', 'version', name=op.f('uq_definition_metric_id_version')),
    sa.UniqueConstraint('public_id', name=op.f('uq_definition_public_id'))
    )
    op.create_table('delivery',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('item_key', sa.String(length=200), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('body', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('body_hash', sa.String(length=64), nullable=False),
    sa.Column('marker', sa.String(length=40), nullable=True),
    sa.Column('dedupe_key', sa.String(length=200), nullable=False),
    sa.Column('origin', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('held_reason', sa.String(length=40), nullable=True),
    sa.Column('attempt', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('failures', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ambiguities', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('work_item_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('slot_at', Instant(), nullable=True),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('sent_at', Instant(), nullable=True),
    sa.Column('ambiguous_at', Instant(), nullable=True),
    sa.Column('looked_at', Instant(), nullable=True),
    sa.Column('ended_at', Instant(), nullable=True),
    sa.Column('swept_at', Instant(), nullable=True),
    sa.Column('hint_key', sa.String(length=200), nullable=True),
    sa.Column('external_key', sa.String(length=200), nullable=True),
    sa.Column('external_label', sa.String(length=200), nullable=True),
    sa.Column('external_url', sa.Text(), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_delivery_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery')),
    sa.UniqueConstraint('dedupe_key', name=op.f('uq_delivery_dedupe_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_delivery_public_id'))
    )
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.create_index('ix_delivery_external', ['connection_id', 'external_key'], unique=False)
        batch_op.create_index('ix_delivery_item', ['connection_id', 'item_key', 'id'], unique=False)
        batch_op.create_index('ix_delivery_marker', ['marker'], unique=False)
        batch_op.create_index('ix_delivery_state', ['state', 'connection_id'], unique=False)

    op.create_table('external_ref',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stream', sa.String(length=120), nullable=False),
    sa.Column('external_id', sa.String(length=300), nullable=False),
    sa.Column('role', sa.String(length=40), nullable=False),
    sa.Column('entity_kind', sa.String(length=40), nullable=False),
    sa.Column('entity_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_external_ref_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_external_ref')),
    sa.UniqueConstraint('connection_id', 'stream', 'external_id', 'role', name=op.f('uq_external_ref_connection_id_stream_external_id_role'))
    )
    with op.batch_alter_table('external_ref', schema=None) as batch_op:
        batch_op.create_index('ix_external_ref_entity', ['entity_kind', 'entity_id'], unique=False)

    op.create_table('grant',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('until', Instant(), nullable=True),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('ended_at', Instant(), nullable=True),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_grant_org_unit_id_org_unit')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_grant_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grant')),
    sa.UniqueConstraint('public_id', name=op.f('uq_grant_public_id'))
    )
    with op.batch_alter_table('grant', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_grant_org_unit_id'), ['org_unit_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_grant_person_id'), ['person_id'], unique=False)

    op.create_table('link',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('source_kind', sa.String(length=20), nullable=False),
    sa.Column('source_id', sa.String(length=200), nullable=False),
    sa.Column('target_kind', sa.String(length=20), nullable=False),
    sa.Column('target_id', sa.String(length=200), nullable=False),
    sa.Column('owner_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('since', Instant(), nullable=True),
    sa.Column('ended_at', Instant(), nullable=True),
    sa.Column('recorded_at', Instant(), nullable=False),
    sa.Column('ingested_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['owner_id'], ['person.id'], name=op.f('fk_link_owner_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_link')),
    sa.UniqueConstraint('public_id', name=op.f('uq_link_public_id'))
    )
    with op.batch_alter_table('link', schema=None) as batch_op:
        batch_op.create_index('ix_link_source', ['source_kind', 'source_id'], unique=False)
        batch_op.create_index('ix_link_target', ['target_kind', 'target_id'], unique=False)

    op.create_table('mapping',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_mapping_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mapping')),
    sa.UniqueConstraint('connection_id', name=op.f('uq_mapping_connection_id')),
    sa.UniqueConstraint('public_id', name=op.f('uq_mapping_public_id'))
    )
    op.create_table('rate_budget',
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('next_slot_at', Instant(), nullable=False),
    sa.Column('held_until', Instant(), nullable=True),
    sa.Column('held_reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_rate_budget_connection_id_connection')),
    sa.PrimaryKeyConstraint('connection_id', name=op.f('pk_rate_budget'))
    )
    op.create_table('record',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stream', sa.String(length=120), nullable=False),
    sa.Column('key', sa.String(length=200), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('data', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('version', sa.String(length=200), nullable=True),
    sa.Column('place', sa.Text(), nullable=True),
    sa.Column('deleted', sa.Boolean(), nullable=False),
    sa.Column('ours', sa.Boolean(), nullable=False),
    sa.Column('changed_at', Instant(), nullable=True),
    sa.Column('read_at', Instant(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_record_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_record')),
    sa.UniqueConstraint('connection_id', 'stream', 'key', name=op.f('uq_record_connection_id_stream_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_record_public_id'))
    )
    op.create_table('series',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('metric_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('segment', sa.String(length=120), nullable=False),
    sa.Column('cadence', sa.String(length=20), nullable=False),
    sa.Column('calendar_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('latency', sa.String(length=20), nullable=False),
    sa.Column('since', Instant(), nullable=True),
    sa.Column('validation_policy', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('function', sa.String(length=40), nullable=False),
    sa.Column('guardrail_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('system_of_record_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('peers', sa.String(length=80), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('status', sa.String(length=10), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('first_ingested_at', Instant(), nullable=True),
    sa.Column('org_unit_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['calendar_id'], ['calendar.id'], name=op.f('fk_series_calendar_id_calendar')),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_series_connection_id_connection')),
    sa.ForeignKeyConstraint(['guardrail_id'], ['series.id'], name=op.f('fk_series_guardrail_id_series')),
    sa.ForeignKeyConstraint(['metric_id'], ['metric.id'], name=op.f('fk_series_metric_id_metric')),
    sa.ForeignKeyConstraint(['org_unit_id'], ['org_unit.id'], name=op.f('fk_series_org_unit_id_org_unit')),
    sa.ForeignKeyConstraint(['system_of_record_id'], ['series.id'], name=op.f('fk_series_system_of_record_id_series')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_series')),
    sa.UniqueConstraint('key', name=op.f('uq_series_key')),
    sa.UniqueConstraint('metric_id', 'org_unit_id', 'segment', name=op.f('uq_series_metric_id_org_unit_id_segment')),
    sa.UniqueConstraint('public_id', name=op.f('uq_series_public_id'))
    )
    with op.batch_alter_table('series', schema=None) as batch_op:
        batch_op.create_index('ix_series_connection_id', ['connection_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_series_org_unit_id'), ['org_unit_id'], unique=False)

    op.create_table('setup_token',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('expires_at', Instant(), nullable=True),
    sa.Column('used_at', Instant(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_setup_token_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_setup_token')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_setup_token_token_hash'))
    )
    with op.batch_alter_table('setup_token', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_setup_token_person_id'), ['person_id'], unique=False)

    op.create_table('signin_session',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('id_hash', sa.String(length=64), nullable=False),
    sa.Column('person_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('seen_at', Instant(), nullable=False),
    sa.Column('ended_at', Instant(), nullable=True),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_signin_session_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_signin_session')),
    sa.UniqueConstraint('id_hash', name=op.f('uq_signin_session_id_hash'))
    )
    with op.batch_alter_table('signin_session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_signin_session_person_id'), ['person_id'], unique=False)

    op.create_table('stream_state',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stream', sa.String(length=120), nullable=False),
    sa.Column('cursor', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=True),
    sa.Column('run', sa.String(length=40), nullable=True),
    sa.Column('census_due', sa.Boolean(), nullable=False),
    sa.Column('census_at', Instant(), nullable=True),
    sa.Column('read_at', Instant(), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_stream_state_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stream_state')),
    sa.UniqueConstraint('connection_id', 'stream', name=op.f('uq_stream_state_connection_id_stream'))
    )
    op.create_table('sync_run',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('mode', sa.String(length=10), nullable=False),
    sa.Column('started_at', Instant(), nullable=False),
    sa.Column('ended_at', Instant(), nullable=True),
    sa.Column('counts', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('requests', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('bytes', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('error_class', sa.String(length=60), nullable=True),
    sa.Column('message', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_sync_run_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sync_run')),
    sa.UniqueConstraint('public_id', name=op.f('uq_sync_run_public_id'))
    )
    with op.batch_alter_table('sync_run', schema=None) as batch_op:
        batch_op.create_index('ix_sync_run_connection', ['connection_id', 'id'], unique=False)

    op.create_table('webhook_inbox',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('event_id', sa.String(length=200), nullable=False),
    sa.Column('touched', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('received_at', Instant(), nullable=False),
    sa.Column('taken_by', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('done_at', Instant(), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_webhook_inbox_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_inbox')),
    sa.UniqueConstraint('connection_id', 'event_id', name=op.f('uq_webhook_inbox_connection_id_event_id'))
    )
    with op.batch_alter_table('webhook_inbox', schema=None) as batch_op:
        batch_op.create_index('ix_webhook_inbox_waiting', ['connection_id', 'done_at', 'taken_by'], unique=False)

    op.create_table('written_value',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stream', sa.String(length=120), nullable=False),
    sa.Column('record_key', sa.String(length=200), nullable=False),
    sa.Column('field', sa.String(length=120), nullable=False),
    sa.Column('value', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('written_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_written_value_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_written_value')),
    sa.UniqueConstraint('connection_id', 'stream', 'record_key', 'field', name=op.f('uq_written_value_connection_id_stream_record_key_field'))
    )
    op.create_table('action_step',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('action_item_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', Instant(), nullable=False),
    sa.Column('step', sa.String(length=30), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['action_item_id'], ['action_item.id'], name=op.f('fk_action_step_action_item_id_action_item')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_action_step'))
    )
    with op.batch_alter_table('action_step', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_action_step_action_item_id'), ['action_item_id'], unique=False)

    op.create_table('alert_step',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('alert_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('occurrence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', Instant(), nullable=False),
    sa.Column('step', sa.String(length=30), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_alert_step_alert_id_alert')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert_step'))
    )
    with op.batch_alter_table('alert_step', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_alert_step_alert_id'), ['alert_id'], unique=False)

    op.create_table('delivery_step',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('delivery_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('at', Instant(), nullable=False),
    sa.Column('step', sa.String(length=30), nullable=False),
    sa.Column('detail', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['delivery.id'], name=op.f('fk_delivery_step_delivery_id_delivery')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_delivery_step'))
    )
    with op.batch_alter_table('delivery_step', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_delivery_step_delivery_id'), ['delivery_id'], unique=False)

    op.create_table('key_result',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('name', sa.String(length=300), nullable=False),
    sa.Column('objective_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('series_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('cycle_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('baseline', sa.Float(precision=53), nullable=True),
    sa.Column('target', sa.Float(precision=53), nullable=True),
    sa.Column('stated_status', sa.String(length=20), nullable=False),
    sa.Column('retired_at', Instant(), nullable=True),
    sa.Column('recorded_at', Instant(), nullable=False),
    sa.Column('ingested_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['cycle_id'], ['cycle.id'], name=op.f('fk_key_result_cycle_id_cycle')),
    sa.ForeignKeyConstraint(['objective_id'], ['objective.id'], name=op.f('fk_key_result_objective_id_objective')),
    sa.ForeignKeyConstraint(['series_id'], ['series.id'], name=op.f('fk_key_result_series_id_series')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_key_result')),
    sa.UniqueConstraint('key', name=op.f('uq_key_result_key')),
    sa.UniqueConstraint('public_id', name=op.f('uq_key_result_public_id'))
    )
    with op.batch_alter_table('key_result', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_key_result_objective_id'), ['objective_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_key_result_series_id'), ['series_id'], unique=False)

    op.create_table('mapping_version',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('mapping_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('body', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('created_at', Instant(), nullable=False),
    sa.Column('created_by', sa.String(length=60), nullable=False),
    sa.ForeignKeyConstraint(['mapping_id'], ['mapping.id'], name=op.f('fk_mapping_version_mapping_id_mapping')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mapping_version')),
    sa.UniqueConstraint('mapping_id', 'number', name=op.f('uq_mapping_version_mapping_id_number'))
    )
    op.create_table('observation',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('series_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('period_start', Instant(), nullable=False),
    sa.Column('period_end', Instant(), nullable=False),
    sa.Column('value', sa.Float(precision=53), nullable=True),
    sa.Column('numerator', sa.Float(precision=53), nullable=True),
    sa.Column('denominator', sa.Float(precision=53), nullable=True),
    sa.Column('recorded_at', Instant(), nullable=False),
    sa.Column('recorded_imputed', sa.Boolean(), nullable=False),
    sa.Column('ingested_at', Instant(), nullable=False),
    sa.Column('released_at', Instant(), nullable=True),
    sa.Column('reported_by', sa.String(length=80), nullable=True),
    sa.Column('source', sa.String(length=200), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['series_id'], ['series.id'], name=op.f('fk_observation_series_id_series')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_observation'))
    )
    with op.batch_alter_table('observation', schema=None) as batch_op:
        batch_op.create_index('ix_observation_version', ['series_id', 'period_start', 'recorded_at'], unique=False)

    op.create_table('quarantined',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stream', sa.String(length=120), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('record_key', sa.String(length=200), nullable=True),
    sa.Column('series_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('place', sa.Text(), nullable=False),
    sa.Column('field', sa.String(length=200), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('remedy', sa.Text(), nullable=False),
    sa.Column('raw', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=True),
    sa.Column('found_at', Instant(), nullable=False),
    sa.Column('seen_at', Instant(), nullable=False),
    sa.Column('closed_at', Instant(), nullable=True),
    sa.Column('closed_by', sa.String(length=60), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_quarantined_connection_id_connection')),
    sa.ForeignKeyConstraint(['series_id'], ['series.id'], name=op.f('fk_quarantined_series_id_series')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quarantined')),
    sa.UniqueConstraint('public_id', name=op.f('uq_quarantined_public_id'))
    )
    with op.batch_alter_table('quarantined', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_quarantined_series_id'), ['series_id'], unique=False)
        batch_op.create_index('ix_quarantined_waiting', ['connection_id', 'stream', 'state'], unique=False)

    op.create_table('record_version',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('record_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('number', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('data', sa.JSON().with_variant(postgresql.JSONB(), 'postgresql'), nullable=False),
    sa.Column('deleted', sa.Boolean(), nullable=False),
    sa.Column('changed_at', Instant(), nullable=True),
    sa.Column('read_at', Instant(), nullable=False),
    sa.Column('replaced_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['record_id'], ['record.id'], name=op.f('fk_record_version_record_id_record')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_record_version')),
    sa.UniqueConstraint('record_id', 'number', name=op.f('uq_record_version_record_id_number'))
    )
    op.create_table('series_column',
    sa.Column('series_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('stretch', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('rows', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('starts', sa.LargeBinary(), nullable=False),
    sa.Column('ends', sa.LargeBinary(), nullable=False),
    sa.Column('recorded', sa.LargeBinary(), nullable=False),
    sa.Column('imputed', sa.LargeBinary(), nullable=False),
    sa.Column('values', sa.LargeBinary(), nullable=False),
    sa.Column('numerators', sa.LargeBinary(), nullable=False),
    sa.Column('denominators', sa.LargeBinary(), nullable=False),
    sa.Column('texts', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['series_id'], ['series.id'], name=op.f('fk_series_column_series_id_series')),
    sa.PrimaryKeyConstraint('series_id', 'stretch', name=op.f('pk_series_column'))
    )
    op.create_table('target',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('series_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('period_start', Instant(), nullable=False),
    sa.Column('period_end', Instant(), nullable=False),
    sa.Column('target', sa.Float(precision=53), nullable=True),
    sa.Column('threshold', sa.Float(precision=53), nullable=True),
    sa.Column('stretch', sa.Float(precision=53), nullable=True),
    sa.Column('set_by', sa.String(length=80), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('recorded_at', Instant(), nullable=False),
    sa.Column('recorded_imputed', sa.Boolean(), nullable=False),
    sa.Column('ingested_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['series_id'], ['series.id'], name=op.f('fk_target_series_id_series')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_target')),
    sa.UniqueConstraint('public_id', name=op.f('uq_target_public_id'))
    )
    with op.batch_alter_table('target', schema=None) as batch_op:
        batch_op.create_index('ix_target_version', ['series_id', 'period_start', 'recorded_at'], unique=False)

    op.create_table('ticket',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('public_id', sa.String(length=40), nullable=False),
    sa.Column('action_item_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('connection_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('group_key', sa.String(length=200), nullable=False),
    sa.Column('occurrence', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('marker', sa.String(length=26), nullable=False),
    sa.Column('external_key', sa.String(length=200), nullable=True),
    sa.Column('label', sa.String(length=200), nullable=True),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('state', sa.String(length=20), nullable=True),
    sa.Column('created_at', Instant(), nullable=False),
    sa.ForeignKeyConstraint(['action_item_id'], ['action_item.id'], name=op.f('fk_ticket_action_item_id_action_item')),
    sa.ForeignKeyConstraint(['connection_id'], ['connection.id'], name=op.f('fk_ticket_connection_id_connection')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket')),
    sa.UniqueConstraint('connection_id', 'group_key', 'occurrence', name=op.f('uq_ticket_connection_id_group_key_occurrence')),
    sa.UniqueConstraint('marker', name=op.f('uq_ticket_marker')),
    sa.UniqueConstraint('public_id', name=op.f('uq_ticket_public_id'))
    )
    with op.batch_alter_table('ticket', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ticket_action_item_id'), ['action_item_id'], unique=False)
        batch_op.create_index('ix_ticket_external', ['connection_id', 'external_key'], unique=False)

    op.create_table('ticket_alert',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ticket_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('alert_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_ticket_alert_alert_id_alert')),
    sa.ForeignKeyConstraint(['ticket_id'], ['ticket.id'], name=op.f('fk_ticket_alert_ticket_id_ticket')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ticket_alert')),
    sa.UniqueConstraint('ticket_id', 'alert_id', name=op.f('uq_ticket_alert_ticket_id_alert_id'))
    )
    with op.batch_alter_table('ticket_alert', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ticket_alert_alert_id'), ['alert_id'], unique=False)

    execute_on(op.get_bind(), 'sqlite', "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit_entry is append-only: UPDATE is refused'); END")
    execute_on(op.get_bind(), 'sqlite', "CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry BEGIN SELECT RAISE(ABORT, 'audit_entry is append-only: DELETE is refused'); END")
    execute_on(op.get_bind(), 'postgresql', "\nCREATE OR REPLACE FUNCTION plumbline_append_only() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' is refused';\nEND $$\n")
    execute_on(op.get_bind(), 'postgresql', 'CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION plumbline_append_only()')
    execute_on(op.get_bind(), 'sqlite', "CREATE TRIGGER audit_link_no_update BEFORE UPDATE ON audit_link BEGIN SELECT RAISE(ABORT, 'audit_link is append-only: UPDATE is refused'); END")
    execute_on(op.get_bind(), 'sqlite', "CREATE TRIGGER audit_link_no_delete BEFORE DELETE ON audit_link BEGIN SELECT RAISE(ABORT, 'audit_link is append-only: DELETE is refused'); END")
    execute_on(op.get_bind(), 'postgresql', "\nCREATE OR REPLACE FUNCTION plumbline_append_only() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' is refused';\nEND $$\n")
    execute_on(op.get_bind(), 'postgresql', 'CREATE TRIGGER audit_link_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_link FOR EACH STATEMENT EXECUTE FUNCTION plumbline_append_only()')
    execute_on(op.get_bind(), 'sqlite', "CREATE TRIGGER audit_checkpoint_no_update BEFORE UPDATE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is append-only: UPDATE is refused'); END")
    execute_on(op.get_bind(), 'sqlite', "CREATE TRIGGER audit_checkpoint_no_delete BEFORE DELETE ON audit_checkpoint BEGIN SELECT RAISE(ABORT, 'audit_checkpoint is append-only: DELETE is refused'); END")
    execute_on(op.get_bind(), 'postgresql', "\nCREATE OR REPLACE FUNCTION plumbline_append_only() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' is refused';\nEND $$\n")
    execute_on(op.get_bind(), 'postgresql', 'CREATE TRIGGER audit_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint FOR EACH STATEMENT EXECUTE FUNCTION plumbline_append_only()')
    execute_on(op.get_bind(), 'sqlite', "CREATE TRIGGER audit_personal_no_update BEFORE UPDATE ON audit_personal BEGIN SELECT RAISE(ABORT, 'audit_personal is append-only: UPDATE is refused'); END")
    execute_on(op.get_bind(), 'postgresql', "\nCREATE OR REPLACE FUNCTION plumbline_append_only() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' is refused';\nEND $$\n")
    execute_on(op.get_bind(), 'postgresql', 'CREATE TRIGGER audit_personal_append_only BEFORE UPDATE OR TRUNCATE ON audit_personal FOR EACH STATEMENT EXECUTE FUNCTION plumbline_append_only()')


def downgrade() -> None:
    with op.batch_alter_table('ticket_alert', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_ticket_alert_alert_id'))

    op.drop_table('ticket_alert')
    with op.batch_alter_table('ticket', schema=None) as batch_op:
        batch_op.drop_index('ix_ticket_external')
        batch_op.drop_index(batch_op.f('ix_ticket_action_item_id'))

    op.drop_table('ticket')
    with op.batch_alter_table('target', schema=None) as batch_op:
        batch_op.drop_index('ix_target_version')

    op.drop_table('target')
    op.drop_table('series_column')
    op.drop_table('record_version')
    with op.batch_alter_table('quarantined', schema=None) as batch_op:
        batch_op.drop_index('ix_quarantined_waiting')
        batch_op.drop_index(batch_op.f('ix_quarantined_series_id'))

    op.drop_table('quarantined')
    with op.batch_alter_table('observation', schema=None) as batch_op:
        batch_op.drop_index('ix_observation_version')

    op.drop_table('observation')
    op.drop_table('mapping_version')
    with op.batch_alter_table('key_result', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_key_result_series_id'))
        batch_op.drop_index(batch_op.f('ix_key_result_objective_id'))

    op.drop_table('key_result')
    with op.batch_alter_table('delivery_step', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_delivery_step_delivery_id'))

    op.drop_table('delivery_step')
    with op.batch_alter_table('alert_step', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_alert_step_alert_id'))

    op.drop_table('alert_step')
    with op.batch_alter_table('action_step', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_action_step_action_item_id'))

    op.drop_table('action_step')
    op.drop_table('written_value')
    with op.batch_alter_table('webhook_inbox', schema=None) as batch_op:
        batch_op.drop_index('ix_webhook_inbox_waiting')

    op.drop_table('webhook_inbox')
    with op.batch_alter_table('sync_run', schema=None) as batch_op:
        batch_op.drop_index('ix_sync_run_connection')

    op.drop_table('sync_run')
    op.drop_table('stream_state')
    with op.batch_alter_table('signin_session', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_signin_session_person_id'))

    op.drop_table('signin_session')
    with op.batch_alter_table('setup_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_setup_token_person_id'))

    op.drop_table('setup_token')
    with op.batch_alter_table('series', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_series_org_unit_id'))
        batch_op.drop_index('ix_series_connection_id')

    op.drop_table('series')
    op.drop_table('record')
    op.drop_table('rate_budget')
    op.drop_table('mapping')
    with op.batch_alter_table('link', schema=None) as batch_op:
        batch_op.drop_index('ix_link_target')
        batch_op.drop_index('ix_link_source')

    op.drop_table('link')
    with op.batch_alter_table('grant', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_grant_person_id'))
        batch_op.drop_index(batch_op.f('ix_grant_org_unit_id'))

    op.drop_table('grant')
    with op.batch_alter_table('external_ref', schema=None) as batch_op:
        batch_op.drop_index('ix_external_ref_entity')

    op.drop_table('external_ref')
    with op.batch_alter_table('delivery', schema=None) as batch_op:
        batch_op.drop_index('ix_delivery_state')
        batch_op.drop_index('ix_delivery_marker')
        batch_op.drop_index('ix_delivery_item')
        batch_op.drop_index('ix_delivery_external')

    op.drop_table('delivery')
    op.drop_table('definition')
    op.drop_table('connection_version')
    op.drop_table('connection_health')
    with op.batch_alter_table('assignment', schema=None) as batch_op:
        batch_op.drop_index('ix_assignment_subject')
        batch_op.drop_index(batch_op.f('ix_assignment_person_id'))

    op.drop_table('assignment')
    with op.batch_alter_table('api_token', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_api_token_person_id'))

    op.drop_table('api_token')
    with op.batch_alter_table('alert', schema=None) as batch_op:
        batch_op.drop_index('ix_alert_status')
        batch_op.drop_index(batch_op.f('ix_alert_org_unit_id'))

    op.drop_table('alert')
    with op.batch_alter_table('action_item', schema=None) as batch_op:
        batch_op.drop_index('ix_action_item_state')
        batch_op.drop_index(batch_op.f('ix_action_item_org_unit_id'))

    op.drop_table('action_item')
    op.drop_table('account')
    op.drop_table('tested_cases')
    with op.batch_alter_table('share', schema=None) as batch_op:
        batch_op.drop_index('ix_share_org_unit')

    op.drop_table('share')
    op.drop_table('schedule_slot')
    op.drop_table('rule_version')
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_person_org_unit_id'))

    op.drop_table('person')
    with op.batch_alter_table('objective', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_objective_parent_id'))
        batch_op.drop_index(batch_op.f('ix_objective_org_unit_id'))
        batch_op.drop_index(batch_op.f('ix_objective_cycle_id'))

    op.drop_table('objective')
    with op.batch_alter_table('metric', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_metric_org_unit_id'))

    op.drop_table('metric')
    with op.batch_alter_table('connection', schema=None) as batch_op:
        batch_op.drop_index('uq_connection_key', sqlite_where=sa.text('removed_at IS NULL'), postgresql_where=sa.text('removed_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_connection_org_unit_id'))

    op.drop_table('connection')
    op.drop_table('audit_personal')
    op.drop_table('audit_pending')
    op.drop_table('audit_link')
    op.drop_table('write_switch')
    with op.batch_alter_table('work_item', schema=None) as batch_op:
        batch_op.drop_index('ix_work_item_lease_until')
        batch_op.drop_index('ix_work_item_kind_state')
        batch_op.drop_index('ix_work_item_due')

    op.drop_table('work_item')
    with op.batch_alter_table('signin_attempt', schema=None) as batch_op:
        batch_op.drop_index('ix_signin_attempt_subject')

    op.drop_table('signin_attempt')
    op.drop_table('schedule')
    op.drop_table('rule')
    with op.batch_alter_table('org_unit', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_org_unit_parent_id'))

    op.drop_table('org_unit')
    op.drop_table('leader_lease')
    with op.batch_alter_table('idempotent_reply', schema=None) as batch_op:
        batch_op.drop_index('ix_idempotent_reply_created_at')

    op.drop_table('idempotent_reply')
    op.drop_table('deployment_key')
    op.drop_table('cycle')
    op.drop_table('calendar')
    op.drop_table('audit_verification')
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        batch_op.drop_index('ix_audit_entry_subject')
        batch_op.drop_index('ix_audit_entry_done_by')
        batch_op.drop_index('ix_audit_entry_at')

    op.drop_table('audit_entry')
    op.drop_table('audit_checkpoint')
    op.drop_table('actor_name')
    execute_on(op.get_bind(), 'postgresql', 'DROP FUNCTION IF EXISTS plumbline_append_only()')
