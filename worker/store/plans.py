"""Plans and approvals. A grant is used once, in the transaction that claims its plan; nothing is written without."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from pipelines.models import RemoteRef
from pipelines.plans import Plan, operation_key
from worker import tables
from worker.errors import PermanentError
from worker.store import history
from worker.store.engine import Transaction, page, rows

plans = tables.plans
approvals = tables.approvals

NOT_GRANTED = "not_granted"
"""Reason code: the write belongs to a plan that nobody has permitted, or to a record that the yes left out."""
EXPIRED_UNANSWERED = "nobody answered in time"


class PlanState(StrEnum):
    WAITING = "waiting"
    APPLYING = "applying"
    APPLIED = "applied"
    DROPPED = "dropped"
    """It will not be done: denied, cancelled, expired or stale."""


class ApprovalState(StrEnum):
    PENDING = "pending"
    GRANTED = "granted"
    USED = "used"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    STALE = "stale"
    """A record changed after the plan was made: ask again."""


OPERATION_DONE = "done"

OPEN = (ApprovalState.PENDING, ApprovalState.GRANTED)
"""What can still come to something, as long as it has not expired."""


@dataclass(frozen=True, slots=True)
class Approval:
    id: str
    plan_id: str
    caller: str
    hash: str
    reason: str
    state: ApprovalState
    granted: tuple[RemoteRef, ...]
    by: str
    way: str
    why: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeptPlan:
    id: str
    caller: str
    hash: str
    plan: Plan
    state: PlanState
    permitted: tuple[int, ...]
    outcome: dict[int, dict[str, str]]
    """By operation number: `state` (`done` or a reason code), and what it `made` or why it did not (`detail`)."""
    created_at: datetime
    approval: Approval | None


def lock_caller(tx: Transaction, caller: str) -> None:
    """Wait until no other plan of this caller is being decided on: two cannot both have the last of a budget."""
    if tx.dialect.name == "postgresql":
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(_CALLERS, zlib.crc32(caller.encode()) - 2**31)))


_CALLERS = 726674
"""The first half of our advisory locks on callers, which keeps them apart from other locks."""


def spent(tx: Transaction, caller: str, since: datetime) -> int:
    """How many records this caller has touched unasked since then."""
    mine = (plans.c.caller == caller, plans.c.created_at > since, plans.c.asked.is_(False))
    return tx.execute(sa.select(sa.func.count()).where(*mine)).scalar_one()


def add(tx: Transaction, plan_id: str, caller: str, hashed: str, plan: Plan, *, asked: bool, now: datetime) -> None:
    """Keep a new plan, waiting to be claimed."""
    values = {
        "id": plan_id,
        "caller": caller,
        "hash": hashed,
        "plan": plan.model_dump_json(),
        "state": PlanState.WAITING,
        "asked": asked,
        "created_at": now,
        "updated_at": now,
    }
    tx.execute(sa.insert(plans).values(values))


def ask(
    tx: Transaction,
    approval_id: str,
    plan_id: str,
    caller: str,
    hashed: str,
    reason: str,
    *,
    now: datetime,
    until: datetime,
) -> None:
    """Keep that a person has to say yes to this plan."""
    values = {
        "id": approval_id,
        "plan_id": plan_id,
        "caller": caller,
        "hash": hashed,
        "reason": reason,
        "state": ApprovalState.PENDING,
        "created_at": now,
        "expires_at": until,
    }
    tx.execute(sa.insert(approvals).values(values))
    move = history.Move(approval_id, "ask", "", ApprovalState.PENDING, reason=reason, by=caller)
    history.record(tx, [move], now)


def asked_before(tx: Transaction, caller: str, hashed: str, now: datetime) -> str | None:
    """The id of this caller's plan of that hash which waits for an answer."""
    same = (approvals.c.caller == caller, approvals.c.hash == hashed, approvals.c.expires_at > now)
    statement = sa.select(approvals.c.plan_id).where(*same, approvals.c.state.in_(OPEN)).order_by(approvals.c.id.desc())
    return tx.execute(statement.limit(1)).scalar_one_or_none()


