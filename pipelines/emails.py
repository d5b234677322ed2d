"""E-mail addresses: reading them out of what people type, and what an address says about its owner."""

from __future__ import annotations

import re
from urllib.parse import unquote

import tldextract
from disposable_email_domains import blocklist
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from rapidfuzz.distance import OSA

from pipelines.models import Email
from pipelines.text import fold, remembered, tidy_text, vocabulary

EMAIL_NORMALIZED = "email_normalized"
"""Rule: written as mail systems know it: lower case, Unicode domain, without `mailto:`, brackets and blanks."""

MOST_EMAILS = 20
"""Addresses read out of one text; whoever sends more sends a list, not a person."""
_LONGEST_ADDRESS = 320  # RFC 5321: 64 octets, an @, and 255; longer input is refused before any parsing

_AROUND_AT = re.compile(r" ?(?:@|[(\[{] ?(?:at|arroba) ?[)\]}]) ?", re.IGNORECASE)
_DOT_WORD = re.compile(r" ?[(\[{] ?(?:dot|ponto|punto) ?[)\]}] ?", re.IGNORECASE)
_BETWEEN_ADDRESSES = re.compile(r"[\s<>()\[\],;:|\"“”«»]+")
_COMMA_FOR_DOT = re.compile(r"@[\w-]+,(?:com|net|org)(?:[.,]\w\w)?", re.IGNORECASE)
_LINK_PARTS = re.compile(r"[/?&=]+")
"""Legal in an address and never in a person's; they part addresses from each other and from the link they stand in."""
_EDGE = ".,;:!?*_'\"`´’‘()[]{}<>|/\\ "

_ROLES = vocabulary(
    """
    abuse accounting accounts admin admins administracao administrador administrativo agenda agendamento ajuda
    almoxarifado assistencia atendimento atendimentoaocliente auditoria billing bookings careers cadastro central
    cobranca comercial compras comunicacao consultas contabilidade contact contacto contato contatos contas
    contasapagar contasareceber controladoria customerservice departamentopessoal diretoria dp ecommerce editor
    email enquiries escritorio estoque eventos expedicao facturacion faleconosco faturamento feedback finance
    financas financeiro fiscal gerencia gestao hello help helpdesk hola hostmaster hr imprensa info informacion
    informacoes informatica inquiries jobs juridico legal licitacao licitacoes loja logistica mail manutencao
    marketing matriz media mkt newsletter nfe noreply no-reply naoresponda nao-responda notafiscal notificacoes
    oficina office ola oi operacoes orcamento orcamentos orders ouvidoria parcerias pedidos portaria postmaster
    press privacidade privacy producao projetos qualidade recepcao recrutamento recruiting reservas reservations rh
    root sac sales saude secretaria security seguranca site sistemas soporte sugestoes suporte support suprimentos
    team tecnologia tesouraria ti trabalheconosco treinamento vagas venda vendas ventas web webmaster website
    """
)

_FREE_MAIL = vocabulary(
    """
    gmail.com googlemail.com hotmail.com hotmail.com.br hotmail.es hotmail.fr hotmail.it hotmail.co.uk
    hotmail.com.ar hotmail.de outlook.com outlook.com.br outlook.es outlook.fr outlook.pt outlook.it outlook.de
    outlook.com.ar live.com live.com.br live.com.pt live.com.ar live.com.mx live.co.uk live.fr live.it live.nl
    msn.com yahoo.com yahoo.com.br yahoo.com.ar yahoo.com.mx yahoo.es yahoo.fr yahoo.it yahoo.de yahoo.co.uk
    yahoo.co.in yahoo.co.jp ymail.com rocketmail.com icloud.com me.com mac.com uol.com.br bol.com.br terra.com.br
    ig.com.br globo.com globomail.com r7.com oi.com.br zipmail.com.br pop.com.br superig.com.br click21.com.br
    brturbo.com.br ibest.com.br sapo.pt mail.com email.com aol.com gmx.com gmx.de gmx.net web.de t-online.de
    proton.me protonmail.com pm.me tutanota.com zoho.com yandex.com yandex.ru mail.ru bk.ru inbox.ru list.ru qq.com
    163.com 126.com sina.com naver.com daum.net rediffmail.com libero.it virgilio.it orange.fr wanadoo.fr free.fr
    laposte.net sfr.fr comcast.net verizon.net att.net sbcglobal.net bellsouth.net cox.net btinternet.com sky.com
    telefonica.net fastmail.com hey.com duck.com hushmail.com
    """
)

