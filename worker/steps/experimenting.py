"""What an experiment on a workflow has come to: its size as said beforehand, its counts, and the test's verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.experiments import Comparison, Count, compare, looks_of, sample_size, variants_of
from pipelines.workflow_steps import CONTROL, Experiment
from worker.errors import PermanentError
from worker.steps.runtime import Runtime
from worker.store import experiments


@dataclass(frozen=True, slots=True)
class VariantResult:
    """How a variant stands now."""

    variant: str
    count: Count
    against_control: Comparison | None
    """None for control itself."""


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """How an experiment stands now."""

    workflow: str
    experiment: Experiment
    sample_size: int
    """Contacts that each variant needs, as it was from the start."""
    variants: Sequence[VariantResult]

    def as_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        asked = self.experiment
        return {
            "workflow": self.workflow,
            **asked.model_dump(include={"outcome", "baseline", "effect", "alpha", "power"}),
            "sample_size": self.sample_size,
            "variants": [
                {
                    "variant": one.variant,
                    "contacts": one.count.contacts,
                    "outcomes": one.count.outcomes,
                    "share": one.count.share,
                    **(one.against_control._asdict() if one.against_control else {}),
                }
                for one in self.variants
            ],
        }


def experiment_result(runtime: Runtime, workflow: str) -> ExperimentResult:
    """How the experiment on a workflow stands. Raises `PermanentError` where there is none."""
    rule = next((rule for rule in runtime.rules if rule.name == workflow), None)
    if rule is None:
        there = ", ".join(rule.name for rule in runtime.rules)
        raise PermanentError(f"there is no workflow {workflow}; there are {there}")
    asked = rule.experiment
    if asked is None:
        raise PermanentError(
            f"the workflow {workflow} has no experiment; add [workflows.{workflow}.experiment] with its variants, "
            "baseline and effect"
        )
    sources = runtime.reply_sources if asked.outcome == "reply" else None
    with runtime.database.read() as tx:
        subjects = experiments.subjects(tx, workflow, reply_sources=sources)
    looks = looks_of(subjects, variants_of(asked))
    results = [
        VariantResult(
            variant,
            seen[-1] if seen else Count(0, 0),
            None if variant == CONTROL else compare(asked, looks[CONTROL], seen),
        )
        for variant, seen in looks.items()
    ]
    return ExperimentResult(workflow, asked, sample_size(asked), results)
