"""Texts with places for a contact's values: mails, notes and tasks. Jinja2, sandboxed.

What a contact typed into a form is data: it is escaped in HTML, cannot break a subject into headers, and is never
itself read as a template. A name that there is not is an error when the template is read, not when it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipelines.models import Contact, Score, Temperature, Value
from pipelines.reasons import best_and_worst

_PLAIN: Final = ImmutableSandboxedEnvironment(autoescape=False, undefined=StrictUndefined, keep_trailing_newline=True)
_HTML: Final = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined)

_SUBJECT: Final = re.compile(r"\A\ufeff?subject:(.*)\r?\n", re.IGNORECASE)
_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")

Context = Mapping[str, Any]


class MailTemplate(Value):
    """A mail: its parts as written."""

    subject: str
    text: str
    html: str = ""


class Mail(Value):
    """A mail: its parts with the contact's values in them."""

    subject: str
    text: str
    html: str = ""


def read_mail_template(text: str, html: str = "") -> MailTemplate:
    """A template from its files. Raises ValueError that says what is wrong with it."""
    found = _SUBJECT.match(text)
    if not found or not found[1].strip():
        raise ValueError("the first line has to be `Subject: ...`")
    template = MailTemplate(subject=found[1].strip(), text=text[found.end() :].lstrip("\r\n"), html=html)
    render_mail(template, EXAMPLE)
    return template


def render_mail(template: MailTemplate, context: Context) -> Mail:
    """The mail to send. Raises ValueError that names the part and the mistake, never a value."""
    return Mail(
        subject=one_line(_rendered(_PLAIN, template.subject, context, "the subject")),
        text=_rendered(_PLAIN, template.text, context, "the text"),
        html=_rendered(_HTML, template.html, context, "the HTML") if template.html else "",
    )


def render_text(text: str, context: Context) -> str:
    """A task's or a note's text. Raises ValueError as `render_mail` does."""
    return _rendered(_PLAIN, text, context, "the text") if "{" in text else text


def one_line(text: str) -> str:
    """`text` without anything that would begin another line, or another header."""
    return _BREAKS.sub(" ", text).strip()


def context_of(
    contact: Contact, score: Score, *, source: str, workflow: str, seller: str, unsubscribe_url: str = ""
) -> Context:
    """What a template may name. Every name is there for every contact; what is not known is empty."""
    best, _ = best_and_worst(score)
    return {
        "contact": {
            "name": contact.name.full or f"{contact.name.given} {contact.name.family}".strip(),
            "given_name": contact.name.given,
            "family_name": contact.name.family,
            "email": contact.emails[0].address if contact.emails else "",
            "phone": contact.phones[0].e164 if contact.phones else "",
            "company": contact.company,
            "job_title": contact.job_title,
            "city": contact.address.city,
            "region": contact.address.region,
            "language": contact.language,
            "message": contact.message,
            "extra": _Free(contact.extra),
        },
        "score": {
            "value": score.value,
            "temperature": score.temperature.value,
            "reasons": [part.reason or part.feature for part in best],
        },
        "source": source,
        "workflow": workflow,
        "seller": seller,
        "unsubscribe_url": unsubscribe_url,
    }


class _Free(dict[str, str]):
    """Free fields by label: one that this contact does not have is empty."""

    def __missing__(self, label: str) -> str:
        return ""


def _rendered(environment: ImmutableSandboxedEnvironment, text: str, context: Context, part: str) -> str:
    try:
        template: Template = environment.from_string(text)
        return template.render(context)
    except TemplateError as problem:
        # Jinja's own words name the place in the template; of what a contact holds they say nothing.
        line = getattr(problem, "lineno", None)
        raise ValueError(f"{part}{f', line {line}' if line else ''}: {problem.message}") from None
    except Exception as problem:
        raise ValueError(f"{part}: {type(problem).__name__} in an expression") from None


def mistakes_in(texts: Sequence[str]) -> list[str]:
    """What is wrong with texts of the configuration that may hold templates."""
    found = []
    for text in texts:
        try:
            render_text(text, EXAMPLE)
        except ValueError as problem:
            found.append(f"“{text[:40]}”: {problem}")
    return found


_NOBODY = Contact()
EXAMPLE: Final[Context] = context_of(
    _NOBODY,
    Score(value=0, temperature=Temperature.COLD),
    source="site",
    workflow="nurture",
    seller="ana",
    unsubscribe_url="https://example.com/unsubscribe",
)
"""What a template is tried with when it is read."""
