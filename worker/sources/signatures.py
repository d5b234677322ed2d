"""Signature blocks: the phone, company and job title that people put under a mail."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.companies import company_key, has_legal_form
from pipelines.emails import is_free_mail, registrable_domain
from pipelines.jobs import read_job
from pipelines.mixed import looks_like_name
from pipelines.phones import find_phones
from pipelines.places import parse_state
from pipelines.text import fold, words
from worker.sources import signaturewords
from worker.sources.mailparts import Address

_MOST_LINES = 15
_LONGEST_LINE = 90
_TAIL_LINES = 60
_SHORT_BLOCK = 7
_DELIMITER = re.compile(r"\s*(?:--+|—+|–+|__+|\*{3,}|={3,}|-\s-(?:\s-)*|~{3,})\s*")
_DEVICE = re.compile(
    r"\W*(?:enviado (?:do|desde|a partir do|pelo|via)|sent (?:from|with|via)|gesendet (?:von|mit)|von meinem"
    r"|envoy[ée] (?:de|depuis)"
    r"|inviato da|verzonden vanaf|wys[łl]ano z|skickat fr[åa]n|get outlook for|obter o? ?outlook|obtener outlook"
    r"|outlook para|yahoo mail|livre de v[ií]rus|virus-free)\b",
    re.IGNORECASE,
)
_PHONE_LABEL = re.compile(
    r"^\W{0,3}(?:tel(?:efones?|[ée]fonos?|ephone|efon|\.)?|fones?|phones?|cel(?:ular|l)?|mob(?:ile|il)?|m[óo]vil"
    r"|whats(?:app)?|wpp|zap"
    r"|direct[oa]?|office|escrit[óo]rio|handy|t[ée]l|ph|gsm|[tmpcdwo])\b\s*[.:/)\-–]{0,2}\s*"
    r"(?=[+(\d])",
    re.IGNORECASE,
)
_FAX = re.compile(r"^\W{0,3}(?:fax|telefax|f)\b\s*[.:]?", re.IGNORECASE)
_DIGITS = re.compile(r"[+(\d][\d\s().\-/–]{6,30}(?:\s?(?:x|ext\.?|ramal|r\.)\s?\d{1,6})?", re.IGNORECASE)
_WEBSITE = re.compile(
    r"(?:https?://)?(?:www\.)?[a-z0-9](?:[a-z0-9-]{0,62}\.){1,4}[a-z]{2,12}(?:/[^\s<>]{0,200})?", re.IGNORECASE
)
_SOCIAL = re.compile(
    r"linkedin|facebook|instagram|twitter|youtube|wa\.me|whatsapp|goo\.gl|maps|calendly|outlook|google|x\.com", re.I
)
_LABELS = (
    ("company", re.compile(r"\W{0,3}(?:empresa|company|compañ[ií]a|organiza\w+|firma)\s*[:：]\s*(.+)", re.I)),
    ("job_title", re.compile(r"\W{0,3}(?:cargo|fun[çc][ãa]o|job title|title|position|puesto)\s*[:：]\s*(.+)", re.I)),
)  # fmt: skip
_BETWEEN = re.compile(r"\s*[|•·●▪║¦]\s*|\s{3,}|\t+|\s[/]\s")
_AT_COMPANY = re.compile(r"\s+(?:@|at|na|no|bei|chez|presso)\s+|\s+[-–—]\s+|,\s+")
_AFTER_NAME = re.compile(r"[|,•·–—]| - ")
_STREET = re.compile(
    r"\b(?:r(?:ua)?\.|rua|av(?:enida|da)?\.?|alameda|al\.|rodovia|pra[çc]a|travessa|bairro|cep|andar|sala|street|st\."
    r"|road|rd\."
    r"|avenue|ave\.?|suite|floor|blvd|calle|carrera|strasse|stra[sß]e|platz|rue|via|piazza|p\.? ?o\.? box"
    r"|caixa postal)(?:\W|$)",
    re.IGNORECASE,
)
_CREDENTIAL = re.compile(r"^\W*(?:oab|crm|crc|crea|cro|cau|crp|cnpj|cpf|creci|susep|coren)\b", re.IGNORECASE)

_OWN_PHONE = re.compile(
    r"\b(?:meu|minha|mi|my|me (?:lig|cham|telefon)\w*|call me|reach me|text me|ll[aá]m[ae]me|liga[r]? (?:para|no|pra)"
    r"|liguem|retorn\w+ (?:no|para|pelo)"
    r"|contato|contacto|fone|telefone|tel[ée]fono|tel|cel|celular|whats\w*|wpp|zap|phone|mobile|cell|number"
    r"|n[úu]mero)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a signature says, as it is written; empty where it does not."""

    name: str = ""
    phones: tuple[str, ...] = ()
    company: str = ""
    job_title: str = ""
    websites: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """E-mail addresses other than the sender's: a desk's or a colleague's as often as the sender's own."""
    lines: tuple[str, ...] = ()


