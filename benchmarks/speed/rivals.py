"""What one would write instead: a loop over the rows with an exact-match check, in one process.

It forgives nothing: no typo, no second spelling, no crash between two of its statements, no second worker. It is here
to say what all of that costs.
"""

from __future__ import annotations

from collections.abc import Iterable

import email_validator
import phonenumbers
import psycopg

_TABLES = """
CREATE TABLE loop_contacts (id bigserial PRIMARY KEY, name text, email text, phone text, company text, score int);
CREATE INDEX ON loop_contacts (email);
CREATE INDEX ON loop_contacts (phone);
CREATE TABLE loop_crm (id bigserial PRIMARY KEY, contact bigint, kind text, what text);
"""
_WORDS = {"orçamento": 30, "preço": 30, "demonstração": 25}


def prepare_loop(url: str, known: Iterable[dict[str, str]]) -> None:
    """Make its tables, with these people in them."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(_TABLES)
        with cursor.copy("COPY loop_contacts (name, email, phone, company) FROM STDIN") as copy:
            for one in known:
                copy.write_row((one["nome"], one["email"], _phone(one["celular"]), one["empresa"]))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE loop_contacts")


def naive_loop(url: str, told: Iterable[dict[str, str]]) -> tuple[int, int]:
    """Each row normalized, checked, looked up, scored and written, one commit each; how many were new, and known."""
    made = found = 0
    with psycopg.connect(url) as connection:
        for one in told:
            email = email_validator.validate_email(
                one["email"], check_deliverability=False, test_environment=True
            ).normalized.lower()
            phone = _phone(one["celular"])
            score = 20 + sum(points for word, points in _WORDS.items() if word in one["mensagem"].lower())
            score += 20 if "Diretor" in one["cargo"] else 0
            row = connection.execute(
                "SELECT id FROM loop_contacts WHERE email = %s OR phone = %s LIMIT 1", (email, phone)
            ).fetchone()
            if row:
                connection.execute(
                    "UPDATE loop_contacts SET company = %s, score = %s WHERE id = %s", (one["empresa"], score, row[0])
                )
                found += 1
            else:
                row = connection.execute(
                    "INSERT INTO loop_contacts (name, email, phone, company, score) VALUES (%s, %s, %s, %s, %s)"
                    " RETURNING id",
                    (one["nome"].title(), email, phone, one["empresa"], score),
                ).fetchone()
                made += 1
            assert row is not None
            connection.execute(
                "INSERT INTO loop_crm (contact, kind, what) VALUES (%s, 'note', %s), (%s, 'task', 'call')",
                (row[0], one["mensagem"], row[0]),
            )
            connection.commit()
    return made, found


def _phone(text: str) -> str:
    number = phonenumbers.parse(text, "BR")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
