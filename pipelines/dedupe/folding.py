"""Stand-in until the field rules of e-mails and companies land."""

from __future__ import annotations

from pipelines.text import words

FREE = frozenset(
    [
        "gmail.com",
        "hotmail.com",
        "outlook.com",
        "yahoo.com",
        "yahoo.com.br",
        "uol.com.br",
        "bol.com.br",
        "terra.com.br",
        "icloud.com",
        "live.com",
        "aol.com",
        "msn.com",
        "ig.com.br",
        "gmx.de",
        "web.de",
        "orange.fr",
        "proton.me",
    ]
)
ROLES = frozenset(
    [
        "contato",
        "info",
        "vendas",
        "comercial",
        "financeiro",
        "admin",
        "sac",
        "suporte",
        "contact",
        "sales",
        "office",
        "hello",
        "support",
        "rh",
        "atendimento",
        "adm",
        "compras",
        "recepcao",
        "secretaria",
        "diretoria",
        "marketing",
        "noreply",
        "billing",
    ]
)
FORMS = frozenset(
    [
        "ltda",
        "me",
        "eireli",
        "sa",
        "s",
        "a",
        "inc",
        "llc",
        "ltd",
        "gmbh",
        "corp",
        "co",
        "company",
        "cia",
        "epp",
        "mei",
        "sl",
        "srl",
        "bv",
        "plc",
        "limited",
        "ag",
    ]
)


def canonical_email(address: str) -> str:
    local, at, domain = address.strip().lower().rpartition("@")
    if not at or not local or not domain:
        return ""
    local = local.partition("+")[0]
    if domain in ("gmail.com", "googlemail.com"):
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def is_role_address(address: str) -> bool:
    return address.partition("@")[0] in ROLES


def is_free_mail(domain: str) -> bool:
    return domain in FREE


def registrable_domain(domain: str) -> str:
    parts = domain.split(".")
    return ".".join(parts[-3:] if len(parts) > 2 and len(parts[-1]) == 2 and len(parts[-2]) <= 3 else parts[-2:])


def company_key(text: str) -> str:
    return " ".join(word for word in words(text) if word not in FORMS)
