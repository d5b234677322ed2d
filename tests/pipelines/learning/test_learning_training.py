"""The learner on contacts whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OneHotEncoder

from pipelines.learning.binning import ASKED, CONSTANT, IDENTIFIER, LEAKED, TOO_MANY
from pipelines.learning.judging import held_out, judge
from pipelines.learning.learned import MISSING, OTHER
from pipelines.learning.training import TooFewOutcomes, split, train
from pipelines.score import score_features
from pipelines.scoring_rules import ScoringRules


def fitted(examples, **options):
    return train(examples, hot=80, warm=60, **options)


def effects(model, feature: str) -> dict[str, float]:
    (found,) = [one for one in model.features if one.name == feature]
    return {each.label: each.log_odds for each in found.bins}


def test_the_planted_effects_are_found(trained) -> None:
    source, plan = effects(trained.model, "source"), effects(trained.model, "extra.Plan")
    assert source["fair"] - source["site"] == pytest.approx(1.4, abs=0.5)
    assert source["list"] < source["site"]
    assert plan["pro"] - plan["basic"] == pytest.approx(1.0, abs=0.4)
    visits = [each.log_odds for one in trained.model.features if one.name == "extra.Visits" for each in one.bins]
    assert visits[7] - visits[1] > 0.8
    moved = {one.name: sum(each.share * abs(each.log_odds) for each in one.bins) for one in trained.model.features}
    assert moved.get("extra.Income", 0.0) < 0.2 < moved["extra.Visits"] < moved["source"]


def test_probabilities_are_calibrated_where_nothing_was_learned(examples, trained) -> None:
    judged = judge(trained.model, examples, ScoringRules())
    assert judged is not None
    assert sum(tenth.contacts for tenth in judged.calibration) == judged.contacts
    mean = sum(tenth.predicted * tenth.contacts for tenth in judged.calibration) / judged.contacts
    assert mean == pytest.approx(judged.base_rate, abs=0.05)
    assert judged.candidate.brier < judged.base_brier
    assert sum(tenth.low <= tenth.predicted <= tenth.high for tenth in judged.calibration) >= 8


def test_it_is_not_below_one_hot_logistic_regression(examples, trained) -> None:
    learned, late = split(examples)
    names = sorted({name for one in examples for name in one.features})
    table = [[str(one.features.get(name, "")) for name in names] for one in (*learned, *late)]
    columns = OneHotEncoder(handle_unknown="ignore").fit(table[: len(learned)])
    plain = LogisticRegression(max_iter=1000).fit(columns.transform(table[: len(learned)]), [e.won for e in learned])
    won = [one.won for one in late]
    theirs = roc_auc_score(won, plain.predict_proba(columns.transform(table[len(learned) :]))[:, 1])
    ours = roc_auc_score(won, [score_features(one.features, trained.model).value for one in late])
    assert ours > theirs - 0.005


def test_the_same_outcomes_make_the_same_model_in_any_order(examples, trained) -> None:
    assert fitted(list(reversed(examples))).model == trained.model


def test_what_is_held_out_changes_nothing(examples, trained) -> None:
    late = {one.submission for one in held_out(trained.model, examples)}
    assert len(late) == 600
    turned = [replace(one, won=not one.won) if one.submission in late else one for one in examples]
    assert fitted(turned).model == trained.model


def test_a_leaked_feature_is_left_out_and_told(drawn, truth) -> None:
    def written_down_later(row, won, chance):
        return {"extra.Motivo": ("contrato" if won else "preço") if chance.random() > 0.01 else "outro"}

    leaky = drawn(1_200, truth, more=written_down_later)
    found = fitted(leaky)
    assert found.left_out["extra.Motivo"] == LEAKED
    assert found.suspicious["extra.Motivo"] > 0.97
    assert all(one.name != "extra.Motivo" for one in found.model.features)
    kept = fitted(leaky, keep=["extra.Motivo"])
    assert any(one.name == "extra.Motivo" for one in kept.model.features)
    assert judge(kept.model, leaky, ScoringRules()).candidate.auc > 0.95


def test_what_cannot_be_learned_from_is_left_out_with_its_reason(drawn, truth) -> None:
    counted = iter(range(10**6))

    def more(row, won, chance):
        number = next(counted)
        return {
            "extra.Pedido": str(4000 + number),
            "extra.Apelido": f"n{chance.integers(10**9)}",
            "extra.Evento": "feira",
            "extra.Conta": str(chance.integers(10**11, 10**12)),
            "extra.Sexo": str(chance.choice(["f", "m"])),
        }

    left_out = fitted(drawn(800, truth, more=more), leave_out=["extra.Sexo"]).left_out
    assert left_out["extra.Pedido"] == IDENTIFIER
    assert left_out["extra.Apelido"] == TOO_MANY
    assert left_out["extra.Evento"] == CONSTANT
    assert left_out["extra.Conta"] == CONSTANT
    assert left_out["extra.Sexo"] == ASKED


def test_rare_levels_are_pooled_and_what_is_missing_has_a_bin_of_its_own(drawn, truth) -> None:
    counted = iter(range(10**6))
    more = lambda row, won, chance: {"extra.UF": "SP" if next(counted) % 200 else "AC"}  # noqa: E731
    rare = drawn(800, truth, more=more)
    model = fitted(rare).model
    assert {OTHER, MISSING} <= set(effects(model, "source"))
    assert "ac" not in {each.label for one in model.features for each in one.bins}
    assert all(one.bins[-1].share > 0.1 for one in model.features if one.name == "extra.Income")


@pytest.mark.parametrize("won", [0, 10])
def test_too_few_outcomes_are_said_to_be(examples, won) -> None:
    few = [replace(one, won=number % 60 < won // 5) for number, one in enumerate(examples[:300])]
    with pytest.raises(TooFewOutcomes, match="too few outcomes"):
        fitted(few)


def test_noise_does_not_beat_the_rules(noise) -> None:
    judged = judge(fitted(noise).model, noise, ScoringRules())
    assert judged is not None
    assert not judged.beats
    assert "does not beat" in judged.verdict


def test_a_coin_is_not_deployed_over_a_champion_that_is_worse_than_one(noise) -> None:
    judged = judge(fitted(noise).model, noise, ScoringRules())
    assert judged is not None
    beaten = judged.model_copy(update={"better_by": judged.better_by.model_copy(update={"low": 0.02})})
    assert not beaten.beats
    assert "not better than chance" in beaten.verdict


def test_a_real_effect_beats_the_rules(examples, trained) -> None:
    judged = judge(trained.model, examples, ScoringRules())
    assert judged is not None
    assert judged.beats
    assert judged.candidate.lift_10 > 1.5
    assert judged.candidate.pr_auc > judged.base_rate
    assert judged.auc.low < judged.candidate.auc < judged.auc.high
    assert np.isclose(judged.auc.value, judged.candidate.auc)
    assert [share.feature for share in judged.features][:2] != ["extra.Income"]
    assert sum(period.contacts for period in judged.periods) == judged.contacts