def read(tx: Transaction, plan_or_approval_id: str, *, locked: bool = False) -> KeptPlan | None:
    """The plan of this id, or of the approval of this id, with its approval; `locked` until the transaction ends."""
    wanted = plans.c.id == plan_or_approval_id
    if plan_or_approval_id.startswith("apr_"):
        wanted = plans.c.id.in_(sa.select(approvals.c.plan_id).where(approvals.c.id == plan_or_approval_id))
    statement = sa.select(plans).where(wanted)
    found = rows(tx.execute(statement.with_for_update() if locked else statement))
    if not found:
        return None
    asked = sa.select(approvals).where(approvals.c.plan_id == found[0]["id"])
    answered = rows(tx.execute(asked.with_for_update() if locked else asked))
    return _kept(found[0], answered[0] if answered else None)


def listed(
    tx: Transaction, *, states: Collection[str] = (), limit: int = 50, after: str = "", caller: str = ""
) -> list[KeptPlan]:
    """Plans that a person was asked about, the newest first; `after` is an approval's id."""
    statement = sa.select(approvals)
    if states:
        statement = statement.where(approvals.c.state.in_(list(states)))
    if caller:
        statement = statement.where(approvals.c.caller == caller)
    answered = rows(tx.execute(page(approvals, statement, limit, after)))
    ids = [row["plan_id"] for row in answered]
    of = {row["id"]: row for row in rows(tx.execute(sa.select(plans).where(plans.c.id.in_(ids))))}
    return [_kept(of[row["plan_id"]], row) for row in answered]


def decide(
    tx: Transaction,
    approval: Approval,
    state: ApprovalState,
    *,
    granted: Iterable[RemoteRef] = (),
    by: str,
    way: str,
    why: str = "",
    now: datetime,
) -> None:
    """An answer to a pending approval, or its end. The caller has it locked."""
    values = {
        "state": state,
        "granted": json.dumps([ref.model_dump() for ref in granted]),
        "by": by,
        "way": way,
        "why": why,
        "decided_at": now,
    }
    if state in {ApprovalState.EXPIRED, ApprovalState.STALE} and approval.decided_at is not None:
        values = {"state": state, "why": why}  # who had granted it stays known
    tx.execute(sa.update(approvals).where(approvals.c.id == approval.id).values(values))
    if state is not ApprovalState.GRANTED:
        dropped = sa.update(plans).where(plans.c.id == approval.plan_id)
        tx.execute(dropped.values(state=PlanState.DROPPED, updated_at=now))
    reason = " ".join(filter(None, (way, why)))
    history.record(tx, [history.Move(approval.id, "decide", approval.state, state, reason=reason, by=by)], now)


def drop(tx: Transaction, kept: KeptPlan, why: str, *, now: datetime) -> None:
    """A waiting plan is stale: it will not be done. The caller has it locked."""
    if kept.approval is not None:
        decide(tx, kept.approval, ApprovalState.STALE, by="", way="", why=why, now=now)
        return
    tx.execute(sa.update(plans).where(plans.c.id == kept.id).values(state=PlanState.DROPPED, updated_at=now))
    move = history.Move(kept.id, "apply", PlanState.WAITING, PlanState.DROPPED, reason=why, by=kept.caller)
    history.record(tx, [move], now)


def expire(tx: Transaction, now: datetime) -> None:
    """End every approval that nobody answered, or whose yes nobody used, in time."""
    over = sa.select(approvals).where(approvals.c.state.in_(OPEN), approvals.c.expires_at <= now)
    for row in rows(tx.execute(over.order_by(approvals.c.id).with_for_update())):
        decide(tx, _approval(row), ApprovalState.EXPIRED, by="clock", way="", why=EXPIRED_UNANSWERED, now=now)


def claim(
    tx: Transaction, kept: KeptPlan, permitted: Sequence[int], *, owner: str, now: datetime, lease: float
) -> bool:
    """Begin to apply a plan, using up its grant; False when somebody else has used it. The caller has it locked."""
    if kept.approval is not None:
        mine = (
            approvals.c.id == kept.approval.id,
            approvals.c.state == ApprovalState.GRANTED,
            approvals.c.hash == kept.hash,
            approvals.c.expires_at > now,
        )
        if not tx.execute(sa.update(approvals).where(*mine).values(state=ApprovalState.USED)).rowcount:
            return False
        used = history.Move(kept.approval.id, "use", ApprovalState.GRANTED, ApprovalState.USED, by=owner)
        history.record(tx, [used], now)
    waiting = sa.update(plans).where(plans.c.id == kept.id, plans.c.state == PlanState.WAITING)
    taken = waiting.values(
        state=PlanState.APPLYING,
        permitted=json.dumps(list(permitted)),
        lease_owner=owner,
        lease_until=now + timedelta(seconds=lease),
        updated_at=now,
    )
    if not tx.execute(taken).rowcount:
        return False
    history.record(tx, [history.Move(kept.id, "apply", PlanState.WAITING, PlanState.APPLYING, by=kept.caller)], now)
    return True


