"""The rules: how many points each feature is worth, and from where a contact is warm or hot.

`[scoring]` of portaria.toml overrides single numbers; the version follows from all of them, so a score can always be
told which numbers made it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from pipelines.firmographics import Industry
from pipelines.models import Contribution, Temperature, Value
from pipelines.reasons import BASE
from pipelines.scoring import Features
from pipelines.scoring_points import AreaPoints, Count, Points, RevenuePoints, SeniorityPoints, SizePoints
from pipelines.sections import read_section

RULES: Final = 2
"""Of how features are read and rules applied; raised with every change of either that moves a score."""

SHORT_MESSAGE: Final = 5
MANY_PAGES: Final = 5


class ScoringRules(Value):
    """All the numbers of a score. The defaults are weighed by hand, so that the named cases of the tests come out as a
    salesperson would sort them; nothing was learned from outcomes."""

    hot: Annotated[int, Field(ge=1, le=100)] = 80
    """From here a contact is hot."""
    warm: Annotated[int, Field(ge=0, le=100)] = 60
    """From here warm, below cold."""
    points: Points = Points()
    seniority: SeniorityPoints = SeniorityPoints()
    area: AreaPoints = AreaPoints()
    company_size: SizePoints = SizePoints()
    revenue: RevenuePoints = RevenuePoints()
    industry: Mapping[Industry, Count] = Field(default_factory=dict)
    """Points by industry: who buys what you sell is yours to know, so none has any."""
    region: Mapping[str, Count] = Field(default_factory=dict)
    """Points by state (`SP`) or country (`PT`); the state's where both have some."""
    competitors: tuple[str, ...] = ()
    """Domains and names of companies that sell what you sell."""
    sources: Mapping[str, Count] = Field(default_factory=dict)
    """Points by the name of the source; 0 for one that is not named."""
    long_message: Annotated[int, Field(ge=1)] = 20
    most_returns: Annotated[int, Field(ge=0)] = 3
    half_life_days: Annotated[float, Field(gt=0)] = 60.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warm >= self.hot:
            raise ValueError(f"warm ({self.warm}) has to be less than hot ({self.hot})")
        return self

    @cached_property
    def version(self) -> str:
        """`rules-2-` and a hash of the content: the same on every machine, another for any other number."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return f"rules-{RULES}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"

    def temperature(self, value: int) -> Temperature:
        """How warm a contact of this score is."""
        if value >= self.hot:
            return Temperature.HOT
        return Temperature.WARM if value >= self.warm else Temperature.COLD

    def contributions(self, features: Features) -> Sequence[Contribution]:
        """What each feature is worth (`pipelines.scoring.ScoringModel`)."""
        parts = [
            (BASE, self.points.base, "every contact starts here"),
            *_fit(features, self),
            ("source", self.sources.get(str(features.get("source", "")), 0), f"came through {features.get('source')}"),
            *_engagement(features, self),
            *_quality(features, self.points),
            *_negatives(features, self),
        ]
        return [Contribution(feature=name, points=points, reason=reason) for name, points, reason in parts if points]


Parts = Iterator[tuple[str, int, str]]
"""Feature, points, reason."""


def _fit(features: Features, rules: ScoringRules) -> Parts:
    points = rules.points
    for name, table, spoken in (
        ("seniority", rules.seniority, "seniority"),
        ("area", rules.area, "area"),
        ("company_size", rules.company_size, "company size"),
        ("revenue", rules.revenue, "revenue"),
    ):
        level = str(features.get(name, ""))
        if level in type(table).model_fields:
            yield name, getattr(table, level), f"{spoken}: {level.replace('_', ' ')}"
    if worth := rules.industry.get(features.get("industry"), 0):  # type: ignore[call-overload]  # a StrEnum is its text
        yield "industry", worth, f"industry: {str(features['industry']).replace('_', ' ')}"
    places = [str(features.get(name, "")) for name in ("region", "country")]
    if place := next((place for place in places if place in rules.region), ""):
        yield "region", rules.region[place], f"from {place}"
    match features.get("mailbox"):
        case "corporate":
            yield "corporate_mail", points.corporate_mail, "corporate e-mail"
        case "role":
            yield "role_mail", points.role_mail, "e-mail of a company's desk"
    if features.get("company_named"):
        yield "company", points.company, "company named"
    if features.get("cnpj"):
        yield "cnpj", points.cnpj, "valid CNPJ"


_WANTS: Final = {
    "buy": "asks for a price or wants to buy",
    "meet": "wants to meet or a demonstration",
    "ask": "wants to know more",
}
_LOOKED_AT: Final = {
    "pricing": "looked at the prices",
    "demo": "looked at the demonstration",
    "product": "looked at a product",
    "content": "read an article or a guide",
    "careers": "looked at the open positions",
}


def _engagement(features: Features, rules: ScoringRules) -> Parts:
    points = rules.points
    if (wants := str(features.get("intent", ""))) in _WANTS:
        yield f"intent_{wants}", getattr(points, f"intent_{wants}"), _WANTS[wants]
    if features.get("urgent"):
        yield "urgent", points.urgent, "urgent"
    length = _number(features, "message_words")
    if length >= rules.long_message:
        yield "message_long", points.message_long, "detailed message"
    elif length >= SHORT_MESSAGE:
        yield "message_short", points.message_short, "wrote a message"
    if (page := str(features.get("page", ""))) in _LOOKED_AT:
        yield f"page_{page}", getattr(points, f"page_{page}"), _LOOKED_AT[page]
    if _number(features, "page_views") >= MANY_PAGES:
        yield "many_pages", points.many_pages, "looked at many pages"
    if earlier := int(_number(features, "earlier")):
        yield "returning", points.returning * min(earlier, rules.most_returns), "came back"


def _quality(features: Features, points: Points) -> Parts:
    match features.get("phone"):
        case "mobile":
            yield "mobile_phone", points.mobile_phone, "valid mobile phone"
        case "fixed":
            yield "fixed_phone", points.fixed_phone, "valid phone"
    if features.get("name") == "full":
        yield "full_name", points.full_name, "given and family name"
    if features.get("mail") and features.get("phone"):
        yield "mail_and_phone", points.mail_and_phone, "e-mail and phone"
    if not features.get("mail") and not features.get("phone"):
        yield "unreachable", points.unreachable, "no e-mail and no valid phone"


def _negatives(features: Features, rules: ScoringRules) -> Parts:
    points = rules.points
    if not features.get("name"):
        yield "no_name", points.no_name, "no name"
    if features.get("mailbox") == "disposable":
        yield "disposable_mail", points.disposable_mail, "throw-away e-mail"
    for name, reason in (
        ("student", "student"),
        ("job_seeker", "looks for work"),
        ("vendor", "wants to sell to us"),
        ("competitor", "a competitor"),
        ("test_like", "looks like a test"),
        ("opted_out", "wants no messages"),
    ):
        if features.get(name):
            yield name, getattr(points, name), reason
    age = _number(features, "age_days")
    since = next((days for days in (365, 180, 90, 30, 7) if age > days), None)
    told = f"last heard of over {since} days ago" if since else "last heard of some days ago"
    yield "silence", round(points.silence * (1 - 0.5 ** (age / rules.half_life_days))), told


def _number(features: Features, name: str) -> float:
    value = features.get(name, 0)
    return min(float(value), 1e9) if isinstance(value, int | float) and value >= 0 else 0.0


def read_scoring(section: Mapping[str, object]) -> ScoringRules:
    """The rules that `[scoring]` describes; what it does not name keeps its default. Raises ValueError that names the
    key."""
    return read_section(ScoringRules, section, "scoring")
