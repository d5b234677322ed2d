"""The words by which forms, files and systems call their fields, in Portuguese, English and Spanish.

All folded: no accents, small letters. A phrase counts where its words stand together, in this order.
"""

from __future__ import annotations

from pipelines.text import vocabulary

NOISE = vocabulary(
    """
    seu sua seus suas o a os as um uma de do da dos das no na nos em com por para e ou y your you the of in my meu
    minha su tu el la los las del qual quais que is what please favor informe informar digite preencha insira
    enter give us aqui here campo field fields input text texto question pergunta q obrigatorio required opcional
    optional melhor best principal main primary value valor answer resposta deixe escreva write we can have tell me
    cual es como se am i short textarea payload data body answers properties attributes
    """
)
"""Words that say nothing of what a field is."""

TECHNICAL = vocabulary(
    """
    utm gclid fbclid msclkid ip token nonce csrf captcha recaptcha honeypot password senha referer referrer landing
    session cookie browser useragent webhook hash md5 sha uuid guid timestamp created updated modified submitted
    """
)
"""With one of these a field tells of the page or the transport, never of the person."""

OTHER_PERSON = vocabulary(
    """
    indicado indicada indicados indicacao indicou indicador amigo amiga amigos friend friends referral referred mae
    pai mother father conjuge esposa esposo marido spouse wife husband filho filha filhos child children son daughter
    crianca bebe baby pet animal cachorro gato vendedor vendedora corretor corretora consultor consultora atendente
    seller salesperson agent owner assigned assignee gerente manager emergencia emergency dependente dependentes
    beneficiario testemunha avalista fiador parceiro parceira partner convidado convidada guest acompanhante
    destinatario recipient presenteado sponsor patrocinador madre padre hijo hija amigo esposa referido referida
    emergencias dono dona secretaria chefe boss supervisor
    """
)
"""With one of these a field is about somebody else: a friend recommended, a mother, the salesman."""

NOT_THE_THING = vocabulary(
    """
    aceito aceita aceite concordo autorizo autoriza consent consentimento consinto opt optin optout newsletter
    receber receive prefere prefiro preferencia preferred horario tipo type status verified verificado bounced
    subscribe subscribed inscrever lgpd gdpr termos terms politica privacy privacidade operadora contador count
    confirmado
    """
)
"""With one of these a field that names an e-mail or a phone asks something about it instead."""

NAME = vocabulary("nome nomes name names nombre nombres fullname nomecompleto chama chamado chamada")
NAME_COMPANIONS = vocabulary(
    """
    completo completa full contato contact contacto cliente client customer pessoa person responsavel titular aluno
    aluna student paciente patient inscrito participante comprador buyer display author autor profile perfil from
    remetente voce social registro gostaria ser prefere social candidato candidata proprio usted te llamas llama
    complete interessado interessada
    """
)
"""What may stand beside `name` while it stays the name of the person."""
GIVEN_NAME = vocabulary(
    """
    primeiro nome|first name|firstname|fname|given name|givenname|forename|prenome|nombre pila|primer nombre|first
    given
    """,
    separator="|",
)
FAMILY_NAME = vocabulary(
    """
    sobrenome|sobrenomes|last name|lastname|lname|surname|family name|familyname|apellido|apellidos|ultimo nome|last
    nome familia|segundo nome|family
    """,
    separator="|",
)
FULL = frozenset({"completo", "completa", "full", "fullname", "nomecompleto", "complete"})

PERSON_ALONE = vocabulary("contato contact contacto cliente client customer aluno paciente participante")
"""Captions that stand for the person: a name where the values look like one."""

COMPANY = vocabulary(
    """
    empresa|company|companyname|organizacao|organization|organisation|organizacion|razao social|razon social
    nome fantasia|companhia|compania|employer|empregador|instituicao|firma|org|nomeempresa|nome social empresa
    """,
    separator="|",
)
COMPANY_COMPANIONS = vocabulary(
    """
    nome name nombre razao razon social fantasia onde trabalha trabalho trabalhas voce atual current work representa
    instituicao cliente client contato contact instituto organizacao empresa company escola school
    """
)
WEBSITE = vocabulary("site website site|web site|pagina web|sitio web|homepage|url site|website", separator="|") | {
    "site"
}
WEBSITE_COMPANIONS = vocabulary(
    "site website web url empresa company endereco pagina link address sitio homepage negocio pessoal personal contato"
)