_WELL_KNOWN = (
    "gmail.com", "hotmail.com", "outlook.com", "yahoo.com", "yahoo.com.br", "icloud.com", "uol.com.br", "bol.com.br",
    "terra.com.br", "globo.com", "live.com", "msn.com", "ig.com.br", "hotmail.com.br", "outlook.com.br",
    "googlemail.com", "protonmail.com",
)  # fmt: skip
"""Where most private mail lives, likeliest first: the only domains whose misspellings are guessed."""
_LABELS = {domain.partition(".")[0]: domain for domain in reversed(_WELL_KNOWN)}
_TYPED_ENDINGS = {
    "con": "com", "cm": "com", "comm": "com", "cim": "com", "vom": "com", "xom": "com", "cpm": "com", "coml": "com",
    "ocm": "com", "om": "com", "cok": "com", "clm": "com", "kom": "com", "coom": "com", "ccom": "com", "comn": "com",
    "co": "com", "comb": "com", "come": "com", "c": "com", "conm": "com", "copm": "com", "vcom": "com", "nom": "com",
    "combr": "com.br", "con.br": "com.br", "co.br": "com.br", "cm.br": "com.br", "com.b": "com.br", "com.r": "com.br",
    "com.be": "com.br", "com.vr": "com.br", "com.bt": "com.br", "com.nr": "com.br", "com.brr": "com.br",
    "com.rb": "com.br", "com.br.br": "com.br", "com.com.br": "com.br", "vom.br": "com.br", "cim.br": "com.br",
    "comm.br": "com.br", "com.com": "com", "br": "com.br",
}  # fmt: skip
_MISSPELT = ("gmail", "hotmail", "outlook", "yahoo", "icloud", "googlemail", "protonmail")
"""Names in which one slip is forgiven; `uol` and `bol`, `globo` and `globe` are one apart, and all of them real."""

_suffixes = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), fallback_to_snapshot=True)
"""The public suffix list that the package bundles: no download, no cache on disk."""


@remembered
def parse_email(text: str) -> Email | None:
    """The one address that `text` consists of, or None when it holds none, several, or anything besides.

    Takes what people type around an address for granted: `mailto:`, angle brackets with a name before them, quotes,
    full stops and commas at the end, a comma for the dot of `.com`, blanks around the @, a full-width @, "(at)". The
    address is normalised by email-validator without DNS and put in lower case; a domain in Punycode is shown in
    Unicode. Idempotent.
    """
    given = tidy_text(text)
    if len(given) > _LONGEST_ADDRESS or "\n" in given:
        return None
    bracketed = given.rfind("<")
    inner = given[bracketed + 1 :].partition(">")[0] if bracketed >= 0 else given
    inner = _AROUND_AT.sub("@", _DOT_WORD.sub(".", inner))
    address = _address(_COMMA_FOR_DOT.sub(lambda domain: domain.group().replace(",", "."), inner))
    if address is None or (bracketed >= 0 and "@" in given[:bracketed] and find_emails(given[:bracketed])):
        return None
    return Email(address=address, given=given)


_PLAIN_ADDRESS = re.compile(r"[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,63}")
_SPECIAL_USE = tuple(f".{domain}" for domain in SPECIAL_USE_DOMAIN_NAMES)


def _is_plainly_valid(text: str) -> bool:
    """Whether email-validator is sure to take `text` (in lower case) as it stands; nine in ten addresses are such."""
    domain = email_domain(text)
    return (
        _PLAIN_ADDRESS.fullmatch(text) is not None
        and len(text) <= 254
        and max(map(len, domain.split("."))) <= 63
        and not f".{domain}".endswith(_SPECIAL_USE)
    )


