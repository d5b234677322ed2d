"""The report of `portaria dedupe`: one HTML file with bars, no scripts, nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment

from pipelines.dedupe.table import FieldWeights

LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Example:
    """Two rows beside each other."""

    left: int
    right: int
    probability: float
    headers: Sequence[str]
    left_values: Sequence[str]
    right_values: Sequence[str]


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Duplicates in {{ name }}</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.15rem .6rem;text-align:left;vertical-align:top}
th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums}.diff{background:#fff0c2}
.bar{display:inline-block;height:.8em}.for{background:#2a7f4f}.against{background:#b23b3b}
@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}.diff{background:#5a4a12}}
</style>
<h1>Duplicates in {{ name }}</h1>
<table>{% for label, value in facts %}<tr><th>{{ label }}<td class="n">{{ value }}{% endfor %}</table>
<h2>What agreement weighs</h2>
<p>Bits learned from this list: each bit for a match doubles the odds that two rows are one person, each against halves
them.</p>
{% for field in weights %}<h3>{{ field.name }} ({{ field.kind }})</h3><table>
{% for level, bits in field.rows %}<tr><td>{{ level }}<td class="n">{{ "%+.1f"|format(bits) }}
<td><span class="bar {{ 'for' if bits > 0 else 'against' }}" style="width:{{ (bits|abs * 12)|round(1) }}px"></span>
{% endfor %}</table>{% endfor %}
{% for title, examples in parts %}<h2>{{ title }}</h2>
{% for each in examples %}<table><tr><th><th>row {{ each.left }}<th>row {{ each.right }}
<th class="n">{{ "%.3f"|format(each.probability) }}
{% for header, one, other in each.rows %}<tr{% if one != other %} class="diff"{% endif %}><th>{{ header }}<td>{{ one }}
<td>{{ other }}<td>{% endfor %}</table>{% else %}<p>None.</p>{% endfor %}{% endfor %}
</html>
"""


def write_report(
    path: Path,
    name: str,
    facts: Mapping[str, Any],
    weights: Sequence[FieldWeights],
    surest: Sequence[Example],
    least_sure: Sequence[Example],
) -> None:
    """Write the report. Whatever the list holds is shown as text, never as markup."""
    page = Environment(autoescape=True).from_string(_PAGE)
    shown = [(label.replace("_", " "), value) for label, value in facts.items() if isinstance(value, int)]
    fields = [
        {"name": field.name, "kind": str(field.kind), "rows": list(zip(field.levels[1:], field.bits[1:], strict=True))}
        for field in weights
    ]
    parts = [("Surest pairs", _beside(surest)), ("Least sure pairs", _beside(least_sure))]
    path.write_text(page.render(name=name, facts=shown, weights=fields, parts=parts), encoding="utf-8")


def _beside(examples: Sequence[Example]) -> list[dict[str, Any]]:
    return [
        {
            "left": each.left,
            "right": each.right,
            "probability": each.probability,
            "rows": [
                (header, one[:LONGEST_SHOWN], other[:LONGEST_SHOWN])
                for header, one, other in zip(each.headers, each.left_values, each.right_values, strict=True)
                if one or other
            ],
        }
        for each in examples
    ]
