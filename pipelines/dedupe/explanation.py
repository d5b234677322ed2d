"""A decision as a person would argue it: one line a field, with a running sum."""

from __future__ import annotations

from typing import Final

from pipelines.models import Decision, Evidence

_WIDTH: Final = 24
_WORDS: Final = {
    "no_candidate": "nobody known shares anything to look up by",
    "below_review": "too unlikely to ask anyone",
    "likely_match": "likely enough to merge",
    "same_document": "the same document",
    "same_remote": "the same record of another system",
    "between_thresholds": "too likely to dismiss, too uncertain to merge",
    "ambiguous": "two known contacts are likely; perhaps they are one",
    "vetoed": "likely, but a rule asks for a person",
    "names_conflict": "the names conflict",
    "documents_differ": "their documents differ",
    "births_differ": "their birth dates differ",
    "generations_differ": "father and son, or another two of one family",
    "name_only": "nothing but the name agrees",
    "name_unsure": "the names are not the same in full, and only the city or the company agrees beside them",
}


def explain(decision: Decision) -> str:
    """The decision and the waterfall of each candidate's evidence, as plain text lines."""
    lines = [
        f"{decision.kind}: {_WORDS.get(decision.reason, decision.reason)} ({decision.reason})",
        f"merge from {decision.match_at:.4f}, ask from {decision.review_at:.4f}; model {decision.model}",
    ]
    if decision.evidence:
        lines.insert(1, f"probability {decision.probability:.4f}")
    lines += [f"not looked up: {note}" for note in decision.notes]
    for evidence in decision.evidence:
        lines += ["", *explain_evidence(evidence)]
    return "\n".join(lines)


def explain_evidence(evidence: Evidence) -> list[str]:
    """The waterfall of one candidate: from the prior, field by field, to the sum."""
    running = evidence.prior_bits
    lines = [
        f"candidate {evidence.contact_id}: {evidence.bits:+.1f} bits, probability {evidence.probability:.4f}",
        _line("before looking", "", "", "", evidence.prior_bits, running),
    ]
    for field in evidence.fields:
        running += field.bits
        lines.append(_line(field.field, field.left, field.right, field.level, field.bits, running))
    lines += [f"  forbidden to merge unasked: {_WORDS.get(veto, veto)} ({veto})" for veto in evidence.vetoes]
    return lines


def _line(name: str, left: str, right: str, level: str, bits: float, running: float) -> str:
    values = _cut(left) if left == right else f"{_cut(left)} | {_cut(right)}"
    return f"  {name:<15}{level:<21}{bits:>+7.1f}{running:>+8.1f}  {values}".rstrip()


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH * 2 else f"{text[: _WIDTH * 2 - 1]}…"
