"""What agreement and disagreement weigh: Fellegi and Sunter's model in bits, with three kinds of non-match.

For one field at one level, `match` is how often one person's two records show it, `random` how often two strangers'
do. Their ratio's logarithm to the base 2 is the field's bits (Fellegi and Sunter, *A Theory for Record Linkage*, JASA
1969). Two refinements:

- **How common the value is** replaces `random` where values agree (Winkler, *Frequency-Based Matching*, Census Bureau
  RR2000/06): sharing *Silva* says little, sharing *Xystouris* much; a switchboard's number, held by ninety contacts, is
  ninety times as weak as a private one.
- **People who belong together** are no strangers. A couple shares mailbox, telephone, address and family name at
  once, colleagues a switchboard and a company; taken as independent, that would add up to certainty. So each level
  also has its rate among members of one `household` and among `colleagues`, and what these two explain better than
  chance is taken off the sum, as one line of its own (`shared`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2
from typing import Final, NamedTuple

from pydantic import Field, PrivateAttr

from pipelines.dedupe import name_frequencies
from pipelines.dedupe.comparison import FIELDS, LEVELS
from pipelines.models import Value

FEWEST: Final = 1e-12
"""No rate is taken to be smaller: nothing is impossible in other people's data."""


class Rates(Value):
    """How often a level shows among pairs of each kind; each between 0 and 1."""

    match: float
    random: float
    household: float | None = None
    """None: as among strangers."""
    colleagues: float | None = None


class Ratios(NamedTuple):
    """A level in bits: each kind of pair against strangers."""

    match: float
    household: float
    colleagues: float
    random: float
    """log2 of the rate among strangers itself, for levels whose rate the value decides."""


class Model(Value):
    """The weights of a whole comparison. Frozen, JSON both ways (`model_dump_json`, `model_validate_json`)."""

    version: str
    """Kept with each decision."""
    fields: Mapping[str, Mapping[str, Rates]]
    duplicates: float = 0.25
    """How many of the known contacts a new arrival is, on average: 0.25 when every fourth comes back."""
    households: float = 0.4
    """How many known contacts live with a new arrival."""
    colleagues: float = 2.0
    """How many known contacts work with a new arrival."""
    calibration: tuple[tuple[float, float], ...] = ()
    """Points (bits, probability), rising in both: how often a sum of so many bits was right. Empty: by Bayes alone."""
    precision: tuple[tuple[float, float], ...] = ()
    """Points (probability, share of wrong merges among all merged from there up), for choosing thresholds."""
    shares: Mapping[str, Mapping[str, float]] = Field(default_factory=dict)
    """How common given names, family names and cities are among the user's own contacts (`given`, `family`, `city`);
    what is left out is as shipped."""

    _table: tuple[dict[str, Ratios], ...] = PrivateAttr(default=())

    def model_post_init(self, context: object, /) -> None:
        for name in FIELDS:
            levels = self.fields.get(name, {})
            unknown = set(levels) - set(LEVELS[name])
            if unknown:
                raise ValueError(f"the field {name} of a dedupe model has no level {sorted(unknown)[0]}")
            self._table += ({level: _ratios(levels.get(level)) for level in LEVELS[name]},)

    @property
    def table(self) -> tuple[dict[str, Ratios], ...]:
        """The bits of each level of each field, in the order of `FIELDS`; a level not in the model weighs nothing."""
        return self._table

    def frequencies(self, population: int, block_sizes: Mapping[int, int]) -> Frequencies:
        """How common values are in this model's world, given what the index shows."""
        return Frequencies(population, block_sizes, **self.shares)


