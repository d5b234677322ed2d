"""Score: how promising a contact is, 0 to 100, as a sum of named contributions that anyone can read.

The sum is exact: where it leaves 0 to 100, a contribution `clamp` holds the difference.
"""

from __future__ import annotations

from pipelines.models import Contribution, Score
from pipelines.reasons import CLAMP
from pipelines.scoring import Features, ScoringModel


def score_features(features: Features, model: ScoringModel) -> Score:
    """What `model` makes of a contact whose features these are (`pipelines.scoring_features.read_features`).

    Contributions of 0 points are left out; the rest sum to `value` exactly.
    """
    parts = [part for part in model.contributions(features) if part.points]
    total = sum(part.points for part in parts)
    value = min(max(total, 0), 100)
    if value != total:
        parts.append(Contribution(feature=CLAMP, points=value - total, reason="held within 0 to 100"))
    return Score(value=value, temperature=model.temperature(value), contributions=tuple(parts), model=model.version)
