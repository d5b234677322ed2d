"""Who is in a fake account from the first day: invented people, one of them twice, as accounts are."""

from __future__ import annotations

from typing import Final

from worker.fake_kommo.account import Account, Record

PEOPLE: Final = (
    ("Aline Monteiro Braga", "aline.braga@example.com", "+55 11 97654-0111"),
    ("Bento Carvalho Luz", "bento.luz@example.com", "+55 21 97654-0112"),
    ("Cecília Rocha Tinoco", "cecilia@tinoco.example.com", "+55 31 97654-0113"),
    ("Davi Nunes Arantes", "davi.arantes@example.com", ""),
    ("Estela Prates Moura", "", "+55 41 97654-0115"),
    ("Fábio Lins Queirós", "fabio@queiros.example.com", "+55 51 97654-0116"),
    ("Gilda Amaral Reis", "gilda.reis@example.com", "+55 61 97654-0117"),
    ("gilda reis", "gilda.reis@example.com", "61 7654-0117"),
    ("Heitor Vidal Sampaio", "heitor@vidal.example.com", "+55 71 97654-0118"),
    ("Inês Tavares Couto", "ines.couto@example.com", "+55 81 97654-0119"),
)
"""Name, mail address and telephone of each record."""


def move_in(account: Account) -> int:
    """Put them into the account; how many records that are."""
    for name, mail, phone in PEOPLE:
        account.add("contacts", contact_item(name, *filter(None, [phone]), emails=tuple(filter(None, [mail]))))
    account.events.clear()  # they have been there for long: no hook tells of them
    return len(PEOPLE)


def contact_item(name: str, *phones: str, emails: tuple[str, ...] = ()) -> Record:
    """A contact as `POST contacts` takes one."""
    values = [("PHONE", phones), ("EMAIL", emails)]
    return {
        "name": name,
        "custom_fields_values": [
            {"field_code": code, "values": [{"value": text, "enum_code": "WORK"} for text in texts]}
            for code, texts in values
            if texts
        ],
    }
