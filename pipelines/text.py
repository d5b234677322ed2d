"""Tidying that every text gets before anyone reads it, and telling a filled-in field from a placeholder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar

import ftfy
from anyascii import anyascii

TEXT_TIDIED = "text_tidied"
"""Rule: mojibake mended, HTML entities opened, invisible and control characters removed, or white space folded."""
TEXT_CUT = "text_cut"
"""Rule: longer than `MAX_LENGTH`, so its end was cut off; the delivery still holds all of it."""

MAX_LENGTH = 20_000
"""Characters of a text that are kept: ten pages, more than any form's message."""

_P = ParamSpec("_P")
_T = TypeVar("_T")
_LONGEST_REMEMBERED = 200
_MOST_REMEMBERED = 8192


def remembered(rule: Callable[Concatenate[str, _P], _T]) -> Callable[Concatenate[str, _P], _T]:
    """`rule` with its latest answers kept, for values repeat (cities, companies, a person's name at every stage).

    Only for short texts, so that the memory of a long-running worker stays bounded: a few MiB a rule.
    """
    known = lru_cache(maxsize=_MOST_REMEMBERED)(rule)

    @wraps(rule)
    def answer(text: str, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        if len(text) > _LONGEST_REMEMBERED:
            return rule(text, *args, **kwargs)
        return known(text, *args, **kwargs)  # type: ignore[arg-type]  # lru_cache wants its arguments hashable: they are

    return answer


_FTFY = ftfy.TextFixerConfig(uncurl_quotes=False, explain=False)

_INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f"  # C0 and C1 controls, but for the white space among them
    "\xad\u034f\u061c\u180e\u200b\u200e\u200f"  # soft hyphen, joiners and marks that show nothing, bidi marks
    "\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # bidi embeddings and isolates, word joiner, BOM, annotations
    "\U000e0000-\U000e0fff"  # tag characters: text that only machines see
    "]"
)
_LONE_JOINER = re.compile(r"(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])")
"""Joiners are part of Persian, Indic and emoji text; beside ASCII they only make equal things differ."""
_BLANK = str.maketrans(dict.fromkeys("\u115f\u1160\u2800\u3164\uffa0", " "))
"""Letters and patterns by their category that show as nothing: people paste them as an invisible name."""
_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_SPACE_AT_BREAK = re.compile(r"[^\S\n]+")
_NEEDS_MENDING = re.compile(r"[^\x20-\x7e\n]|[&]|  |\n\n\n| \n|\n ")


@remembered
def tidy_text(text: str) -> str:
    """`text` as its writer meant it: mojibake mended, Unicode NFC, no invisible characters, white space folded, line
    breaks kept (two in a row at the most), at most `MAX_LENGTH` characters. Idempotent; never raises; linear time.
    """
    if len(text) > MAX_LENGTH:
        text = text[: MAX_LENGTH - 1] + "…"
    text = text.strip()
    if not _NEEDS_MENDING.search(text):
        return text  # plain ASCII without an entity: nothing below would change it
    for _ in range(8):  # taking one flaw away can lay another bare; in practice the second round changes nothing
        before = text
        text = _tidied_once(text)
        if text == before:
            break
    return text[:MAX_LENGTH].rstrip()


def _tidied_once(text: str) -> str:
    text = _INVISIBLE.sub("", text)
    if not text.isascii() or "&" in text:
        text = ftfy.fix_text(text, _FTFY)
        text = _LONE_JOINER.sub("", _INVISIBLE.sub("", text)).translate(_BLANK)
    text = _LINE_BREAK.sub("\n", text)
    lines = [_SPACE_AT_BREAK.sub(" ", line).strip() for line in text.split("\n")]
    kept = [line for i, line in enumerate(lines) if line or (i and lines[i - 1])]
    return unicodedata.normalize("NFC", "\n".join(kept)).strip()


@remembered
def tidy_line(text: str) -> str:
    """`tidy_text` on one line: line breaks become spaces too."""
    text = tidy_text(text)
    return tidy_text(text.replace("\n", " ")) if "\n" in text else text


@remembered
def fold(text: str) -> str:
    """`text` for comparing: ASCII (any script is transliterated), lower case, white space folded. Idempotent."""
    if not text.isascii():
        text = anyascii(text)
    return " ".join(text.lower().split())


_NOT_WORD = re.compile(r"[^a-z0-9]+")


