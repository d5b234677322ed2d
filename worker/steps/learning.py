"""Learn from outcomes: join them to what was known then, train, judge, deploy, roll back, watch.

scikit-learn is needed to train and to judge, and imported only there: a worker that scores never loads it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import structlog
from pydantic import Field

from pipelines.lead_outcomes import Outcome
from pipelines.learning.drift import Drift, measure_drift
from pipelines.learning.learned import LearnedModel
from pipelines.models import Temperature, Value
from pipelines.score import score_features
from worker.errors import ConfigurationError, PermanentError, PortariaError
from worker.steps.champion import learned_model, models_in_force
from worker.steps.runtime import Runtime
from worker.store import lead_outcomes, models, scores
from worker.store.engine import Transaction
from worker.store.lead_outcomes import Ended
from worker.store.scores import Scored

if TYPE_CHECKING:
    from pipelines.learning.judging import Judgement
    from pipelines.learning.training import Example

log = structlog.get_logger()

MOST_EXAMPLES: Final = 100_000
"""Outcomes that are learned from at most, the newest: they fit into a gigabyte."""
LATELY: Final = timedelta(days=30)
"""What drift compares with training."""
_MOST_LATELY: Final = 10_000

NOT_BETTER: Final = "not_better"
"""Reason code: the candidate does not beat the model in force beyond chance."""
TOO_FEW: Final = "too_few_outcomes"
"""Reason code: too few outcomes are known to learn from, or to judge by."""


class Training(Value):
    """What is kept of a training beside the model."""

    left_out: Mapping[str, str] = Field(default_factory=dict)
    """Feature → reason code (`pipelines.learning.binning`)."""
    suspicious: Mapping[str, float] = Field(default_factory=dict)
    hot_precision: float | None = None
    """Share of its hot contacts that were won, when it was judged."""
    auc: float | None = None


@dataclass(frozen=True, slots=True)
class Examples:
    """Scored contacts whose outcome is known."""

    examples: list[Example]
    without_score: int
    """Outcomes of contacts that were not scored before it."""
    older: int
    """Examples whose outcome is older than their score: of lists of the past. Only whoever made the list can say
    whether its columns were known before the outcome."""


def known_examples(runtime: Runtime) -> Examples:
    """Each outcome with the features of its contact as they were when it was last scored before that outcome.

    A contact that came in a list of the past (a file) after its outcome is taken as the list told it; one that came
    by itself only after the outcome is none.
    """
    from pipelines.learning.training import Example

    with runtime.database.read() as tx:
        joined = _joined(tx)
    # Of two outcomes for one score (a hook's and a file's) the later one stands: they come oldest first.
    found = {scored.submission_id: (ended, scored) for ended, scored in joined if scored is not None}
    examples = [
        Example(
            submission=scored.submission_id,
            at=min(scored.at, ended.at),
            no=scored.no,
            features=scored.features,
            won=ended.outcome is Outcome.WON,
        )
        for ended, scored in found.values()
    ]
    return Examples(
        examples,
        without_score=sum(scored is None for _, scored in joined),
        older=sum(scored.at > ended.at for ended, scored in found.values()),
    )


def _joined(tx: Transaction) -> list[tuple[Ended, Scored | None]]:
    """Each outcome in force, oldest first, with the score that was made before it."""
    ended = lead_outcomes.ended(tx, most=MOST_EXAMPLES)
    by_contact: defaultdict[str, list[Scored]] = defaultdict(list)
    for one in scores.of_contacts(tx, {each.contact_id for each in ended}):
        by_contact[one.contact_id].append(one)
    return [(each, _score_before(each, by_contact[each.contact_id])) for each in ended]


def _score_before(ended: Ended, scored: list[Scored]) -> Scored | None:
    if ended.submission_id:
        scored = [one for one in scored if one.submission_id == ended.submission_id]
    before = bisect_right(scored, ended.at, key=lambda one: one.at)
    if before:
        return scored[before - 1]
    return next((one for one in scored if one.is_import), None)


def train_model(runtime: Runtime, *, by: str) -> tuple[LearnedModel, Training, Judgement | None]:
    """Train a candidate on what is known now and keep it; from then on it runs in shadow.

    Raises `PermanentError` when there are too few outcomes.
    """
    _need_learners()
    from pipelines.learning.judging import judge
    from pipelines.learning.training import TooFewOutcomes, train

    known = known_examples(runtime)
    options = runtime.settings.learning
    try:
        trained = train(
            known.examples,
            hot=runtime.scoring.hot,
            warm=runtime.scoring.warm,
            leave_out=options.leave_out,
            keep=options.keep,
        )
    except TooFewOutcomes as problem:
        raise PermanentError(str(problem), code=TOO_FEW) from None
    champion = _champion(runtime)
    judged = judge(trained.model, known.examples, runtime.scoring, champion)
    training = Training(
        left_out=dict(trained.left_out),
        suspicious=dict(trained.suspicious),
        hot_precision=judged.hot_precision if judged and judged.hot else None,
        auc=judged.auc.value if judged else None,
    )
    with runtime.database.write() as tx:
        models.add(tx, trained.model, training.model_dump_json(), by=by, now=runtime.clock())
    return trained.model, training, judged


@dataclass(frozen=True, slots=True)
class Report:
    """A model judged by the outcomes that are known now."""

    model: LearnedModel
    training: Training
    is_champion: bool
    judgement: Judgement | None
    """None: too few outcomes are held out."""
    shadow: models.Shadow
    outcomes: int
    without_score: int
    older: int


def report_on(runtime: Runtime, version: str = "") -> Report:
    """Judge a model (the candidate, or else the one in force) by all outcomes that it did not learn from, those that
    came since its training included: against the one in force, or, if that is itself, against the rules.

    Raises `PermanentError`.
    """
    _need_learners()
    from pipelines.learning.judging import judge

    with runtime.database.read() as tx:
        standing = models.standing(tx)
        wanted = version or standing.candidate or standing.champion
        if not wanted:
            raise PermanentError("no model was trained yet: portaria model train", code=TOO_FEW)
        model = learned_model(tx, wanted)
        row = models.read(tx, wanted)
        shadow = models.shadow_of(tx, wanted, hot=model.hot, champion_hot=runtime.scoring.hot)
    assert row is not None
    known = known_examples(runtime)
    champion = None if standing.champion == wanted else _champion(runtime)
    return Report(
        model=model,
        training=Training.model_validate_json(row["training"]),
        is_champion=standing.champion == wanted,
        judgement=judge(model, known.examples, runtime.scoring, champion),
        shadow=shadow,
        outcomes=len(known.examples),
        without_score=known.without_score,
        older=known.older,
    )


def predictions(runtime: Runtime, model: LearnedModel) -> list[tuple[str, str, int, int, float, int]]:
    """The contacts held out from a model in the order of time: submission, its time, whether it was won,
    the model's score and probability, and the rules' score."""
    from pipelines.learning.judging import held_out

    return [
        (
            one.submission,
            one.at.isoformat(),
            int(one.won),
            score_features(one.features, model).value,
            round(model.probability(one.features), 6),
            score_features(one.features, runtime.scoring).value,
        )
        for one in held_out(model, known_examples(runtime).examples)
    ]


def deploy_model(runtime: Runtime, version: str = "", *, by: str, even_if_not_better: bool = False) -> Report:
    """Have contacts scored by a model (the candidate) from now on, where it beats the one in force on outcomes that
    it did not learn from, beyond chance. Scores that were given stay as they are, with their model.

    Raises `PermanentError` when it does not, or when too few outcomes are held out to say.
    """
    with runtime.database.read() as tx:
        wanted = version or models.standing(tx).candidate
    if not wanted:
        raise PermanentError("there is no candidate: portaria model train makes one")
    report = report_on(runtime, wanted)
    if report.is_champion:
        raise PermanentError(f"{wanted} is in force already")
    judged = report.judgement
    if not even_if_not_better:
        if judged is None:
            raise PermanentError(f"{wanted} cannot be judged: too few outcomes are held out from it", code=TOO_FEW)
        if not judged.beats:
            raise PermanentError(f"{wanted} {judged.verdict}; it stays in shadow", code=NOT_BETTER)
    why = judged.verdict if judged else "not judged"
    with runtime.database.write() as tx:
        models.deploy(tx, wanted, by=by, why=why, now=runtime.clock())
    log.info("a model was deployed", model=wanted, by=by)
    return report


def roll_back(runtime: Runtime, *, by: str) -> tuple[str, str]:
    """Go back to what was in force before the model that is: its version (or the rules'), and whose place it takes.

    Raises `PermanentError` when the rules are in force and nothing was before them.
    """
    with runtime.database.write() as tx:
        current = models.standing(tx).champion
        earlier = models.before(tx, current)
        if current == models.RULES or earlier is None:
            raise PermanentError("the rules are in force: there is nothing to go back to")
        models.deploy(tx, earlier, by=by, why=f"rolled back from {current}", now=runtime.clock(), is_rollback=True)
    log.info("a model was rolled back", model=current, to=earlier or "the rules", by=by)
    return earlier or runtime.scoring.version, current


def drift_now(runtime: Runtime) -> Drift:
    """The model in force against the contacts of the last 30 days, and against what became of its hot ones."""
    now, options = runtime.clock(), runtime.settings.learning
    with runtime.database.read() as tx:
        champion = models_in_force(runtime, tx).champion
        row = models.read(tx, champion.version)
        lately = scores.since(tx, now - LATELY, most=_MOST_LATELY)
        hot = [
            (scored.at, ended.outcome is Outcome.WON)
            for ended, scored in _joined(tx)
            if scored is not None
            and scored.model == champion.version
            and champion.temperature(scored.value) is Temperature.HOT
        ]
    model = champion if isinstance(champion, LearnedModel) else None
    training = Training.model_validate_json(row["training"]) if row else Training()
    scored = [(one.features, one.value) for one in lately if one.model == champion.version]
    return measure_drift(
        model,
        champion.version,
        scored,
        hot,
        since=lately[-1].at if lately else None,
        expected_precision=training.hot_precision,
        max_psi=options.max_psi,
        min_hot_precision=options.min_hot_precision,
    )


def watch(runtime: Runtime) -> Drift | None:
    """Look at drift when it is time to, keep and log what was found, and do what `[learning]` allows by itself:
    retrain, and deploy a candidate that beats the model in force. None when it is not time yet."""
    now, options = runtime.clock(), runtime.settings.learning
    due = now - timedelta(hours=options.check_hours)
    with runtime.database.read() as tx:
        last = models.last_check(tx)
    if last is not None and last[1] > due:
        return None
    drift = drift_now(runtime)
    with runtime.database.write() as tx:
        again = models.last_check(tx)
        if again is not None and again[1] > due:
            return None  # another worker was faster
        models.add_check(tx, drift, now)
        candidate = models.standing(tx).candidate
    for alarm in drift.alarms:
        log.warning("the model and its contacts have drifted apart", model=drift.model, what=alarm)
    if drift.is_over and options.retrain == "on_drift":
        candidate = _by_itself(lambda: train_model(runtime, by=ITSELF)[0].version) or candidate
    if candidate and options.deploy == "automatic":
        _by_itself(lambda: deploy_model(runtime, candidate, by=ITSELF).model.version)
    return drift


ITSELF: Final = "learning"
"""Who trained or deployed, when it was no person."""


def _by_itself(do: Callable[[], str]) -> str:
    """What nobody waits for: where it cannot be done, the log says why."""
    try:
        return do()
    except PortariaError as problem:
        log.info("not done by itself", reason=problem.code, why=str(problem))
        return ""


def _champion(runtime: Runtime) -> LearnedModel | None:
    """The learned model in force; None where that is the rules."""
    with runtime.database.read() as tx:
        champion = models_in_force(runtime, tx).champion
    return champion if isinstance(champion, LearnedModel) else None


def _need_learners() -> None:
    if find_spec("sklearn") is None:
        raise ConfigurationError(
            "training and judging need scikit-learn, which is not installed: pip install 'portaria[learn]'"
        )
