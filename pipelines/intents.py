"""What a message wants: to buy, to meet, to know more; or work, a favour for a thesis, to sell, to be left alone.

Words and phrases in Portuguese, English and Spanish, without accents. What a person says they do not want ("não preciso
de orçamento") does not count as wanted.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from pipelines.text import words


class Intent(StrEnum):
    BUY = "buy"
    """Asks for a price or a quote, or says they will buy."""
    MEET = "meet"
    """Wants a demonstration, a meeting or a call."""
    ASK = "ask"
    """Wants to know more."""
    URGENT = "urgent"
    JOB_SEEKER = "job_seeker"
    """Looks for work."""
    STUDENT = "student"
    """Asks for a school's or university's work."""
    VENDOR = "vendor"
    """Wants to sell something to us."""
    OPT_OUT = "opt_out"
    """Wants no more messages."""


LONGEST_MESSAGE: Final = 5000
"""Characters that are read."""

_SAID: Final = {
    Intent.BUY: r"""
        orcamentos? orcar cotac(?:ao|oes) cotar precos? valor(?:es)?
        (?:quanto|qto|qnto)(?:_que)?_(?:custa|custaria|sai|fica|seria|e)
        proposta(?:_comercial)? comprar comprarmos adquirir contratar contratacao fechar_(?:negocio|pedido|contrato)
        fazer_(?:um_)?pedido assinar_o_plano
        quotes? quotation prices? pricing buy(?:ing)? purchas(?:e|ing) proposal how_much place_an_order hire
        presupuestos? cotizacion(?:es)? cotizar precios? cuanto_(?:cuesta|sale|vale|costaria) propuesta compramos
        """,
    Intent.MEET: r"""
        demos? demonstrac(?:ao|oes) reuni(?:ao|oes) agendar marcar_(?:um_|uma_)?(?:visita|conversa|horario|hora|call)
        visita_tecnica me_lig(?:a|ar|ue|uem) (?:podem|pode|poderia|poderiam)_(?:me_)?ligar ligue_para
        demonstration meeting schedule_(?:a|an|some) call_me book_a appointment
        demostracion reunion llam(?:ame|enme|arme) agendar_una
        """,
    Intent.ASK: r"""
        informac(?:ao|oes) saber_mais mais_detalhes catalogos? duvidas? interesse interessad[oa]s?
        conhecer_(?:o|a|os|as|melhor)
        information more_details brochure catalog(?:ue)? interested learn_more know_more
        informacion mas_detalles interesad[oa]s?
        """,
    Intent.URGENT: r"""
        urgentes? urgencia urgentemente (?:o_)?quanto_antes ainda_hoje hoje_mesmo (?:para|pra)_(?:hoje|ontem)
        mais_rapido_possivel imediat[oa]
        urgent urgently asap as_soon_as_possible right_away immediately
        lo_antes_posible cuanto_antes hoy_mismo
        """,
    Intent.JOB_SEEKER: r"""
        curriculo curriculum meu_cv my_cv my_resume trabalhe_conosco trabalhar_com_voces
        (?:procuro|busco)_(?:um_)?(?:emprego|empleo|trabalho|trabajo) oportunidade_de_(?:emprego|trabalho|estagio)
        vagas?_de_(?:emprego|trabalho|estagio) vagas?_em_aberto job_application apply_for_(?:a|the)
        job_opening hoja_de_vida oportunidad_laboral
        """,
    Intent.STUDENT: r"""
        sou_(?:estudante|alun[oa]|universitari[oa]) tcc trabalho_(?:da|de|do|para_a)_(?:faculdade|escola|curso)
        (?:pesquisa|trabalho)_academic[oa] iniciacao_cientifica minha_(?:dissertacao|tese|monografia)
        (?:i_am|i_m)_a(?:_\w+)?_student school_project my_thesis
        soy_(?:un_|una_)?estudiante trabajo_de_(?:la_)?(?:universidad|facultad) mi_tesis
        """,
    Intent.VENDOR: r"""
        (?:oferecer|apresentar)_(?:os_|a_)?noss[oa]s?_(?:servicos?|produtos?|empresa|solucoes) backlinks? guest_post
        link_building seo_services? primeira_pagina_do_google first_page_of_google (?:our|my)_seo
        ofrecer(?:les?)?_nuestros_(?:servicios|productos)
        """,
    Intent.OPT_OUT: r"""
        descadastr(?:ar|e|em|o|amento) nao_(?:quero|desejo)_(?:mais_)?receber
        par(?:e|em|ar)_de_(?:enviar|mandar|ligar|me_\w+) nao_(?:me_)?(?:liguem|ligue|enviem|mandem|contatem|escrevam)
        sair_(?:da|desta|dessa)_lista
        (?:remov|exclu|apag|delet)\w+_(?:o_|os_|a_)?meus?_(?:dados|cadastro|email|contato|nome)
        unsubscribe opt_out remove_me stop_(?:emailing|calling|sending|contacting|messaging)
        (?:do_not|don_t)_(?:contact|call|email) delete_my_data
        dar(?:me)?_de_baja no_(?:quiero|deseo)_(?:mas_)?recibir dejen_de_\w+
        """,
}
_PATTERNS: Final = {
    intent: re.compile(r"\b(?:" + "|".join(listed.split()).replace("_", " ") + r")\b")
    for intent, listed in _SAID.items()
}

_REFUSAL: Final = "|".join(
    (
        "nao (?:mais )?(?:quero|queremos|preciso|precisamos|desejo|desejamos|vou|vamos|pretendo)",
        "no (?:quiero|queremos|necesito|necesitamos|deseo|busco|buscamos)",
        "(?:not|never|don t) (?:really )?(?:want|need|looking|buying)",
        "(?:nao (?:tenho|temos)|sem|no tengo|no|not|not really) (?=interes)",
    )
)
_REFUSED: Final = re.compile(rf"\b(?:{_REFUSAL})(?: ?(?!mas |but |pero |so |apenas |only )\w+){{0,4}}")
"""A refusal and up to four words of what it is of, as far as the clause goes or to a "but"."""
_CLAUSE: Final = re.compile(r"[.,;:!?\n()]+")


def read_intents(message: str) -> frozenset[Intent]:
    """What `message` wants; empty where it does not say. Linear time; never raises."""
    clauses = [" ".join(words(clause)) for clause in _CLAUSE.split(message[:LONGEST_MESSAGE])]
    said = " | ".join(clause for clause in clauses if clause)
    wanted = _REFUSED.sub("|", said)
    return frozenset(
        intent for intent, pattern in _PATTERNS.items() if pattern.search(said if intent is Intent.OPT_OUT else wanted)
    )