@remembered
def words(text: str) -> tuple[str, ...]:
    """The words of `text` for comparing: folded, punctuation taken as white space."""
    return tuple(_NOT_WORD.sub(" ", fold(text)).split())


def vocabulary(listed: str, separator: str | None = None) -> frozenset[str]:
    """The words of a list written as running text, or its phrases between `separator`s and line breaks."""
    if separator:
        listed = listed.replace("\n", separator)
    return frozenset(entry.strip() for entry in listed.split(separator)) - {""}


# --- placeholders ---------------------------------------------------------------------------------------------------

_PHRASES = vocabulary(
    """
    n a | n d | n i | s n | s i | nao informado | nao informada | nao informar | nao se aplica | nao aplicavel | nao tem
    nao tenho | nao possui | nao possuo | nao sei | nao consta | nao declarado | nao definido | sem informacao
    sem nome | sem email | sem e mail | sem telefone | sem celular | sem sobrenome | sem empresa | sem dados
    nenhum | nenhuma | nada | ninguem | vazio | em branco | a definir | anonimo | anonima | desconhecido | desconhecida
    fulano | fulana | fulano de tal | fulana de tal | beltrano | ciclano | sicrano
    none | null | nil | nan | undefined | unknown | anonymous | empty | blank | no name | noname | not provided
    not informed | not given | not available | not applicable | no email | no phone | not set | tbd | object object
    no aplica | no tengo | no tiene | ninguno | ninguna | sin nombre | sin datos | sin informacion | desconocido
    nome | seu nome | nome completo | seu nome completo | nome e sobrenome | sobrenome | your name | full name | name
    first name | last name | nombre | su nombre | apellido | email | e mail | seu email | seu e mail | your email
    telefone | celular | whatsapp | seu telefone | your phone | phone | empresa | sua empresa | your company
    mensagem | sua mensagem | your message | abc | abcd | abcde | abcdef | abc 123 | abc123 | foo | foo bar | foobar
    xpto | bla | blabla | bla bla | bla bla bla | blah | blah blah | blah blah blah | lorem ipsum
    lorem ipsum dolor sit amet
    """,
    separator="|",
)
_TEST_WORDS = vocabulary("teste testes test tests testing testando tester prueba pruebas probando")
_BESIDE_TEST = vocabulary(
    """
    a o um uma de do da the user usuario cliente customer lead contato contact form formulario nome name sobrenome
    email empresa company mensagem message envio ok final novo new outro only so apenas isso e is this
    """
)
_KEYBOARD_ROWS = vocabulary("qwertyuiop asdfghjkl zxcvbnm poiuytrewq lkjhgfdsa mnbvcxz 1234567890 0123456789")
_SHORT_RUNS = frozenset({"asd", "qwe", "zxc", "jkl", "fds", "dsa", "ewq"})
_SAME_CHARACTER = re.compile(r"(?:([a-z])\1{2,}|([0-9])\2{3,}|x+)")
_LONGEST_PLACEHOLDER = 64


@remembered
def is_placeholder(text: str) -> bool:
    """Whether `text` was put in a field only to get past it: nothing but punctuation, "não informado", "N/A", "teste",
    "asdf", "xxx", "aaaa", "12345", the field's own caption. The whole text has to be such; an emoji is an answer.
    """
    text = tidy_line(text)
    if all(unicodedata.category(character)[0] in "PZ" or character in "+=<>|$^`~" for character in text):
        return True
    spoken = words(text)
    together = "".join(spoken)
    if not together:
        return False
    if _SAME_CHARACTER.fullmatch(together):
        return True
    if len(together) > _LONGEST_PLACEHOLDER:
        return False
    if text == "NA" or " ".join(spoken) in _PHRASES:
        return True
    if not _TEST_WORDS.isdisjoint(spoken):
        return all(word in _TEST_WORDS or word in _BESIDE_TEST or word.isdigit() for word in spoken)
    return all(_is_keyboard_run(word) for word in spoken)


def _is_keyboard_run(word: str) -> bool:
    """Whether fingers just ran along a row of keys: `asdf`, `qwerty`, `asdasd`, `12345`."""
    unit = word
    for size in (3, 4, 5, 6):
        if len(word) % size == 0 and word == word[:size] * (len(word) // size):
            unit = word[:size]
            break
    return unit in _SHORT_RUNS or (len(unit) >= 4 and any(unit in row for row in _KEYBOARD_ROWS))