def _ratios(rates: Rates | None) -> Ratios:
    if rates is None:
        return Ratios(0.0, 0.0, 0.0, 0.0)
    random = max(rates.random, FEWEST)
    household = random if rates.household is None else max(rates.household, FEWEST)
    colleagues = random if rates.colleagues is None else max(rates.colleagues, FEWEST)
    return Ratios(
        log2(max(rates.match, FEWEST) / random), log2(household / random), log2(colleagues / random), log2(random)
    )


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How common values are: shipped tables of names, and what the caller's own index shows."""

    population: int = 10_000
    """How many contacts there are to be confused with."""
    block_sizes: Mapping[int, int] = field(default_factory=dict)
    """How many contacts hold each blocking key (`pipelines.dedupe.blocking`); keys left out are taken as unknown."""
    given: Mapping[str, float] = field(default_factory=lambda: name_frequencies.GIVEN)
    family: Mapping[str, float] = field(default_factory=lambda: name_frequencies.FAMILY)
    city: Mapping[str, float] = field(default_factory=lambda: name_frequencies.CITY)

    def share_of(self, key: int, *, others: float) -> float | None:
        """The share of other contacts that hold a key, from what the index shows; None when it shows nothing.

        One holder is the candidate itself; `others` stands for those not seen yet.
        """
        holders = self.block_sizes.get(key)
        if holders is None:
            return None
        return min((max(holders - 1, 0) + others) / max(self.population, 1), 1.0)

    def share_of_given(self, words: str) -> float:
        first = words.partition(" ")[0]
        return self.given.get(first, name_frequencies.UNSEEN_GIVEN)

    def share_of_family(self, words: str) -> float:
        """Of the commonest of the family names: who shares only that one shares no more."""
        return max((self.family.get(word, name_frequencies.UNSEEN_FAMILY) for word in words.split()), default=1.0)

    def share_of_families(self, words: str) -> float:
        """Of all the family names together: *Souza Lima* is rarer than *Souza*, though not as rare as their product."""
        if " " not in words:
            return self.family.get(words, name_frequencies.UNSEEN_FAMILY) if words else 1.0
        shares = sorted((self.family.get(word, name_frequencies.UNSEEN_FAMILY) for word in words.split()), reverse=True)
        share = 1.0
        for position, each in enumerate(shares[:3]):
            share *= each if position == 0 else each**0.6
        return share

    def share_of_city(self, city: str) -> float:
        return self.city.get(city, name_frequencies.UNSEEN_CITY)


def _levels(text: str) -> dict[str, Rates]:
    """Rows of `level match random household colleagues`, `-` for "as among strangers"."""
    levels = {}
    for line in text.strip().split("\n"):
        level, *rates = line.split()
        match, random, household, colleagues = (None if rate == "-" else float(rate) for rate in rates)
        assert match is not None
        assert random is not None
        levels[level] = Rates(match=match, random=random, household=household, colleagues=colleagues)
    return levels


DEFAULT_MODEL: Final = Model(
    version="shipped-2",
    # The share of wrong merges on three seeds of benchmarks/dedupe/crm_people, doubled to be on the safe side.
    precision=((0.5, 0.012), (0.6, 0.009), (0.7, 0.0076), (0.8, 0.006), (0.9, 0.004), (0.97, 0.002), (0.99, 0.001)),
    fields={
        # level match random household colleagues
        "given_name": _levels("""
            exact     .80  .006   .008  -
            close     .07  .002   .002  -
            nickname  .05  .003   .003  -
            initial   .03  .002   .003  -
            partial   .05  .002   .005  -
            swapped   .01  .0005  .0005 -
            in_mail   .40  .004   .006  -
            different .006 .98    .95   -
        """),
        "family_name": _levels("""
            exact     .80  .006   .60   -
            close     .07  .001   .02   -
            partial   .12  .01    .20   -
            overlap   .01  .02    .08   -
            initial   .02  .003   .02   -
            swapped   .01  .01    .01   -
            in_mail   .40  .003   .30   -
            different .02  .95    .08   -
        """),
        "generation": _levels("""
            exact     .90  .20   .10   -
            one_sided .06  .10   .30   -
            different .005 .70   .60   -
        """),
        "email": _levels("""
            exact     .60  1e-7  .02   .0002
            role      .02  1e-6  .01   .05
            close     .05  1e-5  .002  1e-4
            local     .05  1e-6  .004  1e-5
            plain_local .03 4e-3 .004 -
            different .27  .9999 .97   .95
        """),
        "phone": _levels("""
            mobile      .55  1e-7  .04   .002
            exact       .15  1e-7  .20   .05
            last_digits .02  1e-6  .01   .002
            close       .05  1e-5  .01   .02
            different   .28  .9999 .83   .92
        """),
        "document": _levels("""
            exact     .97 1e-9 1e-5 1e-6
            different .01 1    1    1
        """),
        "remote": _levels("""
            exact     .99 1e-9 1e-7 1e-7
        """),
        "birth_date": _levels("""
            exact     .88 5e-5  .01  -
            close     .07 8e-4  .002 -
            near      .02 .015  .02  -
            different .03 .98   .97  -
        """),
        "company": _levels("""
            exact     .60 1e-3 .05  .70
            close     .08 5e-4 .01  .08
            domain    .08 5e-4 .01  .12
            different .24 .99  .93  .10
        """),
        "address": _levels("""
            street    .45 1e-5 .75 .02
            postal    .12 3e-4 .10 .03
            city      .28 .01  .10 .55
            near      .03 .004 .01 .02
            different .12 .98  .04 .38
        """),
    },
)
"""The shipped weights: our own estimates, tuned on the generators in `benchmarks/dedupe`."""
