"""What is done: receive, open, dispatch, and one step a stage. Everything that acts goes through here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pipelines.states import Stage, tail_from
from worker.steps.admit import admit
from worker.steps.claims import Report
from worker.steps.controlling import Simulated, cancel, opt_out, pause, rerun, resume, simulate, unsubscribe
from worker.steps.creating import create
from worker.steps.dedupe_model import dedupe_model, dedupe_models_of, use_dedupe_model
from worker.steps.dedupe_training import train_dedupe
from worker.steps.doors import (
    NoHandshake,
    Standing,
    fresh_key,
    handshake,
    recover,
    standing,
    story,
)
from worker.steps.enriching import enrich, look_again
from worker.steps.experimenting import ExperimentResult, experiment_result
from worker.steps.foreseeing import Outlook, foresee_replay
from worker.steps.holding_back import let_go_on, reject_held
from worker.steps.intake import Arrival, check_request, dispatch, is_backlogged, keep, may_wait, receive
from worker.steps.lead_outcomes import import_outcomes, record_outcomes
from worker.steps.merging import merge_contacts_of, split, undo_merge
from worker.steps.notifying import deliver
from worker.steps.plans import resume_plans
from worker.steps.pressure import Pressure, pressure_now
from worker.steps.reconcile import reconcile
from worker.steps.rekeying import rekey
from worker.steps.replaying import Replayed, replay, replay_delivery
from worker.steps.resolve import dedupe, resolve_review
from worker.steps.reviewing import Review, review_of, waiting_reviews
from worker.steps.runtime import Runtime
from worker.steps.scoring import score
from worker.steps.stages import normalize, validate
from worker.steps.telling import tell_crm
from worker.steps.triggering import trigger
from worker.steps.workflows import advance, follow_up
from worker.store.sweep import Due

STEPS: Mapping[Stage, Callable[[Runtime, Sequence[str]], Report]] = {
    Stage.ADMIT: admit,
    Stage.NORMALIZE: normalize,
    Stage.VALIDATE: validate,
    Stage.DEDUPE: dedupe,
    Stage.ENRICH: enrich,
    Stage.SCORE: score,
    Stage.CREATE: create,
    Stage.TRIGGER: trigger,
}


def work_here(runtime: Runtime) -> int:
    """Do everything that is due in this process, without a broker; how many submissions were sent through."""
    look_again(runtime)

    def do(due: Due) -> None:
        for stage in tail_from(due.stage):
            STEPS[stage](runtime, due.ids)

    sent = dispatch(runtime, do)
    tell_crm(runtime)
    follow_up(runtime, lambda ids: advance(runtime, ids), lambda keys: deliver(runtime, keys))
    return sent


__all__ = [
    "STEPS",
    "Arrival",
    "ExperimentResult",
    "NoHandshake",
    "Outlook",
    "Pressure",
    "Replayed",
    "Review",
    "Runtime",
    "Simulated",
    "Standing",
    "admit",
    "advance",
    "cancel",
    "check_request",
    "create",
    "dedupe",
    "dedupe_model",
    "dedupe_models_of",
    "deliver",
    "dispatch",
    "enrich",
    "experiment_result",
    "follow_up",
    "foresee_replay",
    "fresh_key",
    "handshake",
    "import_outcomes",
    "is_backlogged",
    "keep",
    "let_go_on",
    "look_again",
    "may_wait",
    "merge_contacts_of",
    "normalize",
    "opt_out",
    "pause",
    "pressure_now",
    "receive",
    "reconcile",
    "record_outcomes",
    "recover",
    "reject_held",
    "rekey",
    "replay",
    "replay_delivery",
    "rerun",
    "resolve_review",
    "resume",
    "resume_plans",
    "review_of",
    "score",
    "simulate",
    "split",
    "standing",
    "story",
    "tell_crm",
    "train_dedupe",
    "trigger",
    "undo_merge",
    "unsubscribe",
    "use_dedupe_model",
    "validate",
    "waiting_reviews",
    "work_here",
]
