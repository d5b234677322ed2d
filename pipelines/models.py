"""The values that travel through the stages: frozen, typed, and JSON both ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipelines.states import Stage


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time needs its zone")
    return moment


Moment = Annotated[datetime, AfterValidator(_in_utc)]
"""A point in time; a time without a zone is refused, since nobody can tell when it was."""


class Value(BaseModel):
    """A frozen value: equal when its fields are equal, unknown fields refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


# --- what a source brings -------------------------------------------------------------------------------------------


class SourceField(Value):
    """One field as the source sent it, before anyone judged it."""

    key: str
    """The source's own name of the field, unique in its record: `your-email`, `custom_fields.735649`."""
    label: str = ""
    """What the person saw beside it, where the source says so."""
    hint: str = ""
    """The standard field (a name in `FIELDS`) that the source itself declares it to be; `ignore` for what is about the
    form and not the person; or nothing."""
    values: tuple[str, ...] = ()
    """What was filled in, as text; several for a choice of several."""


RECORD = "record"
"""Kind of a `RemoteRef`: a row of a list, by its own id there; the system is the source's name."""


class RemoteRef(Value):
    """A record in another system, by that system's own id."""

    system: str
    """Which account of which system: `kommo:acme`, `local`, `meta:page`."""
    kind: str
    """`contact`, `lead`, `company`, `task`, `note`, `event`, ..."""
    id: str


class SourceRecord(Value):
    """One person's data as found in a delivery, still in the source's own words."""

    fields: tuple[SourceField, ...] = ()
    remotes: tuple[RemoteRef, ...] = ()
    """The same person or their lead in the system that sent this."""
    occurred_at: Moment | None = None
    """When the person did it, as the source says; None when it does not say."""
    language: str = ""
    """BCP 47 language of the form, where the source says so."""


# --- the person -----------------------------------------------------------------------------------------------------


class Origin(Value):
    """Where a value came from."""

    source: str
    delivery: str
    submission: str
    stage: Stage
    at: Moment
    by: str = ""
    """The enrichment source or rule that found it, when the person did not say it themselves."""


class Email(Value):
    address: str
    """Normalised: domain in lower case and IDNA-decoded, local part as mail systems treat it (lower case)."""
    given: str
    """What was typed."""


class PhoneKind(StrEnum):
    MOBILE = "mobile"
    FIXED = "fixed"
    OTHER = "other"


class Phone(Value):
    e164: str
    """`+5511987654321`; a Brazilian mobile from before the ninth digit has it restored."""
    given: str
    """What was typed."""
    kind: PhoneKind = PhoneKind.OTHER
    region: str = ""
    """ISO 3166 country of the number."""
    variants: tuple[str, ...] = ()
    """Other E.164 forms that the same line is known by (without the ninth digit)."""
    extension: str = ""


class DocumentKind(StrEnum):
    CPF = "cpf"
    CNPJ = "cnpj"
    OTHER = "other"


class Document(Value):
    kind: DocumentKind
    number: str
    """Compact: no punctuation, upper case."""
    given: str
    valid: bool = False
    """Its check digits are right (CPF, CNPJ); always False for other kinds, which have none that we know."""


class PostalAddress(Value):
    street: str = ""
    number: str = ""
    complement: str = ""
    district: str = ""
    city: str = ""
    region: str = ""
    """State or province; a Brazilian state as its two letters."""
    postal_code: str = ""
    country: str = ""
    """ISO 3166 two letters."""


class PersonName(Value):
    """A name in its parts; `full` is as given, tidied but not reordered."""

    full: str = ""
    given: str = ""
    family: str = ""
    title: str = ""
    suffix: str = ""


FIELDS: tuple[str, ...] = (
    "name", "given_name", "family_name", "email", "phone", "document", "birth_date", "company", "job_title",
    "website", "street", "number", "complement", "district", "city", "region", "postal_code", "country", "address",
    "language", "message",
)  # fmt: skip
"""The standard fields that a source's field can be mapped to; `ignore` drops one from guessing, into free fields."""


class Contact(Value):
    """A person as one submission tells of them, or (merged from several) as all of them do.

    `origins` holds, for each value, where it came from: keys are field names (`name`, `company`, ...), and for
    e-mails, phones, documents, remotes and extras the field name and the value: `emails:ana@example.com`.
    """

    name: PersonName = PersonName()
    emails: tuple[Email, ...] = ()
    phones: tuple[Phone, ...] = ()
    documents: tuple[Document, ...] = ()
    birth_date: date | None = None
    company: str = ""
    job_title: str = ""
    website: str = ""
    address: PostalAddress = PostalAddress()
    language: str = ""
    message: str = ""
    extra: Mapping[str, str] = Field(default_factory=dict)
    """Free fields: whatever else was sent, by the label or key it came with. Nothing sent is thrown away."""
    remotes: tuple[RemoteRef, ...] = ()
    origins: Mapping[str, Origin] = Field(default_factory=dict)


