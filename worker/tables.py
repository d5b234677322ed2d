"""The tables of the store. Alembic's migrations make them; a test compares the two.

Values travel as JSON text that `pipelines.models` reads and writes. Times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from pipelines.states import ON_THE_PATH, State


class Moment(sa.types.TypeDecorator[datetime]):
    """A point in time in UTC; SQLite, which has no zones, keeps it without one."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = sa.MetaData(naming_convention=NAMES)

# SQLite numbers rows itself only where the key is INTEGER, which there is 64 bits wide.
Serial = sa.BigInteger().with_variant(sa.Integer, "sqlite")

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, server_default=""),  # of the source when it came; empty: it had none
    sa.Column("suspicion", sa.Text, nullable=False, server_default=""),  # why the door held it for a robot's
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("content_type", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("opened_at", Moment),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Moment),
    sa.UniqueConstraint("source", "key"),
    sa.Index(
        "ix_deliveries_to_open",
        "priority",
        "received_at",
        sqlite_where=sa.text("state = 'received'"),
        postgresql_where=sa.text("state = 'received'"),
    ),
    sa.Index("ix_deliveries_state", "state"),
)

ON_THE_PATH_SQL = "state NOT IN ({})".format(", ".join(f"'{each}'" for each in sorted(set(State) - ON_THE_PATH)))
"""Written out: a database uses a partial index only where the query says its condition in the same words. By what it is
not: SQLite would look the states up in the index on the state, under which a long queue is a million of one."""

