"""The calibration plot of a report: what was predicted against what came (PNG)."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from pipelines.learning.judging import Judgement


def draw_calibration(judged: Judgement, path: Path) -> None:
    """Write the plot. Each point is a tenth of the held-out contacts, with the 95 % interval of what came."""
    figure = Figure(figsize=(6.4, 6.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    tenths = judged.calibration
    predicted = [tenth.predicted for tenth in tenths]
    observed = [tenth.observed for tenth in tenths]
    below = [tenth.observed - tenth.low for tenth in tenths]
    above = [tenth.high - tenth.observed for tenth in tenths]
    most = min(max(*predicted, *(tenth.high for tenth in tenths)) * 1.05, 1.0)
    axes.plot([0, most], [0, most], linestyle="--", color="0.6", label="perfect")
    axes.errorbar(predicted, observed, yerr=[below, above], fmt="o-", capsize=3, label=judged.model)
    axes.axhline(judged.base_rate, linestyle=":", color="0.6", label=f"base rate {judged.base_rate:.1%}")
    axes.set(xlim=(0, most), ylim=(0, most), xlabel="predicted share won", ylabel="share won", aspect="equal")
    axes.set_title(
        f"{judged.contacts:,} held-out contacts, AUC {judged.candidate.auc:.3f}, Brier {judged.candidate.brier:.3f}"
    )
    axes.legend(loc="upper left")
    figure.savefig(path, format="png")