class Change(Value):
    """What normalize changed in a value, and by which rule."""

    field: str
    before: str
    after: str
    rule: str
    """A constant of the module that holds the rule, documented there."""


class Normalized(Value):
    contact: Contact
    changes: tuple[Change, ...] = ()


class Severity(StrEnum):
    REJECT = "reject"
    WARN = "warn"


class Finding(Value):
    """Something validate has to say of a submission. `code` is a constant in `pipelines.validate`, documented there."""

    code: str
    severity: Severity
    field: str = ""
    detail: str = ""
    """For a person: what is wrong and how to mend it. Never holds the value itself."""


# --- what the stages decide ----------------------------------------------------------------------------------------


class DecisionKind(StrEnum):
    NEW = "new"
    MATCH = "match"
    REVIEW = "review"


class FieldEvidence(Value):
    """What one field says about two records being one person."""

    field: str
    left: str
    right: str
    level: str
    """The comparison level: `exact`, `close`, ..., `missing`."""
    bits: float
    """log2 of how much likelier this level is for one person than for two (Fellegi and Sunter 1969)."""


class Evidence(Value):
    """The comparison of a submission with one candidate contact."""

    contact_id: str
    bits: float
    """Prior and fields summed."""
    probability: float
    prior_bits: float = 0.0
    fields: tuple[FieldEvidence, ...] = ()
    vetoes: tuple[str, ...] = ()
    """Codes of the rules that forbid an automatic merge whatever the sum (names conflict, documents differ)."""


class Decision(Value):
    """What dedupe says of a submission."""

    kind: DecisionKind
    contact_id: str = ""
    """Whom it matches; for a review the likeliest candidate; empty for new."""
    probability: float = 0.0
    reason: str = ""
    """A code documented in `pipelines.dedupe.decision`."""
    evidence: tuple[Evidence, ...] = ()
    """Best candidate first; a bounded number of them."""
    match_at: float = 1.0
    review_at: float = 0.0
    """The two thresholds, probabilities, that were in force."""
    model: str = ""
    notes: tuple[str, ...] = ()
    """What limited the search: kinds of keys that too many contacts hold to be looked up."""


class Fact(Value):
    """Something an enrichment source found. Never overwrites what the person said."""

    field: str
    """A name in `FIELDS`, or a fact's own: `email_domain_kind`, `company_size`, `seniority`, ..."""
    value: str
    by: str
    at: Moment
    confidence: float = 1.0


class Contribution(Value):
    """One named part of a score."""

    feature: str
    points: int
    reason: str = ""


class Temperature(StrEnum):
    HOT = "hot"
    WARM = "warm"
    COLD = "cold"


class Score(Value):
    """0-100; the contributions sum to `value` exactly."""

    value: int
    temperature: Temperature
    contributions: tuple[Contribution, ...] = ()
    model: str = ""


class WriteKind(StrEnum):
    CREATE_CONTACT = "create_contact"
    UPDATE_CONTACT = "update_contact"
    CREATE_LEAD = "create_lead"
    UPDATE_LEAD = "update_lead"
    MOVE_LEAD = "move_lead"
    """From the contact `source` to the contact `destination` (ids of the CRM's)."""
    CREATE_TASK = "create_task"
    ADD_NOTE = "add_note"
    ADD_TAGS = "add_tags"
    REMOVE_TAGS = "remove_tags"


class CrmWrite(Value):
    """An intended call to the CRM, recorded before it is made.

    `key` is the idempotency key: the same intent always has the same one, and an adapter leaves it as a marker on
    what it creates, so that a write of unknown outcome can be looked up instead of repeated.
    """

    key: str
    kind: WriteKind
    contact_id: str
    """Our contact that this is about."""
    target: RemoteRef | None = None
    """The CRM's record to change or to attach to; None for a create that stands alone."""
    fields: Mapping[str, Any] = Field(default_factory=dict)
    """What to write, in our words (`name`, `emails`, `phones`, `text`, `due_at`, ...); the adapter translates."""


class Notification(Value):
    """A message to leave the house by a sink: a signed webhook, a chat or a mail."""

    key: str
    sink: str
    """Name of the sink in the configuration."""
    payload: Mapping[str, Any] = Field(default_factory=dict)
