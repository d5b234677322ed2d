"""Templates: a contact's values in them are data, and what is wrong with them is said without a value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.models import Contact, Score, Temperature
from pipelines.templates import Context, context_of, mistakes_in, one_line, read_mail_template, render_mail, render_text

Make = Callable[..., Contact]
TYPED = '<script>alert("x")</script> {{ 7 * 7 }} {% for x in y %}'
TEMPLATE = "Subject: Oi, {{ contact.given_name }}\n\nOlá {{ contact.given_name }}\n{{ unsubscribe_url }}\n"


def context(contact: Contact) -> Context:
    score = Score(value=90, temperature=Temperature.HOT)
    return context_of(contact, score, source="site", workflow="nurture", seller="ana", unsubscribe_url="https://x/u")


def typed(contact_of: Make, text: str) -> Context:
    named = contact_of("Marina Azevedo")
    return context(named.model_copy(update={"name": named.name.model_copy(update={"given": text})}))


def test_what_was_typed_is_escaped_in_html_and_is_no_template(contact_of: Make) -> None:
    mail = render_mail(read_mail_template(TEMPLATE, "<p>{{ contact.given_name }}</p>"), typed(contact_of, TYPED))
    assert mail.html == "<p>&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; {{ 7 * 7 }} {% for x in y %}</p>"
    assert mail.text == f"Olá {TYPED}\nhttps://x/u\n"
    assert mail.subject == f"Oi, {TYPED}"


@given(st.text(max_size=60))
def test_a_subject_is_one_line_whatever_was_typed(text: str) -> None:
    line = one_line(f"Oi, {text}")
    assert len(line.splitlines()) == 1
    assert not {"\r", "\n", "\0"} & set(line)


def test_a_name_cannot_add_a_header(contact_of: Make) -> None:
    mail = render_mail(read_mail_template(TEMPLATE), typed(contact_of, "Marina\r\nBcc: x@example.com"))
    assert mail.subject == "Oi, Marina Bcc: x@example.com"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ contact.extra.__init__.__globals__ }}",
        "{{ contact.clear() }}",
        "{{ contact.__setitem__('email', 'x') }}",
        "{{ score.reasons.append('x') }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% include '/etc/passwd' %}",
        "{{ 1 / 0 }}",
        "{{ contact.nickname }}",
        "{{ nobody }}",
        "{% if %}",
        "{{ contact.name",
    ],
)
def test_what_reaches_out_or_names_nothing_is_a_mistake(contact_of: Make, text: str) -> None:
    with pytest.raises(ValueError, match="the text") as problem:
        render_text(text, context(contact_of("Marina Azevedo")))
    assert "Marina" not in str(problem.value)
    assert len(mistakes_in([text])) == 1


def test_every_name_is_there_for_who_told_nothing() -> None:
    names = "{{ contact.name }}{{ contact.email }}{{ contact.phone }}{{ contact.company }}{{ contact.job_title }}"
    more = "{{ contact.city }}{{ contact.region }}{{ contact.language }}{{ contact.message }}{{ contact.extra['x'] }}"
    assert render_text(names + more + "{{ contact.extra.plano }}.", context(Contact())) == "."


def test_a_text_without_places_is_left_as_it_is() -> None:
    assert render_text("100% <b>", context(Contact())) == "100% <b>"
    assert mistakes_in(["Ligar", "{{ contact.given_name }}"]) == []


@pytest.mark.parametrize("text", ["", "Olá", "Subject:\n\nx", "\nSubject: x\n", "Assunto: x\n\nx"])
def test_a_template_begins_with_its_subject(text: str) -> None:
    with pytest.raises(ValueError, match="Subject"):
        read_mail_template(text)


@pytest.mark.parametrize("text", ["Subject: Oi\r\n\r\ncorpo\n", "\ufeffsubject: Oi\n\ncorpo\n", "SUBJECT:Oi\ncorpo\n"])
def test_an_editor_s_habits_do_no_harm(text: str) -> None:
    template = read_mail_template(text)
    assert (template.subject, template.text) == ("Oi", "corpo\n")


def test_a_mistake_names_the_part_and_the_line() -> None:
    with pytest.raises(ValueError, match="the HTML, line 2"):
        read_mail_template("Subject: x\n\nx", "<p>\n{% if %}</p>")