def read_signature(text: str, sender: Address) -> Signature:
    """The signature at the end of a text whose quotations are cut, by `sender`. Linear time.

    The block begins below a line of dashes or a closing ("Atenciosamente,", "Best regards"), or with the sender's own
    name on a line of its own near the end. What stands there without one of the three is taken for prose.
    """
    lines = [line.strip(" \t*_>|\u200b") for line in text[-20_000:].splitlines()][-_TAIL_LINES:]
    block = [line for line in _block(lines, sender) if line and not _DEVICE.match(line)]
    block = block[:_MOST_LINES]
    if not block or any(len(line) > 4 * _LONGEST_LINE for line in block[:2]):
        return Signature()
    return _read([line for line in block if len(line) <= 2 * _LONGEST_LINE], sender)


def phones_said(text: str) -> tuple[str, ...]:
    """The numbers that a letter gives as its writer's own: on a line that says so, or alone on a line."""
    found: list[str] = []
    for line in text[:20_000].splitlines():
        if sum(map(str.isdigit, line)) >= 8 and len(line) <= 500:
            alone = not any(map(str.isalpha, line))
            found += [phone.given for phone in find_phones(line)] if alone or _OWN_PHONE.search(line) else []
    return tuple(dict.fromkeys(found))[:5]


def _block(lines: Sequence[str], sender: Address) -> Sequence[str]:
    closing = named = dashed = -1
    for number, line in enumerate(lines):
        if _DELIMITER.fullmatch(line) and line:
            if dashed < 0 and any(map(str.strip, lines[number + 1 :])):
                dashed = number
        elif _is_closing(line):
            closing = number
        elif is_called(line, sender.name) or (closing < 0 and _opens_with_name(line, sender.name)):
            named = number if named < 0 or named < len(lines) - _MOST_LINES else named
    if closing >= 0 and (dashed < 0 or closing < dashed or dashed + 1 >= closing):
        return lines[closing + 1 :]
    if named >= 0 and (dashed < 0 or named < dashed):
        return lines[named:]
    return lines[dashed + 1 :] if dashed >= 0 else _last_paragraph(lines)


def _last_paragraph(lines: Sequence[str]) -> Sequence[str]:
    """The last paragraph where it is short lines below a name, with a number or an address among them."""
    filled = [number for number, line in enumerate(lines) if line]
    end = filled[-1] + 1 if filled else 0
    start = end
    while start and lines[start - 1] and end - start <= _SHORT_BLOCK:
        start -= 1
    block = lines[start:end]
    if not start or not 2 <= len(block) <= _SHORT_BLOCK or max(map(len, block)) > _LONGEST_LINE:
        return ()
    first = block[0]
    named = looks_like_name(first) and len(first.split()) <= 4 and all(word[0].isupper() for word in first.split()[:1])
    reachable = any("@" in line or _phones(line) for line in block[1:])
    return block if named and reachable and not first.endswith((",", ".", "!", ":")) else ()


def _is_closing(line: str) -> bool:
    if not line or len(line) > 45:
        return False
    spoken = " ".join(words(line))
    return spoken in signaturewords.CLOSING or any(
        " ".join(words(part)) in signaturewords.CLOSING for part in line.split(",")[:1]
    )


def is_called(line: str, name: str) -> bool:
    """Whether a line is the name, or the first part of it and no more."""
    said, whole = words(line[:100]), words(name)
    return bool(said) and bool(whole) and said[0] == whole[0] and set(said) <= set(whole)


def _opens_with_name(line: str, name: str) -> bool:
    """`Ana Prado | Diretora`: the name first, then other things."""
    head = _AFTER_NAME.split(line[: 2 * _LONGEST_LINE], maxsplit=1)
    return len(head) == 2 and len(words(head[0])) >= 2 and is_called(head[0], name)


