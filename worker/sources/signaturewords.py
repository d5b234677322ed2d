"""The words by which signatures are told, in Portuguese, English, Spanish and a dozen more languages. All folded."""

from __future__ import annotations

from typing import Final

from pipelines.text import vocabulary

CLOSING: Final = vocabulary(
    """
    att|atte|atenciosamente|atencao|cordialmente|abs|abraco|abracos|abc|um abraco|grande abraco|forte abraco|bjs|beijos
    obrigado|obrigada|muito obrigado|muito obrigada|obrigado desde ja|obrigada desde ja|desde ja obrigado
    desde ja obrigada|desde ja agradeco|agradeco|agradecido|agradecida|grato|grata|desde ja grato|desde ja grata
    respeitosamente|saudacoes|saudacoes cordiais|cumprimentos|com os melhores cumprimentos|melhores cumprimentos
    sem mais|no aguardo|aguardo|aguardo retorno|fico no aguardo|ate mais|ate breve|at|sds|vlw|valeu
    regards|best regards|kind regards|warm regards|warmest regards|with kind regards|with best regards|best wishes
    many thanks|thanks|thank you|thanks and regards|thanks regards|thank you and regards|thanks in advance
    thank you in advance|best|all the best|cheers|sincerely|sincerely yours|yours sincerely|yours truly|yours faithfully
    respectfully|rgds|kr|br|cordially|warmly|take care|talk soon|thx|tks|with thanks|kindest regards
    saludos|saludos cordiales|un saludo|un cordial saludo|cordial saludo|atentamente|atentos saludos|gracias
    muchas gracias|un abrazo|quedo atento|quedo atenta|muchas gracias y saludos|gracias y saludos|slds|abrazo
    cordiali saluti|distinti saluti|saluti|grazie|un saluto|cordialement|bien cordialement|bien a vous|salutations
    sinceres salutations|meilleures salutations|merci|merci d avance|cdlt|mit freundlichen grussen|freundliche grusse
    viele grusse|beste grusse|mfg|lg|vg|liebe grusse|herzliche grusse|mit freundlichem gruss|gruss|grusse|danke
    mit besten grussen|schone grusse|vielen dank|met vriendelijke groet|met vriendelijke groeten|vriendelijke groet
    groeten|mvg|bedankt|groet|hartelijke groet|pozdrawiam|z powazaniem|dziekuje|z wyrazami szacunku
    med vanlig halsning|med vanliga halsningar|vanliga halsningar|mvh|hilsen|med vennlig hilsen|vennlig hilsen
    med venlig hilsen|venlig hilsen|halsningar|ystavallisin terveisin|terveisin|s pozdravem|s pozdravom
    s uvazheniem|saygilarimla|udvozlettel|cu stima
    """,
    "|",
)
"""What people close a letter with, before their name."""
POSTS: Final = vocabulary(
    """
    assessor assessora consultor consultora arquiteto arquiteta engenheiro engenheira advogado advogada medico medica
    dentista professor professora contador contadora secretario secretaria designer corretor corretora nutricionista
    psicologo psicologa fisioterapeuta jornalista fotografo fotografa programador programadora desenvolvedor
    desenvolvedora developer engineer architect lawyer attorney teacher accountant consultant advisor representative
    officer administrator abogado abogada ingeniero ingeniera medico contadora desarrollador leiter leiterin
    geschaftsfuhrer geschaftsfuhrerin ingenieur entwickler berater beraterin responsable charge chargee directeur
    directrice gerant gerante responsabile direttore direttrice titolare verkoper adviseur kierownik dyrektor student
    estudante estudiante researcher pesquisador pesquisadora scientist editor writer owner
    """
)
"""Posts that `pipelines.jobs` has no level for."""
DEPARTMENTS: Final = vocabulary(
    "departamento depto dept dpto setor area equipe time team department division divisao gestao coordenacao"
)
"""Words before an area that make it the desk somebody sits at."""
POST_ENDINGS: Final = (
    "leiter",
    "leiterin",
    "fuhrer",
    "fuhrerin",
    "berater",
    "beraterin",
    "manager",
    "managerin",
    "ingenieur",
)
"""German and Dutch write a post's area and the post as one word."""
