"""What became of a lead: won, lost, or open again; and how files and messages say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

from pipelines.guessing import guess_field
from pipelines.models import Moment, RemoteRef, Value
from pipelines.text import vocabulary, words


class Outcome(StrEnum):
    WON = "won"
    LOST = "lost"
    OPEN = "open"
    """Not decided any more: whoever closed it opened it again."""


class LeadOutcome(Value):
    """An outcome as somebody tells of it: of one of our contacts, or of a record of another system."""

    outcome: Outcome
    contact_id: str = ""
    remote: RemoteRef | None = None
    at: Moment
    value: float | None = None
    by: str

    @property
    def subject(self) -> str:
        """What it is about, as text: of each subject the newest outcome is in force."""
        return "/".join((self.remote.system, self.remote.kind, self.remote.id)) if self.remote else self.contact_id


_SAID: Final[Mapping[Outcome, frozenset[str]]] = {
    Outcome.WON: vocabulary(
        """
        won|win|closed won|sold|sale|converted|conversion|success|customer|purchased|bought|yes|y|true|t|1|142
        ganho|ganha|ganhou|venda ganha|vendido|vendida|venda|comprou|fechado|fechou|convertido|convertida|cliente|sim|s
        ganado|ganada|venta|vendido|compro|si|verdadeiro|fechado ganho|negocio ganho|ganho fechado
        """,
        separator="|",
    ),
    Outcome.LOST: vocabulary(
        """
        lost|closed lost|loss|not sold|not converted|no sale|failure|no|n|false|f|0|143|unqualified|disqualified
        perdido|perdida|perdeu|perda|venda perdida|nao comprou|nao convertido|desistiu|descartado|desqualificado|nao
        falso|fechado perdido|negocio perdido|no compro|no vendido
        """,
        separator="|",
    ),
    Outcome.OPEN: vocabulary(
        "open|reopened|in progress|pending|ongoing|aberto|aberta|reaberto|em andamento|em aberto|abierto|en curso",
        separator="|",
    ),
}


def read_outcome(text: str) -> Outcome | None:
    """The outcome that a word says (`ganho`, `closed won`, `yes`, `1`), in Portuguese, English or Spanish."""
    spoken = " ".join(words(text))
    plain = spoken.removesuffix(" 0") if spoken in {"1 0", "0 0"} else spoken
    return next((outcome for outcome, said in _SAID.items() if plain in said), None)


COLUMNS: Final = ("contact", "lead", "email", "phone", "outcome", "at", "value", "key")
"""What a column of a table of outcomes can hold; `key`: a value that a free field of the contact holds as well."""

_OUTCOME = vocabulary(
    """
    outcome|status|result|resultado|desfecho|won|win|ganho|ganhou|converted|conversion|convertido|conversao|convertida
    y|target|label|purchase|purchased|comprou|situacao|fechamento|is won|stage|etapa|fase|class|sold|vendido|deal status
    """,
    separator="|",
)
_LEAD = vocabulary("lead id|id lead|lead|deal id|deal|negocio|id negocio|crm lead|crm lead id", separator="|")
_AT = vocabulary(
    """
    at|date|data|when|quando|closed at|closed|closed date|close date|fechado em|data fechamento|data de fechamento
    fecha|fecha cierre|outcome at|outcome date|won at|timestamp|data do fechamento
    """,
    separator="|",
)
_VALUE = vocabulary(
    "value|valor|price|preco|amount|revenue|receita|valor venda|sale|total|monto|importe", separator="|"
)
_OURS = "con_"
_SAMPLE = 200


def guess_outcome_columns(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """Which column is which of `COLUMNS`, by name and by what is in it; the rest is left out.

    A column of the outcome is one whose every filled-in cell says an outcome: by its name where there are several.
    """
    columns = {header: _filled(rows, place) for place, header in enumerate(headers)}
    found: dict[str, str] = {}
    telling = [header for header, cells in columns.items() if cells and all(map(read_outcome, cells))]
    named = [header for header in telling if " ".join(words(header)) in _OUTCOME]
    if outcome := next(iter(named or (telling if len(telling) == 1 else [])), None):
        found[outcome] = "outcome"
    for header, cells in columns.items():
        name = " ".join(words(header))
        if header in found:
            continue
        if cells and all(cell.startswith(_OURS) for cell in cells):
            found[header] = "contact"
        elif name in _AT:
            found[header] = "at"
        elif name in _VALUE:
            found[header] = "value"
        elif name in _LEAD:
            found[header] = "lead"
        elif (field := guess_field(header, header, cells)) in {"email", "phone"}:
            found[header] = str(field)
    return found


def _filled(rows: Iterable[Sequence[str]], place: int) -> list[str]:
    cells = [row[place].strip() for row in rows if place < len(row) and row[place].strip()]
    return cells[:_SAMPLE]
