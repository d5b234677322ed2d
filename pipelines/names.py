"""Names of people: their parts, as a Brazilian reader would tell them apart, and the case they should be written in.

Who is who in "Maria Clara Souza Lima"? Portuguese and Spanish names end in one or more family names, and English middle
names look the same. Our rule: the first word is a given name; words after it that are used as second given names
(`_SECOND_GIVEN`: Clara, Paula, Carlos, Henrique, Ann, ...) and initials belong to it as long as a family name is left;
all others are family names. So Maria Clara | Souza Lima, Gabriel | García Márquez, John | Fitzgerald Kennedy. A name of
two words is a given name alone when both are given names and the second is no usual surname: Ana Paula, João Pedro.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace

from nameparser import Lexicon, Parser, Policy, Role

from pipelines.models import PersonName
from pipelines.text import fold, remembered, tidy_line, vocabulary

CASE_MENDED = "name_case_mended"
"""Rule: words in capitals only, or in small letters only, got the case of a name; particles (da, de, dos) are small."""
NAME_CLEANED = "name_cleaned"
"""Rule: what is no part of a name (digits, addresses, numbers, emoji, decoration) was taken out of it."""

LONGEST_NAME = 150
"""Characters; a longer text is prose. Brazilian registries keep names of up to 120 or so."""
_MOST_WORDS = 14

_PARTICLES = vocabulary("da das de del della den der di do dos du e el la las los ter van von y zu")
_TITLES = vocabulary(
    """
    dr dra doutor doutora sr sra srta senhor senhora senhorita dona eng enga engª engº engenheiro engenheira prof
    profa profª professor professora adv advª advogado advogada arq arquiteto arquiteta pe padre frei irmã pastor
    pastora rev exmo exma ilmo ilma des desembargador juiz juíza dep deputado deputada ver vereador vereadora cel
    coronel cap capitão ten tenente sgt sargento don doña señor señora señorita lic licdo licda ing mr mrs ms miss
    mx sir madam dame herr frau mme mlle monsieur madame sig signor signora doctor
    """
)
_ENGLISH_TITLES = vocabulary("mr mrs ms miss mx herr frau mme mlle monsieur madame")
"""Before a single word, these mean a family name ("Mr. Smith"); the others a given one ("Dr. João")."""
_GENERATIONS = vocabulary(
    """
    neto netto neta filho filha sobrinho sobrinha segundo terceiro bisneto junior júnior jr jnr ii iii
    """
)
_JUNIOR = frozenset({"junior", "jr", "jnr", "ii", "iii"})
_CREDENTIALS = vocabulary("mba msc phd md dds dvm jd llm cpa bsc crc crm oab")

_SECOND_GIVEN = vocabulary(
    """
    alice amelia ana angela antonia aparecida augusta beatriz bianca camila carla carolina catarina cecilia celia
    cristiana cristiane cristina clara daniela debora eduarda elena elisa elisabete elizabete emanuela emanuelly
    emilia ester eugenia eunice fernanda flavia francisca gabriela gabriele giovana gloria graca helena heloisa ines
    irene isabel isabela isabella izabel jacqueline joana josefa julia juliana karina karla karolina karoline lara
    larissa laura leticia lidia ligia livia lourdes luana luciana lucia luisa luiza luzia madalena manuela marcela
    marcia margarida maria mariana marina marta mercedes milena monica natalia nazare olivia patricia paula penelope
    priscila rafaela raquel regina renata rita roberta rosa rosana sandra sara simone sofia sonia sophia stella
    sueli suely tania teresa tereza terezinha valentina valeria vanessa vera veronica victoria virginia vitoria
    viviane yasmin abel adriano alberto alexandre alexandro alfredo alvaro anderson andre antonio ariel arthur artur
    augusto batista benedito benjamin bernardo bruno caio carlos cesar cezar cicero claudio cristiano daniel danilo
    davi david denis diego edson eduardo elias emanuel emilio enrique ernesto eugenio fabio felipe fernando filipe
    flavio francisco frederico gabriel geraldo gilberto guilherme gustavo heitor helio henrique hugo humberto
    ignacio inacio isaac israel ivan joao joaquim jorge jose juan juliano julio leandro leonardo levi lorenzo lucas
    luciano lucio luis luiz manoel manuel marcelo marcio marco marcos mario mateus matheus mauricio mauro miguel
    moises murilo nicolas otavio pablo paulo pedro rafael raimundo ramon raphael raul renan renato ricardo roberto
    rodolfo rodrigo rogerio romulo samuel sebastiao sergio severino silvio tadeu tarcisio theo thiago tiago tomas
    ulisses valdir vicente victor vinicius vitor wagner wellington wesley willian wilson alejandra alejandro andrea
    andres angel angeles belen camilo carmen consuelo dolores esteban federico guadalupe javier jesus joaquin
    lourdes luz mar mariano martin mercedes pilar rocio santiago sebastian sofia soledad tomas ann anne christine
    claire elizabeth grace james jane jean jo john joseph kate lee louise lynn mae marie mary may michael nicole
    paul pierre rose ruth thomas william
    """
)
_ALSO_SURNAME = vocabulary(
    """
    abel afonso alvaro andre andrea andres angel batista benjamin bernardo bruno david davi daniel elias francisco
    gabriel geraldo gloria graca grace henrique israel james jean jesus joao joaquim john jorge jose joseph juan
    kate leandro leonardo lee levi lorenzo louise lucas lucio luis luz manoel manuel mar marcelo marcos mariano
    marta martin mateus may mercedes michael miguel moises nazare nicolas olivia pablo paul pierre pilar rafael
    ramon raul ricardo rocha rodrigo rosa rose ruth samuel santiago sebastian severino simone soledad stella tadeu
    thomas tomas vera vicente vitoria wagner wilson william wesley wellington anderson denis edson emilio ernesto
    alfredo benedito
    """
)
"""Second given names that end many a name as its surname: of two words, "Rui Jorge" may be either, so family it is."""
_FIRST_GIVEN = _SECOND_GIVEN | vocabulary("aline amanda bruna fabiana jessica luan rui sabrina tatiana thais")
_DEVOTIONS = vocabulary(
    """
    fatima carmo gracas conceicao dores socorro lourdes penha gloria rosario livramento perpetuo ajuda guia
    """
)
"""Maria de Fátima, Maria do Carmo, Maria das Graças: given names with a particle in them."""

_DEFAULT = Lexicon.default()
_PARSER = Parser(
    # The shipped English titles and credentials swallow surnames ("Rock", "Ranger", "Caro", "Sa"): ours stand in their
    # place; titles in other scripts stay.
    lexicon=replace(
        _DEFAULT,
        titles=_TITLES | {title for title in _DEFAULT.titles if not title.isascii()},
        given_name_titles=(_TITLES - _ENGLISH_TITLES) | _DEFAULT.given_name_titles,
        suffix_words=_DEFAULT.suffix_words | _GENERATIONS,
        suffix_acronyms=_CREDENTIALS,
        suffix_acronyms_ambiguous=frozenset(),
    ),
    policy=Policy(unlisted_dotted_suffixes=False),
)

_SPECIAL = frozenset[str]().union(
    *(words for kind in fields(_PARSER.lexicon) if isinstance(words := getattr(_PARSER.lexicon, kind.name), frozenset))
)
_PLAIN_NAME = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+(?: [A-Za-zÀ-ÖØ-öø-ÿ]+)*")
_STRAIGHT = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "«": '"', "»": '"', "_": " "})
_HANDLE = re.compile(r"\S*[^\W\d_]{2,}[._][^\W\d_]{2,}\S*")
_NO_NAME_WORD = re.compile(r"\S*[@\d]\S*|(?:https?:|www\.)\S*", re.IGNORECASE)
_NO_NAME_SIGN = re.compile(r"[^\w\s'\-.,()\"&/ªº·\u0300-\u036f\u0900-\u0dff\u200c\u200d]")
_CLEAN = re.compile(r"[^\W\d_]+(?: [^\W\d_]+){0,9}")
_EMPTY_BRACKETS = re.compile(r"\([\W_]*\)|\"[\W_]*\"")


def clean_name(text: str) -> str:
    """`text` with only what can be part of a name in it, tidied, its order and case as given; empty when nothing can.

    Words with digits or an `@`, links and emoji go; a username (`ana.souza`), a text longer than `LONGEST_NAME`
    characters or one of more than 14 words is no name at all. Idempotent.
    """
    text = tidy_line(text)
    if len(text) > LONGEST_NAME or (" " not in text and _HANDLE.fullmatch(text)):
        return ""
    before = text if _CLEAN.fullmatch(text) else None
    while text != before:  # each round only takes away, and the text is short
        before = text
        text = _NO_NAME_SIGN.sub(" ", _NO_NAME_WORD.sub(" ", text.translate(_STRAIGHT)))
        text = tidy_line(_EMPTY_BRACKETS.sub(" ", text)).strip(" ,-/&·")
    if text.count(" ") >= _MOST_WORDS or not any(character.isalpha() for character in text):
        return ""
    return text


def mend_case(text: str, *, starts: bool = True) -> str:
    """`text`, a name, with words that are all capitals or all small letters in the case of a name. Idempotent.

    `MARIA DA SILVA` and `maria da silva` become `Maria da Silva`; McDonald, O'Neill and initials (JP) stay. A word in
    capitals among others that are not is mended from four letters on; shorter ones may be initials. `starts` False: it
    is a family name, and its first particle is small too.
    """
    starts = starts and "," not in text
    for _ in range(4):  # a mended word can show that the others were not shouted against it; twice is the most seen
        before, text = text, _mended_once(text, starts)
        if text == before:
            break
    return text


def _mended_once(text: str, starts: bool) -> str:
    parts = text.split(" ")
    shouting = all(part == part.upper() for part in parts if len(part) > 1 and fold(part) not in _PARTICLES)
    return " ".join(_mended_word(part, shouting, first=starts and i == 0) for i, part in enumerate(parts))


def _mended_word(word: str, shouting: bool, first: bool) -> str:
    plain = fold(word).strip(".,()\"'")
    small, capitals = word == word.lower(), word == word.upper()
    if small == capitals or word.title() == word:  # mixed case, no case at all, or one capital letter
        return word.lower() if shouting and capitals and not first and plain in {"e", "y"} else word
    if plain in _PARTICLES and not first:
        return word.lower() if shouting or small else word
    if capitals and plain in _CREDENTIALS | {"ii", "iii", "iv"}:
        return word
    if capitals and len(plain) <= 3 and (not shouting or not set(plain) & set("aeiouy")):
        return word
    return re.sub(r"[^\W\d_]+", lambda part: _capitalized(part.group()), word)


def _capitalized(part: str) -> str:
    part = part[:1].title() + part[1:].lower()
    if part.startswith("Mc") and len(part) >= 5:
        part = "Mc" + part[2].upper() + part[3:]
    return part


@remembered
def parse_name(text: str, given: str = "", family: str = "") -> PersonName:
    """The name that `text` holds, or that a source already sent as `given` and `family` (which then win), in its parts.

    `full` is the text as given, tidied and in the case of a name, but not reordered: "Souza, Maria" stays so, with
    given Maria and family Souza. Nicknames in brackets or quotes stay in `full` only. A generation word (Neto, Filho,
    Júnior, Sobrinho, Segundo) is a suffix where a family name comes before it; in "João Neto" Neto is the family name,
    while Júnior is a suffix even there. Empty when the text is no name. Never raises.
    """
    full, given = mend_case(clean_name(text)), mend_case(clean_name(given))
    family = mend_case(clean_name(family), starts=False)
    if not (given or family):
        return _parse_full(full)
    if not full and not family:
        return _parse_full(given)
    if given and _ends_with(given, family):  # the whole name sits in the given name's field
        full, given = full or given, given[: -len(family)].strip() or given
    if not full or full == given:
        full = f"{given} {family}".strip()
    if not family and full.startswith(given + " "):
        family = full[len(given) :].strip(" ,")
    elif not given and _ends_with(full, family):
        given = full[: -len(family)].strip(" ,")
    title, given = _split_title(given)
    family, suffix = _split_suffix(family)
    return PersonName(full=full, given=given, family=family, title=title, suffix=suffix)


def _ends_with(whole: str, end: str) -> bool:
    return bool(end) and whole.endswith(" " + end)


def _split_title(given: str) -> tuple[str, str]:
    words = given.split()
    titles = 0
    while titles < len(words) - 1 and words[titles].lower().rstrip(".") in _TITLES:
        titles += 1
    return " ".join(words[:titles]), " ".join(words[titles:])


def _split_suffix(family: str) -> tuple[str, str]:
    words = family.split()
    kept = len(words)
    while kept > 1 and words[kept - 1].lower().rstrip(".") in _GENERATIONS:
        kept -= 1
    return " ".join(words[:kept]), " ".join(words[kept:])


def _parse_full(full: str) -> PersonName:
    if not full:
        return PersonName()
    if plain := _plain_words(full):
        given, family = _divide(plain[0], plain[1:])
        return PersonName(full=full, given=given, family=family)
    parsed = _PARSER.parse(full)
    given, middle, family, suffix = parsed.given, parsed.middle, parsed.family, parsed.suffix
    if "," in full and _family_comes_first(parsed.tokens):
        given = f"{given} {middle}".strip()
    else:
        given, family = _divide(given, f"{middle} {family}".split())
    if given and suffix and not family and fold(suffix).rstrip(".") not in _JUNIOR:
        family, _, suffix = suffix.partition(" ")
    return PersonName(full=full, given=given, family=family, title=parsed.title, suffix=suffix)


def _plain_words(full: str) -> list[str]:
    """The words of a name in which nameparser finds nothing to tell apart, so that the first is the given name; empty
    when it may. Most names are such, and telling so takes a fiftieth of its time."""
    if not _PLAIN_NAME.fullmatch(full):
        return []
    plain = full.split(" ")
    lowered = [word.lower() for word in plain]
    inside = [word for word in lowered[1:-1] if word not in _PARTICLES or word in {"e", "y"}]
    return plain if _SPECIAL.isdisjoint((lowered[0], lowered[-1], *inside)) else []


def _family_comes_first(tokens: tuple[object, ...]) -> bool:
    roles = [getattr(token, "role", None) for token in tokens]
    return Role.FAMILY in roles and Role.GIVEN in roles and roles.index(Role.FAMILY) < roles.index(Role.GIVEN)


def _divide(given: str, rest: list[str]) -> tuple[str, str]:
    """How much of the words after the first given name still belongs to it: the rule of the module's docstring."""
    folded = [fold(word).strip(".") for word in rest]
    first = fold(given)
    taken = 0
    if first == "maria" and len(rest) >= 2 and rest[0] in _PARTICLES and folded[1] in _DEVOTIONS:
        taken = 2
    while given and len(rest) - taken >= 2 and (folded[taken] in _SECOND_GIVEN or _is_initial(rest[taken])):
        taken += 1
    if len(rest) == 1 and first in _FIRST_GIVEN and folded[0] in _SECOND_GIVEN - _ALSO_SURNAME:
        taken = 1
    return " ".join([given, *rest[:taken]]).strip(), " ".join(rest[taken:])


def _is_initial(word: str) -> bool:
    return len(word.rstrip(".")) == 1 and word.isupper()
