"""Job titles: how senior a person is and in which area they work, in Portuguese, English and Spanish.

A title is read as a person reads it. Portuguese and Spanish name the post first ("Assistente de Diretoria" is an
assistant), English names it last ("Director's Assistant" is one, an "Assistant Director" is a director), and what
follows a preposition is where somebody works, not what they are. Of several posts in one title the highest counts.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from itertools import takewhile
from typing import Final

from pipelines.companies import has_legal_form
from pipelines.models import Value
from pipelines.text import tidy_line, vocabulary, words


class Seniority(StrEnum):
    """How senior, highest first."""

    OWNER = "owner"
    EXECUTIVE = "executive"
    """President, CEO and the other chief officers, general director, board."""
    VICE_PRESIDENT = "vice_president"
    DIRECTOR = "director"
    MANAGER = "manager"
    """Whoever leads people: manager, coordinator (pt, es), supervisor, team lead."""
    PROFESSIONAL = "professional"
    """Who knows a trade and leads nobody: analyst, engineer, lawyer, seller, self-employed."""
    ASSISTANT = "assistant"
    INTERN = "intern"
    STUDENT = "student"


class Area(StrEnum):
    ADMINISTRATION = "administration"
    CUSTOMER_SERVICE = "customer_service"
    DESIGN = "design"
    EDUCATION = "education"
    ENGINEERING = "engineering"
    FINANCE = "finance"
    HEALTH = "health"
    HUMAN_RESOURCES = "human_resources"
    IT = "it"
    LEGAL = "legal"
    LOGISTICS = "logistics"
    MARKETING = "marketing"
    OPERATIONS = "operations"
    PURCHASING = "purchasing"
    SALES = "sales"


class Job(Value):
    """What a title says; None where it does not."""

    seniority: Seniority | None = None
    area: Area | None = None


LONGEST_TITLE: Final = 200
"""Characters of a title that are read."""

_RANK: Final = {level: rank for rank, level in enumerate(Seniority)}

_POSTS: Final = {
    Seniority.OWNER: """
        socio socia socios proprietario proprietaria dono dona fundador fundadora cofundador cofundadora empresario
        empresaria empreendedor empreendedora mei owner founder cofounder proprietor entrepreneur partner propietario
        propietaria dueno duena emprendedor emprendedora
        """,
    Seniority.EXECUTIVE: """
        presidente presidenta president presidencia ceo cfo cto coo cmo cio cro cpo cso cdo cco chro ciso chairman
        chairwoman chairperson conselheiro conselheira consejero consejera
        """,
    Seniority.VICE_PRESIDENT: "vp svp evp avp vicepresidente vicepresidenta vicepresident",
    Seniority.DIRECTOR: "diretor diretora diretoria director directora head superintendente",
    Seniority.MANAGER: """
        gerente gerencia gestor gestora coordenador coordenadora coordenacao supervisor supervisora encarregado
        encarregada chefe lider responsavel manager leader chief jefe jefa coordinador coordinadora encargado encargada
        responsable subgerente
        """,
    Seniority.PROFESSIONAL: """
        analista especialista consultor consultora assessor assessora engenheiro engenheira vendedor vendedora
        representante advogado advogada medico medica dentista contador contadora arquiteto arquiteta designer
        desenvolvedor desenvolvedora programador programadora professor professora tecnico tecnica comprador compradora
        executivo executiva operador operadora corretor corretora psicologo psicologa nutricionista enfermeiro
        enfermeira farmaceutico farmaceutica veterinario veterinaria fisioterapeuta autonomo autonoma freelancer
        pesquisador pesquisadora jornalista publicitario publicitaria economista administrador administradora
        cientista comerciante agricultor agricultora produtor produtora motorista mecanico eletricista
        analyst specialist consultant engineer developer programmer representative rep lawyer attorney doctor physician
        accountant architect teacher technician buyer executive agent broker nurse pharmacist researcher writer
        editor scientist administrator officer salesperson salesman saleswoman coordinator associate strategist planner
        ingeniero ingeniera abogado abogada contable arquitecto arquitecta desarrollador desarrolladora profesor
        profesora asesor asesora ejecutivo ejecutiva enfermero enfermera investigador investigadora
        """,
    Seniority.ASSISTANT: """
        assistente auxiliar ajudante secretario secretaria recepcionista atendente telefonista balconista asistente
        ayudante assistant aide secretary receptionist clerk junior
        """,
    Seniority.INTERN: """
        estagiario estagiaria estagio trainee aprendiz intern apprentice becario becaria practicante pasante
        """,
    Seniority.STUDENT: """
        estudante aluno aluna universitario universitaria academico academica graduando graduanda mestrando mestranda
        doutorando doutoranda student undergraduate estudiante alumno alumna
        """,
}
_LEVELS: Final = {word: level for level, listed in _POSTS.items() for word in vocabulary(listed)}

_SAID_FIRST: Final = vocabulary(
    """
    assistente auxiliar ajudante secretario secretaria estagiario estagiaria estagio aprendiz asistente ayudante becario
    becaria practicante pasante estudante aluno aluna estudiante alumno alumna graduando graduanda recepcionista
    """
)
"""A humble post that stands first makes the whole title one, as Portuguese and Spanish build titles."""
_SAID_LAST: Final = vocabulary("assistant aide secretary receptionist intern apprentice student trainee clerk")
"""The same for English, which names the post last."""

_PHRASES: Final[dict[tuple[str, ...], Seniority | None]] = {
    tuple(phrase.split()): level
    for level, listed in {
        Seniority.EXECUTIVE: """
            diretor presidente|diretora presidente|diretor executivo|diretora executiva|diretor geral|diretora geral
            executive director|managing director|general director|director general|directora general|director ejecutivo
            directora ejecutiva|gerente general|general manager|membro do conselho|board member
            """,
        Seniority.VICE_PRESIDENT: "vice presidente|vice president|vice presidenta|vice presidencia",
        Seniority.MANAGER: "tech lead|team lead|chief of staff",
        Seniority.PROFESSIONAL: """
            diretor de arte|diretora de arte|art director|director de arte|directora de arte|diretor de fotografia
            diretor de cena|gerente de contas|gerente de conta|account manager|gerente de relacionamento
            business partner|partner manager|community manager|social media manager|chefe de cozinha
            """,
        None: "dona de casa|dono de casa|do lar|ama de casa",
    }.items()
    for phrase in vocabulary(listed, separator="|")
}
"""Words that mean something else together; None: no post in a company at all."""

_AREAS: Final = {
    word: area
    for area, listed in {
        Area.ADMINISTRATION: """
            administrativo administrativa administracao administracion administration office escritorio
            """,
        Area.CUSTOMER_SERVICE: """
            atendimento sac suporte support customer cliente clientes relacionamento soporte atendente
            """,
        Area.DESIGN: """
            design designer arte art criacao ux ui diseno disenador disenadora arquitetura arquiteto arquiteta
            """,
        Area.EDUCATION: """
            educacao ensino pedagogico pedagogica escolar professor professora educacion profesor profesora teacher
            education academic
            """,
        Area.ENGINEERING: """
            engenharia engenheiro engenheira manutencao engineering engineer maintenance ingenieria ingeniero ingeniera
            mantenimiento projetos
            """,
        Area.FINANCE: """
            financeiro financeira financas contabilidade contabil contador contadora controladoria controller fiscal
            tesouraria cobranca faturamento finance financial accounting accountant treasury cfo financiero financiera
            finanzas contable contabilidad credito
            """,
        Area.HEALTH: """
            saude medico medica clinico clinica enfermagem enfermeiro enfermeira farmaceutico farmaceutica dentista
            odontologia health medical nurse physician doctor salud enfermero enfermera
            """,
        Area.HUMAN_RESOURCES: """
            rh hr humanos pessoal gente talentos recrutamento treinamento resources talent recruiting people chro
            reclutamiento
            """,
        Area.IT: """
            ti it informatica tecnologia sistemas software desenvolvedor desenvolvedora programador programadora dados
            infraestrutura developer programmer data information technology systems infrastructure cto cio ciso
            desarrollador desarrolladora datos devops
            """,
        Area.LEGAL: "juridico juridica legal advogado advogada compliance lawyer attorney abogado abogada",
        Area.LOGISTICS: """
            logistica estoque almoxarifado transporte transportes expedicao distribuicao frota logistics supply
            warehouse transportation almacen distribucion
            """,
        Area.MARKETING: """
            marketing mkt comunicacao publicidade propaganda midia branding growth conteudo publicitario publicitaria
            cmo communications brand media comunicacion publicidad
            """,
        Area.OPERATIONS: """
            operacoes operacional producao fabrica industrial qualidade processos operations production manufacturing
            plant quality coo operaciones produccion calidad pcp
            """,
        Area.PURCHASING: """
            compras suprimentos comprador compradora licitacao licitacoes procurement purchasing buyer sourcing
            adquisiciones abastecimiento
            """,
        Area.SALES: """
            vendas venda comercial vendedor vendedora representante negocios contas sales account accounts business
            revenue salesperson salesman saleswoman ventas cuentas negocio cro
            """,
    }.items()
    for word in vocabulary(listed)
}

_SEPARATOR: Final = re.compile(r"[/|,;()\[\]•\n]| [-–—] | (?:e|and|y) ", re.IGNORECASE)
_PARTS: Final = re.compile(r"[|;()\[\]•\n]| [-–—] |, ")
"""Between a post and the company in one title; a slash may be one of "S/A"."""
_PREPOSITIONS: Final = vocabulary(
    "de da do das dos em no na nos nas para com of for to at in the with del la las los el en con pela pelo"
)
_NO_LONGER: Final = vocabulary(
    "ex former aposentado aposentada retired jubilado jubilada desempregado desempregada unemployed desempleado "
    "desempleada retirado retirada"
)


@lru_cache(maxsize=8192)
def read_job(title: str) -> Job:
    """Seniority and area that `title` says. Never raises; at most `LONGEST_TITLE` characters are read.

    Former posts ("ex-diretor", "aposentada") say nothing of today, and a company's name in the place of a title
    ("Presidente Transportes Ltda") names no post.
    """
    plain = tidy_line(title[:LONGEST_TITLE])
    parts = [(part, has_legal_form(part)) for part in _PARTS.split(plain)]
    if has_legal_form(plain) and not any(company for _, company in parts):  # its legal form was split in two
        parts = [(plain, True)]
    spoken = [(words(segment), company) for part, company in parts for segment in _SEPARATOR.split(part)]
    best: Seniority | None = None
    area: Area | None = None
    for segment, company in spoken:
        if not segment or not _NO_LONGER.isdisjoint(segment):
            continue
        head = len(list(takewhile(lambda word: word not in _PREPOSITIONS, segment)))
        if company and head == len(segment):
            continue
        level = _level(segment, head)
        if level is not None and (best is None or _RANK[level] < _RANK[best]):
            best = level
        area = area or _area(segment)
    return Job(seniority=best, area=area)


def _level(segment: tuple[str, ...], head: int) -> Seniority | None:
    """The level of one post; `head` is how many of its words come before the first preposition."""
    posts = segment[:head]
    if posts and posts[0] in _SAID_FIRST:
        return _LEVELS[posts[0]]
    if posts and posts[-1] in _SAID_LAST:
        return _LEVELS[posts[-1]]
    for start in range(max(head, 1)):
        for length in (3, 2):
            phrase = segment[start : start + length]
            if phrase in _PHRASES:
                return _PHRASES[phrase]
    if {"chief", "officer"} <= set(posts):
        return Seniority.EXECUTIVE
    return min((_LEVELS[word] for word in posts if word in _LEVELS), key=_RANK.__getitem__, default=None)


def _area(segment: tuple[str, ...]) -> Area | None:
    """Words that only name an area say it better than a post does: an "engenheiro de vendas" sells."""
    named = [word for word in segment if word in _AREAS]
    plain = [word for word in named if word not in _LEVELS]
    return _AREAS[(plain or named)[0]] if named else None