def _pieces(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield from (piece for piece in _BETWEEN.split(line) if piece.strip(" \t,;-–"))


def _read(lines: list[str], sender: Address) -> Signature:
    phones, websites, addresses = list[str](), list[str](), list[str]()
    plain: list[tuple[str, bool]] = []
    said = {"company": "", "job_title": ""}
    for piece in _pieces(lines):
        labelled = next(((kind, match[1]) for kind, label in _LABELS if (match := label.match(piece))), None)
        if labelled:
            said[labelled[0]] = said[labelled[0]] or labelled[1].strip()
        elif "@" in piece and "." in piece:
            addresses += re.findall(r"[\w.+%-]{1,64}@[\w.-]{1,255}\.\w{2,24}", piece)
            phones += _phones(piece)
        elif found := _phones(piece):
            phones += found
        elif (match := _WEBSITE.search(piece)) and ("www." in match[0].lower() or "/" in match[0] or match[0] == piece):
            if not _SOCIAL.search(match[0]):
                websites.append(match[0])
        elif not _FAX.match(piece) and not _CREDENTIAL.match(piece):
            plain.append((piece.strip(" ,;-–"), not any(map(str.isdigit, piece)) and not _STREET.search(piece)))
    name = _name(plain, sender)
    title, company = _work([piece for piece, clean in plain if clean and piece != name], name, sender)
    return Signature(
        name=name,
        phones=tuple(dict.fromkeys(phones))[:5],
        company=said["company"] or company,
        job_title=said["job_title"] or title,
        websites=tuple(dict.fromkeys(websites))[:3],
        addresses=tuple(one for one in dict.fromkeys(addresses) if one.lower() != sender.address.lower())[:5],
        lines=tuple(lines),
    )


def _phones(piece: str) -> list[str]:
    if _FAX.match(piece):
        return []
    found = [phone.given for phone in find_phones(piece)]
    label = _PHONE_LABEL.match(piece)
    if not found and label and (number := _DIGITS.match(piece, label.end())):
        return [number[0].strip()] if sum(map(str.isdigit, number[0])) >= 7 else []
    return found


def _name(plain: Sequence[tuple[str, bool]], sender: Address) -> str:
    """The first line that is the sender's name, or that can be a name where the sender's is not known."""
    for piece, _ in plain[:3]:
        if is_called(piece, sender.name):
            return piece
    first = plain[0][0] if plain and plain[0][1] else ""
    likely = first and looks_like_name(first) and len(first.split()) <= 5 and not is_title(first) and first[0].isupper()
    return first if likely and not has_legal_form(first) else ""


def _work(pieces: Sequence[str], name: str, sender: Address) -> tuple[str, str]:
    """(job title, company): the title by its words; the company by its legal form, by the sender's domain, or by
    standing next to the title, under the name."""
    title = company = ""
    near: list[str] = []
    for piece in pieces[:6]:
        if is_called(piece, sender.name or name):
            continue
        if _opens_with_name(piece, sender.name or name):
            piece = _AFTER_NAME.split(piece, maxsplit=1)[1].strip()
        if (
            not piece
            or len(piece) > _LONGEST_LINE
            or (piece.endswith((".", "!", "?", ":")) and not has_legal_form(piece))
        ):
            continue
        head, other = _divided(piece)
        if other and not title and not company and is_title(head):
            title, company = head, other
        elif not company and (has_legal_form(piece) or _is_domain_name(piece, sender.address)):
            company = piece
        elif not title and is_title(piece):
            title, company = head, company or other
        elif is_company_like(piece):
            near.append(piece)
    if not company and near and (title or name):
        company = near[0]
    return title, company


def _divided(piece: str) -> tuple[str, str]:
    """`Diretora na Acme`, `Diretora - Acme`, `CEO @ Acme`: the title and the company."""
    head, *tail = _AT_COMPANY.split(piece, maxsplit=1)
    if tail and is_title(head) and not is_title(tail[0]) and is_company_like(tail[0]):
        return head.strip(), tail[0].strip()
    if tail and is_title(tail[0]) and not is_title(head) and is_company_like(head):
        return tail[0].strip(), head.strip()
    return piece, ""


def is_title(text: str) -> bool:
    """Whether a short text names a post."""
    if len(text.split()) > 9:
        return False
    job = read_job(text)
    spoken = words(text)
    if (
        job.seniority
        or not signaturewords.POSTS.isdisjoint(spoken)
        or any(word.endswith(signaturewords.POST_ENDINGS) for word in spoken)
    ):
        return True
    return bool(job.area) and (len(spoken) == 1 or spoken[0] in signaturewords.DEPARTMENTS)


def is_company_like(text: str) -> bool:
    """Whether a line can be a company's name: a few words with a capital, no place, no sentence."""
    if not 1 <= len(text.split()) <= 6 or not any(map(str.isupper, text)) or _STREET.search(text) or ":" in text:
        return False
    tail = re.split(r"\s*[-–/,]\s*", text)[-1]
    return not (len(tail) <= 3 and parse_state(tail)) and fold(text) not in signaturewords.CLOSING


def _is_domain_name(piece: str, address: str) -> bool:
    """Whether a line is the name that the sender's own mail domain is made of."""
    if not address or is_free_mail(address):
        return False
    domain = re.sub(r"[^a-z0-9]", "", registrable_domain(address).partition(".")[0])
    key = company_key(piece).replace(" ", "")
    return len(key) >= 3 and len(domain) >= 3 and (key == domain or (len(domain) >= 5 and key.startswith(domain)))