EMAIL = vocabulary("email emails mail correo correoelectronico emailaddress", separator=None) | {"correio eletronico"}
PHONE = vocabulary(
    """
    telefone telefones tel telephone celular cel whatsapp zap wpp fone phone phonenumber phones mobile movil
    telefono telefonos mobilephone cellphone wa handy contactnumber
    """
)
PHONE_STEMS = ("telefone", "celular", "whatsapp", "phone")
"""Beginnings that say it too: Jotform cuts and joins words (`telefonecom`)."""
EMAIL_STEMS = ("email",)
DOCUMENT = vocabulary(
    """
    cpf|cnpj|cpfcnpj|documento|document|rg|dni|nif|nie|cuit|cuil|rut|rfc|passaporte|passport|vat number|ssn
    identidade
    """,
    separator="|",
)
DOCUMENT_ID = vocabulary("soc sec id|national id|tax id", separator="|")
NOT_DOCUMENT = vocabulary(
    "tipo type anexo arquivo upload file foto photo emissor validade expedicao id envio title name"
)
BIRTH_DATE = vocabulary(
    """
    nascimento|nasc|aniversario|birthday|birthdate|birth date|date birth|dob|nacimiento|cumpleanos|datanascimento|bday
    birth|dateofbirth
    """,
    separator="|",
)
NOT_BIRTH_DATE = vocabulary(
    "local place lugar cidade city ciudad pais country estado state certidao hora time uf name nome"
)
JOB_TITLE = vocabulary(
    """
    cargo|job title|jobtitle|organization title|funcao|profissao|position|puesto|occupation|ocupacao|job
    profession|profesion|ocupacion|designation|role
    """,
    separator="|",
)
NOT_JOB_TITLE = vocabulary("interesse vaga desejado desired pretendido user usuario curso")
STREET = vocabulary("rua logradouro street calle avenida")
STREET_LINE = ("address line 1", "address 1", "addr line 1", "endereco 1", "linea 1")
"""Only at the end: "Address 1 - City" is a city."""
NUMBER = vocabulary(
    "numero|number|num|nro|house number|street number|numero casa|numero endereco|endereco numero|address number",
    separator="|",
)
COMPLEMENT = vocabulary("complemento apto apartamento complement")
COMPLEMENT_LINE = ("address line 2", "address 2", "addr line 2", "endereco 2", "linea 2")
DISTRICT = vocabulary("bairro district neighborhood neighbourhood barrio suburb colonia")
CITY = vocabulary("cidade city ciudad municipio localidade town")
NOT_ABOUT_HOME = vocabulary(
    """
    nascimento natural naturalidade interesse birth origem destino evento event unidade loja civil saude conservacao
    orgao emissor emissao conhece viagem nivel fala fluencia curso course obra imovel
    """
)
REGION = vocabulary("estado uf state provincia province region regiao")
REGION_COMPANIONS = vocabulary(
    "estado uf state provincia province region regiao residencia mora reside onde voce sigla endereco address empresa"
)
POSTAL_CODE = vocabulary("cep|zip|zipcode|zip code|postcode|postal code|codigo postal|postal|postalcode", separator="|")
COUNTRY = vocabulary("pais country")
ADDRESS = vocabulary("endereco address direccion domicilio morada")
NOT_ADDRESS = vocabulary("ip mac web wallet entrega cobranca url")
LANGUAGE = vocabulary("idioma language lingua locale")
MESSAGE = vocabulary(
    """
    mensagem|message|mensaje|comentario|comentarios|comment|comments|duvida|duvidas|observacao|observacoes|obs
    podemos ajudar|how help|how help you|how can help|conte mais|conte nos|descreva|necessidade|recado|consulta
    descricao necessidade|mensagens|observaciones|notes|ayudarte|ayudarle
    """,
    separator="|",
)
AREA_CODE = frozenset({("ddd",), ("codigo", "area"), ("area", "code"), ("phone", "area"), ("ddd", "telefone")})

RECORD_ID = vocabulary("id uuid guid codigo cod key chave matricula")
RECORD_ID_COMPANIONS = vocabulary(
    """
    record row lead contact customer client prospect external person user number cliente contato registro pessoa
    externo externa interno numero linha usuario crm deal negocio
    """
)
RECORD_NUMBER = frozenset({"lead", "number"})
CHANNELS = vocabulary(
    """
    cellular celular telephone telefone phone fone email mail whatsapp sms chat facebook instagram linkedin google site
    website web unknown mobile landline fixo online presencial indicacao other outro outros desconhecido
    """
)
"""How somebody was or wants to be contacted: what a column "contact" holds in lists that are not of names."""