def _address(text: str) -> str | None:
    text = text.strip(_EDGE)
    if text[:7].lower() == "mailto:":
        text = unquote(text[7:]).strip(_EDGE)
    local, at, domain = text.rpartition("@")
    text = local + at + domain.partition("?")[0]  # what mailto: links carry behind it
    if text.count("@") != 1 or " " in text:
        return None
    if _is_plainly_valid(text.lower()):
        return text.lower()
    try:
        return validate_email(text, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


def find_emails(text: str) -> tuple[Email, ...]:
    """The addresses in `text`, each once, in their order, at most `MOST_EMAILS`. Linear time."""
    if "@" not in (text := tidy_text(text)) and "(" not in text and "[" not in text:
        return ()
    found: dict[str, Email] = {}
    for piece in _BETWEEN_ADDRESSES.split(_AROUND_AT.sub("@", _DOT_WORD.sub(".", text))):
        if "@" not in piece or len(piece) > _LONGEST_ADDRESS:
            continue
        for part in _LINK_PARTS.split(piece):
            if (address := _address(part)) and len(found) < MOST_EMAILS:
                found.setdefault(address, Email(address=address, given=part.strip(_EDGE)))
    return tuple(found.values())


def local_part(address: str) -> str:
    """What stands before the @; all of it when there is none."""
    return address.rpartition("@")[0] or address.strip("@")


def email_domain(address: str) -> str:
    """What stands after the @, in lower case; empty when there is none."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


@remembered
def registrable_domain(address: str) -> str:
    """The domain that somebody registered: `example.com.br` for `ana@mail.example.com.br`, by the public suffix list
    without its private part. Empty when the name is a bare suffix or has none that is known."""
    return _suffixes(address.rpartition("@")[2].lower()).top_domain_under_public_suffix


@remembered
def canonical_email(address: str) -> str:
    """The form under which two spellings of one mailbox are equal, for comparing and never for writing to: lower case,
    no plus tag, and for Gmail no dots and one domain. Idempotent."""
    local, _, domain = "".join(address.lower().split()).rpartition("@")
    local = local.partition("+")[0] or local
    if domain in {"gmail.com", "googlemail.com"}:
        local, domain = local.replace(".", "") or local, "gmail.com"
    return f"{local}@{domain}" if local else domain


def is_role_address(address: str) -> bool:
    """Whether a mailbox belongs to a desk, not to a person: contato@, vendas2@, no-reply@, financeiro.sp@."""
    local = fold(local_part(canonical_email(address)))
    plain = local.rstrip("0123456789").strip("._-")
    return (
        plain in _ROLES or plain.replace("-", "").replace(".", "").replace("_", "") in _ROLES or _first(plain) in _ROLES
    )


def _first(local: str) -> str:
    head = re.split(r"[._-]", local, maxsplit=1)[0]
    return head if len(head) > 3 else ""


def is_free_mail(address: str) -> bool:
    """Whether anybody can have a mailbox there, so that the domain says nothing of an employer."""
    return email_domain(address) in _FREE_MAIL


def is_disposable(address: str) -> bool:
    """Whether the domain, or the one it belongs to, gives out throw-away mailboxes (list: disposable-email-domains)."""
    return email_domain(address) in blocklist or registrable_domain(address) in blocklist


@remembered
def suggest_domain(domain: str) -> str:
    """The well-known mail domain that `domain` is most likely a slip of (gmial.com, hotmail.con, gmail.com.br), or
    empty. A suggestion for a person to confirm: the address itself is never rewritten."""
    domain = domain.strip().lower()
    label, _, ending = domain.partition(".")
    if domain in _FREE_MAIL or domain in _WELL_KNOWN or not ending:
        return ""
    meant = _TYPED_ENDINGS.get(ending, ending)
    if label not in _LABELS:
        label = next((known for known in _MISSPELT if OSA.distance(known, label, score_cutoff=1) == 1), label)
    if label in _LABELS and f"{label}.{meant}" in _WELL_KNOWN:
        return f"{label}.{meant}"
    if label in {"gmail", "icloud", "googlemail"} and meant == "com.br":
        return f"{label}.com"  # they have no Brazilian domain
    if label in _LABELS and (meant != ending or not _suffixes(domain).suffix):
        return _LABELS[label]
    if not _suffixes(domain).suffix and meant != ending and _suffixes(f"{label}.{meant}").suffix == meant:
        return f"{label}.{meant}"
    return ""