submissions = sa.Table(
    "submissions",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("delivery_id", sa.Text, sa.ForeignKey("deliveries.id"), nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stage", sa.Text),  # the stage it needs next; null when it is settled and will not go on by itself
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("record", sa.Text, nullable=False),
    sa.Column("contact", sa.Text),
    sa.Column("changes", sa.Text),
    sa.Column("findings", sa.Text),
    sa.Column("decision", sa.Text),  # new, match or review
    sa.Column("contact_id", sa.Text),
    sa.Column("facts", sa.Text),
    sa.Column("score", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("crashes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Moment),
    sa.Column("due_at", Moment),  # when the sweeper looks at it again; null when it is settled
    sa.Column("received_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("delivery_id", "position"),
    sa.Index("ix_submissions_due", "priority", "due_at"),
    sa.Index(
        "ix_submissions_in_flight",
        "due_at",
        sqlite_where=sa.text(ON_THE_PATH_SQL),
        postgresql_where=sa.text(ON_THE_PATH_SQL),
    ),
    sa.Index("ix_submissions_state_updated_at", "state", "updated_at"),
    sa.Index("ix_submissions_contact_id", "contact_id"),
)

contacts = sa.Table(
    "contacts",
    metadata,
    sa.Column("no", Serial, primary_key=True, autoincrement=True),  # short, for the key index
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # live, or merged into another
    sa.Column("merged_into", sa.Text),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("contact", sa.Text, nullable=False),
    sa.Column("features", sa.Text, nullable=False),
    sa.Column("keyed", sa.Text, nullable=False, server_default=""),  # version of the keys that it is found by
    sa.Column("arrivals", sa.Integer, nullable=False),
    sa.Column("score", sa.Text),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
)

contact_keys = sa.Table(
    "contact_keys",
    metadata,
    sa.Column("key", sa.BigInteger, primary_key=True),
    sa.Column("contact_no", sa.BigInteger, primary_key=True),
    sa.Index("ix_contact_keys_contact_no", "contact_no"),
    sqlite_with_rowid=False,
)

distinct_contacts = sa.Table(
    "distinct_contacts",  # pairs that a person said are not the same
    metadata,
    sa.Column("left_id", sa.Text, primary_key=True),  # the lesser of the two ids
    sa.Column("right_id", sa.Text, primary_key=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Index("ix_distinct_contacts_right_id", "right_id"),
)

open_reviews = sa.Table(
    "open_reviews",  # submissions that went on as a contact of their own while a person has still to say who it is
    metadata,
    sa.Column("submission_id", sa.Text, primary_key=True),
    sa.Column("at", Moment, nullable=False),
)

merges = sa.Table(
    "merges",  # contacts put together and taken apart by people, with what undoing it needs
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),  # merge or split
    sa.Column("kept_id", sa.Text, nullable=False),
    sa.Column("other_id", sa.Text, nullable=False),  # the contact merged into the kept one, or split from it
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Column("at", Moment, nullable=False),
    sa.Column("journal", sa.Text, nullable=False),
    sa.Column("undone_at", Moment),
    sa.Column("undone_by", sa.Text),
    sa.Column("tell_at", Moment),  # when the CRM is told of it; null when it has been
    sa.Index("ix_merges_kept_id", "kept_id"),
    sa.Index("ix_merges_tell_at", "tell_at"),
    sa.Index("ix_merges_other_id", "other_id"),
)

decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("no", Serial, primary_key=True, autoincrement=True),
    sa.Column("submission_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("contact_id", sa.Text),
    sa.Column("probability", sa.Float, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),  # dedupe, or who resolved the review
    sa.Column("at", Moment, nullable=False),
    sa.Index("ix_decisions_submission_id", "submission_id"),
)

crm_links = sa.Table(
    "crm_links",
    metadata,
    sa.Column("system", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("remote_id", sa.Text, primary_key=True),
    sa.Column("contact_id", sa.Text, nullable=False),
    sa.Column("written", sa.Text),  # the contact as it was last written there
    sa.Column("at", Moment, nullable=False),
    sa.Index("ix_crm_links_contact_id", "contact_id"),
)

crm_writes = sa.Table(
    "crm_writes",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("wanted_by", sa.Text, nullable=False),  # a submission's id, or whatever else a step works at
    sa.Column("contact_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("write", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),  # the step that wants it
    sa.Column("state", sa.Text, nullable=False),  # intended, attempted (outcome unknown), done, superseded
    sa.Column("remote", sa.Text),
    sa.Column("repeat_at", Moment),  # until then the last call may still land: look up, and do not call again
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_crm_writes_wanted_by", "wanted_by"),
    sa.Index("ix_crm_writes_contact_id", "contact_id"),
)

SENT = sa.text("look_at > due_at")
"""Of runs and notifications: somebody was sent to it, so that the scheduler looks later than it is due."""

workflow_runs = sa.Table(
    "workflow_runs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("workflow", sa.Text, nullable=False),
    sa.Column("contact_id", sa.Text, nullable=False),
    sa.Column("submission_id", sa.Text, nullable=False),
    sa.Column("temperature", sa.Text, nullable=False),  # of the contact when it started
    sa.Column("is_bound_to_warmth", sa.Boolean, nullable=False),
    sa.Column("variant", sa.Text, nullable=False),
    sa.Column("run", sa.Text, nullable=False),  # as it started, its steps included
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("position", sa.Integer, nullable=False),  # the step it needs next, from 0
    sa.Column("round", sa.Integer, nullable=False, server_default="0"),  # how often a person had steps done again
    sa.Column("lead", sa.Text),  # the lead that it made
    sa.Column("stopping", sa.Text, nullable=False, server_default=""),  # why it stops when this step is done
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("crashes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Moment),
    sa.Column("due_at", Moment),  # when the next step is due; null at the end
    sa.Column("look_at", Moment),  # when the scheduler looks at it again
    sa.Column("started_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_workflow_runs_state_look_at", "state", "look_at"),
    sa.Index("ix_workflow_runs_state_updated_at", "state", "updated_at"),
    sa.Index("ix_workflow_runs_sent", "state", "look_at", sqlite_where=SENT, postgresql_where=SENT),
    sa.Index("ix_workflow_runs_contact_id", "contact_id", "started_at"),
    sa.Index("ix_workflow_runs_submission_id", "submission_id"),
    sa.Index("ix_workflow_runs_workflow", "workflow", "state"),
)

workflow_steps = sa.Table(
    "workflow_steps",  # what each step of a run does, recorded before it is done
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("round", sa.Integer, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),  # decided, done
    sa.Column("effects", sa.Text, nullable=False),
    sa.Column("decided_at", Moment, nullable=False),
    sa.Column("done_at", Moment),
)

notifications = sa.Table(
    "notifications",  # messages that leave the house, each sent until it is taken or given up
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("sink", sa.Text, nullable=False),
    sa.Column("notification", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # pending, sent, failed, withheld
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("fence", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Moment),
    sa.Column("due_at", Moment),
    sa.Column("look_at", Moment),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_notifications_run_id", "run_id"),
    sa.Index("ix_notifications_state_look_at", "state", "look_at"),
    sa.Index("ix_notifications_state_updated_at", "state", "updated_at"),
    sa.Index("ix_notifications_sent", "state", "look_at", sqlite_where=SENT, postgresql_where=SENT),
)

opt_outs = sa.Table(
    "opt_outs",  # addresses that want no more mail, as digests
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("how", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
)

seller_turns = sa.Table(
    "seller_turns",
    metadata,
    sa.Column("seller", sa.Text, primary_key=True),
    sa.Column("last", sa.BigInteger, nullable=False),  # the number of their last turn
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("taken", sa.Integer, nullable=False),  # contacts they got on that day
)

seller_assignments = sa.Table(
    "seller_assignments",
    metadata,
    sa.Column("contact_id", sa.Text, primary_key=True),
    sa.Column("seller", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
)

history = sa.Table(
    "history",  # append-only: every move of everything, for ever
    metadata,
    sa.Column("no", Serial, primary_key=True, autoincrement=True),
    sa.Column("at", Moment, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("before", sa.Text, nullable=False, server_default=""),
    sa.Column("after", sa.Text, nullable=False, server_default=""),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("by", sa.Text, nullable=False, server_default=""),
    sa.Index("ix_history_subject", "subject"),
)

cached_facts = sa.Table(
    "cached_facts",
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("asked_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Index("ix_cached_facts_expires_at", "expires_at"),
)

due_lookups = sa.Table(
    "due_lookups",  # sources that did not answer, to be asked again about these contacts
    metadata,
    sa.Column("contact_id", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("submission_id", sa.Text, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("since", Moment, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Index("ix_due_lookups_due_at", "due_at"),
)

enrichment_days = sa.Table(
    "enrichment_days",  # calls and their cost, by source and day (UTC)
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("answered", sa.Integer, nullable=False),
    sa.Column("empty", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("from_cache", sa.Integer, nullable=False),
    sa.Column("cost", sa.BigInteger, nullable=False),  # millionths of the currency
)

enrichment_finds = sa.Table(
    "enrichment_finds",  # what those calls found, by field
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("field", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
)

scores = sa.Table(
    "scores",  # append-only: every score with the features it was made of, as they were then
    metadata,
    sa.Column("no", Serial, primary_key=True, autoincrement=True),
    sa.Column("submission_id", sa.Text, nullable=False),
    sa.Column("contact_id", sa.Text, nullable=False),  # as it was then: it may be merged since
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("value", sa.Integer, nullable=False),
    sa.Column("score", sa.Text, nullable=False),
    sa.Column("features", sa.Text, nullable=False),
    sa.Column("at", Moment, nullable=False),
    sa.Index("ix_scores_submission_id", "submission_id"),
    sa.Index("ix_scores_contact_id", "contact_id", "no"),
    sa.Index("ix_scores_at", "at"),
)

lead_outcomes = sa.Table(
    "lead_outcomes",  # append-only: won, lost, or open again; of each subject the newest is in force
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),  # a contact's id, or system/kind/id of a record of another system
    sa.Column("contact_id", sa.Text),  # null: known by its record alone, and looked up when it is needed
    sa.Column("system", sa.Text, nullable=False, server_default=""),
    sa.Column("kind", sa.Text, nullable=False, server_default=""),
    sa.Column("remote_id", sa.Text, nullable=False, server_default=""),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("value", sa.Float),  # what was sold for, where it was said
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("recorded_at", Moment, nullable=False),
    sa.Index("ix_lead_outcomes_subject", "subject", "at"),
)

learned_models = sa.Table(
    "learned_models",
    metadata,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("training", sa.Text, nullable=False),
    sa.Column("trained_at", Moment, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
)

model_deployments = sa.Table(
    "model_deployments",  # append-only: the newest one says by which model contacts are scored
    metadata,
    sa.Column("no", Serial, primary_key=True, autoincrement=True),
    sa.Column("version", sa.Text, nullable=False),  # empty: the rules of portaria.toml
    sa.Column("replaced", sa.Text, nullable=False),
    sa.Column("is_rollback", sa.Boolean, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Column("at", Moment, nullable=False),
)

shadow_scores = sa.Table(
    "shadow_scores",  # what a candidate would have given, beside the score that was given
    metadata,
    sa.Column("submission_id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("value", sa.Integer, nullable=False),
    sa.Column("champion", sa.Integer, nullable=False),  # the score that was given
    sa.Column("at", Moment, nullable=False),
    sa.Index("ix_shadow_scores_model", "model"),
)

model_checks = sa.Table(
    "model_checks",  # whether contacts still are what the model in force learned from
    metadata,
    sa.Column("no", Serial, primary_key=True, autoincrement=True),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("drift", sa.Text, nullable=False),
    sa.Column("alarms", sa.Integer, nullable=False),
    sa.Column("at", Moment, nullable=False),
)

circuits = sa.Table(
    "circuits",  # who did not answer, and is left in peace until when
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("paused_until", Moment),
    sa.Column("why", sa.Text, nullable=False, server_default=""),
)

credentials = sa.Table(
    "credentials",  # what we log in to others with, where it changes by itself (OAuth 2), and keys of our own
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("secret", sa.Text, nullable=False, server_default=""),
    sa.Column("version", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lease_owner", sa.Text),  # who is renewing it
    sa.Column("lease_until", Moment),
    sa.Column("updated_at", Moment, nullable=False),
)

account_imports = sa.Table(
    "account_imports",  # how far the contacts of each CRM account were read into the index
    metadata,
    sa.Column("system", sa.Text, primary_key=True),
    sa.Column("page", sa.Integer, nullable=False),  # of the first reading; every page before it is taken in
    sa.Column("contacts", sa.Integer, nullable=False),
    sa.Column("read_since", Moment, nullable=False),  # what changed from then on is still to be read
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("looked_at", Moment, nullable=False),
)

local_crm = sa.Table(
    "local_crm",  # the built-in CRM's contacts, leads, tasks and notes
    metadata,
    sa.Column("id", Serial, primary_key=True, autoincrement=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("marker", sa.Text, nullable=False, unique=True),
    sa.Column("parent_kind", sa.Text),
    sa.Column("parent_id", sa.BigInteger),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Index("ix_local_crm_parent", "parent_kind", "parent_id"),
    sa.Index("ix_local_crm_kind", "kind", "id"),
)

polls = sa.Table(
    "polls",  # how far what changed at a provider was asked for
    metadata,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("reached", Moment, nullable=False),  # all that changed before is in deliveries
    sa.Column("due_at", Moment, nullable=False),
)

mailbox_progress = sa.Table(
    "mailbox_progress",  # how far each mailbox was read; what arrived is in deliveries
    metadata,
    sa.Column("mailbox", sa.Text, primary_key=True),
    sa.Column("account", sa.Text, primary_key=True),  # user@host: another server's UIDs are other mails
    sa.Column("folder", sa.Text, primary_key=True),
    sa.Column("uidvalidity", sa.BigInteger, nullable=False),
    sa.Column("last_uid", sa.BigInteger, nullable=False),  # all up to here are committed
)

plans = sa.Table(
    "plans",  # what agents wanted done; what asked for a person's yes has a row in approvals
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # waiting, applying, applied, dropped
    sa.Column("asked", sa.Boolean, nullable=False),  # whether it needs an approval; the others count into the budget
    sa.Column("permitted", sa.Text, nullable=False, server_default="[]"),  # numbers of the operations that may be done
    sa.Column("outcome", sa.Text),  # what became of each permitted operation
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_until", Moment),
    sa.Index("ix_plans_caller", "caller", "created_at"),
)

approvals = sa.Table(
    "approvals",  # a person's yes or no to one plan
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("plan_id", sa.Text, sa.ForeignKey("plans.id"), nullable=False, unique=True),
    sa.Column("caller", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),  # of the plan that it is good for
    sa.Column("reason", sa.Text, nullable=False),  # why a person is asked
    sa.Column("state", sa.Text, nullable=False),  # pending, granted, used, denied, cancelled, expired, stale
    sa.Column("granted", sa.Text, nullable=False, server_default="[]"),  # the records
    sa.Column("by", sa.Text, nullable=False, server_default=""),
    sa.Column("way", sa.Text, nullable=False, server_default=""),  # how the answer came: cli, page, form, sampling
    sa.Column("why", sa.Text, nullable=False, server_default=""),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Column("decided_at", Moment),
    sa.Index("ix_approvals_state", "state", "id"),
)

tokens = sa.Table(
    "tokens",  # of agents and people; a token itself is nowhere kept
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False, unique=True),  # SHA-256
    sa.Column("scopes", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("revoked_at", Moment),
)

dedupe_models = sa.Table(
    "dedupe_models",  # the weights of dedupe that were learned here
    metadata,
    sa.Column("version", sa.Text, primary_key=True),
    sa.Column("model", sa.Text),  # null: the one that is shipped
    sa.Column("report", sa.Text, nullable=False, server_default=""),  # how sure it is
    sa.Column("at", Moment, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("used_at", Moment),  # when it was last taken into use; the latest is in force
)
