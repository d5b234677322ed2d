"""The language that a text is written in, by the little words every sentence needs.

A language detector with a model weighs hundreds of megabytes or answers differently from run to run; the messages of
a contact form need a handful of languages, and silence where there is doubt.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pipelines.text import vocabulary, words

LONGEST_TEXT: Final = 2000
"""Characters that are read: enough to tell, whatever follows."""
SURE_FROM: Final = 0.6
"""The share of all points that the best language needs; below it the text may as well be another's."""
_FEWEST_POINTS: Final = 1.5
_SMALLEST_COVER: Final = 0.15

_WORDS: Final = {
    "pt": vocabulary(
        """
        a o as os um uma uns umas de do da dos das em no na nos nas por pelo pela para pra com sem sob sobre e ou mas
        que se nao sim ja mais muito muita muitos bem aqui eu voce voces ele ela nos eles elas me meu minha meus minhas
        seu sua seus suas nosso nossa este esta isso esse essa aquele qual quais quanto quanta quando onde como porque
        sao foi ser ter tem tenho temos estou esta estamos estao vou vai fazer quero queremos gostaria preciso
        precisamos poderia podem pode saber oi ola bom boa dia tarde noite obrigado obrigada favor preco orcamento valor
        contato empresa custa voltar ligar mensagem informacoes duvida atenciosamente abraco tambem ate so
        """
    ),
    "es": vocabulary(
        """
        a el la los las un una unos unas de del al en por para con sin sobre y o pero que se no si ya mas muy mucho
        mucha muchos bien aqui yo tu usted ustedes nosotros ellos ellas me mi mis su sus nuestro nuestra este esta esto
        ese esa cual cuales cuanto cuanta cuando donde como porque es son fue ser tener tiene tengo tenemos estoy
        estamos voy va hacer quiero queremos quisiera necesito necesitamos podria pueden puede saber hola buenos buenas
        dias tardes noches gracias favor precio presupuesto contacto cuesta llamar mensaje informacion duda saludos
        tambien hasta solo le les lo
        """
    ),
    "en": vocabulary(
        """
        a an the of to in on at by for with without about and or but that if not yes is are was were be been have has
        had do does did can could would should will i you he she it we they me my your his her our their this these
        those which who what when where how why much many more very here there please thanks thank hello hi dear
        regards price quote need want like know get send call company am from us as so just
        """
    ),
    "fr": vocabulary(
        """
        le la les un une des du de au aux en dans par pour avec sans sur et ou mais que qui ne pas oui est sont etre
        avoir ai avons avez ont je tu il elle nous vous ils elles mon ma mes votre vos notre nos ce cette ces quel
        quelle quand comment combien bonjour merci prix devis voudrais souhaite besoin plus tres suis
        """
    ),
    "it": vocabulary(
        """
        il lo la i gli le un uno una di del della dei delle da dal in nel nella con per su sul e o ma che non si sono
        essere avere ho abbiamo avete hanno io tu lui lei noi voi loro mio mia vostro vostra nostro questo questa quale
        quanto quando dove come perche ciao buongiorno grazie prezzo preventivo vorrei bisogno piu molto anche alla al
        """
    ),
    "de": vocabulary(
        """
        der die das den dem des ein eine einen einem einer und oder aber dass nicht ja ist sind war sein haben hat habe
        ich du er sie es wir ihr mein meine unser ihre dieser diese welche wann wo wie warum mit ohne fur fuer von zu
        zum zur im am auf bei nach guten hallo danke bitte preis angebot mochte brauche mehr sehr auch uns
        """
    ),
}
_WEIGHTS: Final = {
    word: {
        language: 1 / sum(word in each for each in _WORDS.values()) for language in _WORDS if word in _WORDS[language]
    }
    for word in frozenset().union(*_WORDS.values())
}
"""A word that several languages share counts for each of them by its part."""

_SIGNS: Final = {"pt": re.compile("[ãõ]"), "es": re.compile("[ñ¿¡]"), "de": re.compile("ß")}
"""Letters and marks that only one of these languages has."""
_OTHER_SCRIPT: Final = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")


class Language(NamedTuple):
    code: str
    """ISO 639-1."""
    confidence: float
    """Each point by which it leads the second doubles the odds: a short text is never sure."""


def detect_language(text: str) -> Language | None:
    """The language of `text` (pt, es, en, fr, it, de), or None: too short, mixed, or one that is not known here."""
    text = text[:LONGEST_TEXT].lower()
    spoken = words(text)
    if not spoken or len(_OTHER_SCRIPT.findall(text)) * 4 > len(text):
        return None
    points = dict.fromkeys(_WORDS, 0.0)
    for word in spoken:
        for language, weight in _WEIGHTS.get(word, {}).items():
            points[language] += weight
    for language, sign in _SIGNS.items():
        points[language] += len(sign.findall(text)[:3])
    total = sum(points.values())
    best = max(points, key=points.__getitem__)
    if points[best] < _FEWEST_POINTS or total < _SMALLEST_COVER * len(spoken) or points[best] < SURE_FROM * total:
        return None
    lead = points[best] - max(worth for language, worth in points.items() if language != best)
    return Language(best, round(min(1 / (1 + 2**-lead), 0.99), 2))