def resume(tx: Transaction, kept: KeptPlan, *, owner: str, now: datetime, lease: float) -> bool:
    """Go on with a plan that somebody began to apply and left; False while somebody is at it."""
    left = (
        plans.c.id == kept.id,
        plans.c.state == PlanState.APPLYING,
        sa.or_(plans.c.lease_until.is_(None), plans.c.lease_until < now),
    )
    values = {"lease_owner": owner, "lease_until": now + timedelta(seconds=lease)}
    return bool(tx.execute(sa.update(plans).where(*left).values(values)).rowcount)


def extend(tx: Transaction, kept: KeptPlan, *, owner: str, now: datetime, lease: float) -> bool:
    """Hold a claimed plan for longer; False when it is not ours any more."""
    ours = (plans.c.id == kept.id, plans.c.lease_owner == owner, plans.c.state == PlanState.APPLYING)
    until = now + timedelta(seconds=lease)
    return bool(tx.execute(sa.update(plans).where(*ours).values(lease_until=until)).rowcount)


def save(
    tx: Transaction,
    kept: KeptPlan,
    outcome: Mapping[int, Mapping[str, str]],
    *,
    finished: bool,
    owner: str,
    now: datetime,
) -> None:
    """Keep what became of the operations; a plan that is not finished can be gone on with."""
    state = PlanState.APPLIED if finished else PlanState.APPLYING
    ours = sa.update(plans).where(plans.c.id == kept.id, plans.c.lease_owner == owner)
    values: dict[str, Any] = {"lease_owner": None, "lease_until": None}
    told = json.dumps({number: dict(what) for number, what in sorted(outcome.items())})
    tx.execute(ours.values(state=state, outcome=told, updated_at=now, **values))
    wrong = sorted({what["state"] for what in outcome.values()} - {OPERATION_DONE})
    move = history.Move(kept.id, "apply", PlanState.APPLYING, state, reason=" ".join(wrong), by=kept.caller)
    history.record(tx, [move], now)


def unfinished(tx: Transaction, now: datetime, *, limit: int = 20) -> list[str]:
    """Ids of plans that somebody began to apply and left."""
    left = (plans.c.state == PlanState.APPLYING, plans.c.lease_until < now)
    return list(tx.execute(sa.select(plans.c.id).where(*left).order_by(plans.c.id).limit(limit)).scalars())


def is_plans(wanter: str) -> bool:
    """Whether what wants a write is a plan: its id, or the plan's and an operation's number behind a colon."""
    return wanter.startswith("pln_")


def check_permitted(tx: Transaction, wanter: str, keys: Iterable[str]) -> None:
    """Raise `PermanentError` unless every one of these writes is of an operation that the plan may do now.

    The last guard, where a write is recorded to be made: whoever asks for it, by whatever way.
    """
    plan_id = wanter.partition(":")[0]
    row = tx.execute(sa.select(plans.c.state, plans.c.permitted).where(plans.c.id == plan_id)).one_or_none()
    numbers = json.loads(row.permitted) if row is not None and row.state == PlanState.APPLYING else []
    allowed = tuple(operation_key(plan_id, number) for number in numbers)
    for key in keys:
        if not any(key == one or key.startswith(f"{one}:") for one in allowed):
            raise PermanentError(f"{plan_id} may not write this: no granted plan, no write", code=NOT_GRANTED)


def _kept(row: dict[str, Any], answered: dict[str, Any] | None) -> KeptPlan:
    return KeptPlan(
        id=row["id"],
        caller=row["caller"],
        hash=row["hash"],
        plan=Plan.model_validate_json(row["plan"]),
        state=PlanState(row["state"]),
        permitted=tuple(json.loads(row["permitted"])),
        outcome={int(number): what for number, what in json.loads(row["outcome"] or "{}").items()},
        created_at=row["created_at"],
        approval=_approval(answered) if answered else None,
    )


def _approval(row: dict[str, Any]) -> Approval:
    granted = tuple(RemoteRef.model_validate(each) for each in json.loads(row["granted"]))
    return Approval(**{**row, "state": ApprovalState(row["state"]), "granted": granted})
