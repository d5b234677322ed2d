"""A score's reasons in a few lines, for the people who read them in the CRM."""

from __future__ import annotations

from pipelines.models import Contribution, Score

BASE = "base"
"""Contribution: what everybody starts with."""
CLAMP = "clamp"
"""Contribution: what the limits 0 and 100 take from the sum, or add to it, so that the sum stays exact."""

MOST_REASONS = 3


def best_and_worst(score: Score, most: int = MOST_REASONS) -> tuple[tuple[Contribution, ...], tuple[Contribution, ...]]:
    """The contributions that raised a score most, and then those that raised it least or lowered it; at most `most` of
    each, none twice, the start and the clamp left out. Equal ones in their order in the score."""
    telling = [part for part in score.contributions if part.feature not in {BASE, CLAMP}]
    ranked = sorted(telling, key=lambda part: -part.points)
    best = tuple(part for part in ranked[:most] if part.points > 0)
    return best, tuple(ranked[max(len(best), len(ranked) - most) :][::-1])


def reasons_text(score: Score) -> str:
    """`Score 87 (hot)`, then the best reasons and the worst, one a line with its points."""
    best, worst = best_and_worst(score)
    lines = [f"Score {score.value} ({score.temperature})", *map(_line, best)]
    if worst:
        lines += ["Least:", *map(_line, worst)]
    return "\n".join(lines)


def _line(part: Contribution) -> str:
    return f"{part.points:+d} {part.reason or part.feature}"
