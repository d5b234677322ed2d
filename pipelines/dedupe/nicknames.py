"""Which given names are short for which, in Portuguese, English and Spanish: our own list, folded, one group a line.

The first name of a group is the full one; the rest are what people who bear it also sign with. A nickname may stand
in several groups (Beto: Roberto, Alberto). Groups are of whole names; initials and cut names (Fer, Alex) are found by
comparison itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_GROUPS: Final = """
adelaide dede
adriana dri drica
adriano dri
alberto beto bert al albert
albert al bert bertie
aleksandr alexander sasha
alessandra ale leka sandra
alexander alex al sandy xander alec
alexandra alex sandra lexi sasha alexa
alexandre alex xande ale
alejandro alex ale jandro
alfred fred al alfie freddie
alfredo fredo
alice lice lili
amanda mandy manda
ana aninha nina anita anne anna
anabel ana bel
andrea dea deia
andre dede deco
andrew andy drew
angelica angel
anthony tony ant
antonia tonia toninha
antonio toninho tonho toni tony tonico tonio
aparecida cida cidinha
arthur art artie
arturo arturito art
augusto guto
barbara barb babi barbie babs
beatriz bia bibi trix
beatrice bea trixie
benedict ben
benedito dito bene
benjamin ben benji benny benja
bernardo be bernard
bernard bernie
bruna bru
bruno bru
camila mila cami
caio caito
carla carlinha
carlos carlinhos cacau carlao caca charly
carolina carol carolinha nina caro
caroline carol carrie lina
catarina cata cat nina
catherine cathy kate katie cat kathy kitty kay kit
katherine kathy kate katie kat kitty kay kathryn
cecilia ceci cila
charles charlie chuck chas charley
christina chris tina chrissy
christine chris tina chrissy
christopher chris kit topher
clara clarinha
claudia claudinha clau
claudio claudinho
clifford cliff
concepcion concha conchita
conceicao ceica
consuelo chelo
cristiana cris cristina
cristiane cris
cristiano cris
cristina cris tina
cristobal cris tobal
cynthia cindy
daniel dani dan danny
daniela dani
daniele dani
danielle dani
david dave davey davi
deborah debbie deb debora
debora deb debi
diana di
diego di
donald don donnie
dolores lola lolita
dorothy dot dottie dolly
eduardo edu dudu du duda eddie lalo
eduarda duda edu
edmund ed eddie ned ted
edward ed eddie ted ned teddy
edwin ed eddie
eleanor ellie nell nora lena
elizabeth liz beth betty eliza lizzie betsy bess libby elisabeth elsie
elizabete bete beth liza bethinha elisabete
emanuel manu manel
emanuela manu
emily em emmy
enrique quique kike
ernest ernie
eugene gene
eugenio geninho
evelyn eve evie
fabiana fabi
fabiano fabi
fabio binho fabinho
fatima fafa
felipe lipe fe
fernanda nanda fe fer
fernando nando fe fer
florence flo flossie
frances fran fanny
francis frank fran
francisca chica fran chiquinha paca
francisco chico fran kiko paco pancho chiquinho cisco
franklin frank
frederick fred freddie freddy rick
frederico fred
gabriel gabi biel gabe
gabriela gabi bia
gabrielle gabi gaby
geoffrey geoff jeff
george georgie
geraldo gege
gerald gerry jerry
gilberto gil beto giba
giovanna gi gio
giovanni gio vanni
gonzalo gonza
graciela chela
gregory greg
guadalupe lupe lupita
guilherme gui guila
guillermo memo guille
gustavo guga gu gus tavo
harold harry hal
harriet hattie
helena lena leninha
helen nell nellie ellen
henrietta etta hettie
henrique rique henri
henry harry hank hal
heloisa helo lola
herbert bert herb bertie
hugh hughie
humberto beto
ignacio nacho
ines nezinha
irene rena
isabel bel isa isabela bela chabela
isabela isa bela bel
isabella bella isa izzy belle
isabelle isa belle bel
isadora isa dora
isaac ike zac
jacob jake
jacqueline jackie jac
james jim jimmy jamie jem
jane janie jenny
janet jan
janaina jana
jean jeannie
jeffrey jeff
jennifer jen jenny
jeremy jerry jem
jesus chuy chucho
jessica jess jessie
joana jo joaninha
joao joca joaozinho jonjon
joaquim quim quinzinho
joaquin quino
joel jo
john jack johnny jon jock
jonathan jon johnny nathan john
jorge jorginho
jose ze zeca zezinho zezo pepe juca
josefa zefa pepa
josefina josie pepita
joseph joe joey jo
josephine jo josie
joshua josh
judith judy
julia ju juju julinha
juliana ju juli juju
julio julinho
karen kari
karina ka
kenneth ken kenny
kimberly kim
larissa lari
lawrence larry laurie lars
leandro le leo
leonardo leo nardo
leonard len lenny leo
leticia le leti
lewis lew louie
lilian lili
louis lou louie lew
louise lou
lourdes lurdinha lu
luana lu lua
lucas luca luke
lucia lu lucinha
luciana lu luci
luciano lu
lucy lu
luis lula lulu luisinho lucho
luisa lu lulu isa
luiza lu lulu
luiz lula lulu luizinho
madeleine maddie
manuel mane manel manolo manu
marcela marce ma
marcelo marce celo
marcia marcinha
marcos marquinhos
margaret maggie meg peggy greta marge daisy madge margie rita
margarida guida
margarita rita marga
maria mariazinha mary mari mariquinha
mariana mari nana
mariane mari
marina mari nina
mario marinho
marta martinha
martha mattie patty
martin marty
mary molly polly mamie may
mateus teteu theus
matheus teteu theus
matthew matt matty
matilda tilda tilly mattie
mauricio mau
mercedes merche
michael mike mick mickey mikey micky
michele mi michelle
michelle mi shelly
miguel mike migue
mildred millie
monica moni
murilo mu
nancy nan
natalia nati nat talia
natalie nat
nathaniel nate nathan nat
nicholas nick nicky nico
nicolas nico nick
nicole nic nick nicky
oliver ollie
olivia liv livia olie
oscar ozzie
osvaldo vado
otavio tavinho
pamela pam
patricia pat paty patty trish tricia pati
patrick pat paddy rick
paula paulinha
paul paulie
paulo paulinho
pedro pedrinho pepe peu
penelope penny
peter pete
philip phil pip
phillip phil pip
priscila pri
rafael rafa
rafaela rafa
raimundo mundinho
raquel quel
ramon moncho
raymond ray
rebecca becky becca
rebeca beca
regina re
reginald reg reggie
renata re nata
renato re
ricardo rick ricky cado rico
richard rick dick rich ricky richie dickie
robert bob rob bobby robbie bert robin rab
roberta beta betinha
roberto beto robertinho tito
rodolfo rudy
rodrigo digo rod ro
roger rog
rogerio roger
ronald ron ronnie
ronaldo ron naldo
rosa rosinha
rosario charo
rosemary rose rosie romy
sabrina sa sabri
salvador chava
samantha sam sammy
samuel sam sammy samuca
sandra san
santiago santi tiago
sarah sally sadie sara
sebastiao tiao bastiao
sebastian seb sebas bastian
sergio serginho
severino bil
silvia sil silvinha
simone si mone
sofia sofi
sophia sophie sofi
stephen steve stevie
steven steve stevie
stephanie steph stefani
susan sue susie suzy
susana su susi
suzana su suzi
tatiana tati
teodoro teo doro
terence terry
teresa te teca tere tess
theresa terry tess tessa
theodore ted teddy theo
thiago thi
thomas tom tommy tam
timothy tim timmy
tomas tom
valentina val tina
valeria val leria
valter valtinho
vanessa van nessa
veronica vero ronnie
vicente vi chente
victor vic
victoria vicky tori vic
vinicius vini
virginia ginny vi
vitor vitinho
vitoria vi vick
vivian vivi
viviane vivi
walter wally walt wat
wesley wes
wilhelm willi wim
william will bill billy willy liam wm
winifred winnie freda
xavier xavi
yasmin mim yas
zachary zach zac zack
"""

_MEMBERS: Final[dict[str, frozenset[str]]] = {}
for _line in _GROUPS.split("\n"):
    _names = _line.split()
    for _name in _names:
        _MEMBERS[_name] = _MEMBERS.get(_name, frozenset()) | {_names[0]}

NICKNAMES: Final = frozenset(_MEMBERS)
"""Every name in a group, full or short."""

_DIMINUTIVES: Final = (("inha", "a"), ("inho", "o"), ("zinho", ""), ("zinha", ""), ("ita", "a"), ("ito", "o"))


@lru_cache(maxsize=65536)
def full_forms(given: str) -> frozenset[str]:
    """The names that `given` (folded) may be short for, itself included: *beto* → beto, alberto, roberto, gilberto."""
    forms = {given} | _MEMBERS.get(given, frozenset())
    if len(given) >= 6:
        for ending, stem in _DIMINUTIVES:
            if given.endswith(ending):
                forms.add(given[: -len(ending)] + stem)
    return frozenset(forms)


def are_nicknames(one: str, other: str) -> bool:
    """Whether both may be signed by one person. Two full names are not, though one nickname serves both."""
    if one == other:
        return True
    ones, others = full_forms(one), full_forms(other)
    if other in ones or one in others:
        return True
    both_short = ones - {one} and others - {other}
    return bool(both_short and ones & others)
