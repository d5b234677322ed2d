"""How common the commonest names are: what sharing *Maria* or *Silva* is worth before any data was seen.

Our own approximations, to about a factor of two, of the share of people in Brazil, Spanish America, the United
States and Europe who bear a name, in parts per 10,000 of a mixed list in which Brazilians prevail. They only have to
be right in magnitude: what the user's own data shows (`Frequencies`) takes over wherever it says that a name is more
common. Names are folded.
"""

from __future__ import annotations

from typing import Final


def _table(text: str) -> dict[str, float]:
    shares: dict[str, float] = {}
    for line in text.strip().split("\n"):
        per_10_000, _, names = line.partition(" ")
        for name in names.split():
            shares[name] = int(per_10_000) / 10_000
    return shares


GIVEN: Final[dict[str, float]] = _table("""
320 maria
180 jose ana
120 joao
90 antonio francisco
70 carlos paulo
60 pedro lucas
55 luiz luis
45 marcos gabriel rafael
40 marcelo bruno eduardo felipe daniel rodrigo
35 francisca juliana marcia fernanda patricia aline mariana
30 manoel manuel raimundo sebastiao fernando gustavo guilherme ricardo leonardo thiago tiago matheus mateus amanda
30 bruna camila
25 adriana sandra leticia julia vanessa jessica gabriela beatriz larissa andre fabio alexandre leandro vinicius
25 diego vitor victor anderson
20 luciana renata cristina simone claudia carla priscila rafaela natalia daniela roberto sergio jorge rogerio caio
20 henrique arthur miguel david
18 isabela isabel helena laura sofia alice luana debora tatiana monica andrea marta rosa lucia teresa vera regina
18 silvia eliane
18 edson geraldo joaquim claudio mario alessandro alex samuel igor renato wagner wellington william robson sandro
18 mauricio flavio adriano
15 antonia josefa aparecida raquel elaine viviane michele sonia cristiane fabiana carolina bianca giovanna isabella
15 vitoria valentina
15 cesar gilberto hugo enzo davi heitor bernardo murilo otavio emerson everton jonathan douglas denis danilo
20 james john robert michael mary
15 thomas richard joseph charles christopher matthew anthony mark
12 jennifer linda elizabeth susan sarah karen nancy lisa margaret emily emma anna peter paul martin alexander
12 george andrew
10 juan javier alejandro carmen pilar dolores mercedes miguel angel sergio pablo alvaro jesus
10 steven kevin brian edward kenneth ronald timothy jason jeffrey ryan jacob gary nicholas eric stephen larry
10 justin scott brandon benjamin
10 ashley kimberly donna michelle amanda melissa deborah stephanie rebecca sharon kathleen amy angela nicole
8 marie jean pierre michel philippe nicolas sophie claire nathalie isabelle catherine christine camille chloe
8 hans klaus stefan andreas wolfgang ursula sabine katharina julia lukas jonas felix
8 giuseppe marco francesca giulia chiara alessandra luca matteo lorenzo
6 samantha olivia hannah abigail isabella grace victoria chloe ethan noah liam mason logan oliver jack harry
6 charlie oscar
6 henry frederick arthur albert walter alfred ernest frank harold edwin hugh francis philip percy
6 alice florence edith ethel dorothy helen ellen jane harriet charlotte frances emma
5 joana rita ines catarina diogo goncalo nuno rui vasco tomas duarte afonso
5 ahmed mohammed mohamed ali omar fatima wei li ming anh nguyen
""")

FAMILY: Final[dict[str, float]] = _table("""
700 silva
480 santos
330 souza sousa oliveira
250 pereira
220 lima
200 ferreira costa
160 rodrigues almeida
140 nascimento alves
120 carvalho araujo ribeiro
100 barbosa gomes martins rocha
90 barros soares lopes dias cardoso
80 fernandes vieira monteiro mendes andrade moreira freitas nunes marques
70 reis teixeira ramos machado batista correia correa campos castro duarte cavalcante cavalcanti
60 moura miranda pinto santana borges aguiar nogueira melo mello dantas medeiros pires cunha
50 farias vasconcelos azevedo bezerra macedo coelho guimaraes fonseca siqueira xavier brito pinheiro tavares morais
50 moraes
40 viana leite rezende resende figueiredo sales salles amaral franco assis braga torres amorim leal matos mattos
40 garcia
30 conceicao jesus paiva magalhaes queiroz bastos furtado porto carneiro neves pacheco sampaio chaves rosa peixoto
20 rangel prado lacerda bueno toledo camargo arruda falcao esteves valente meireles lemos goncalves antunes abreu cruz
60 goncalves
40 smith johnson
30 williams brown jones garcia
25 miller davis rodriguez martinez
20 hernandez lopez gonzalez gonzales wilson anderson thomas taylor moore jackson martin lee perez fernandez sanchez
15 thompson white harris clark lewis robinson walker young allen king wright scott torres nguyen hill flores green
15 adams gomez ruiz diaz
12 nelson baker hall rivera campbell mitchell carter roberts evans turner edwards phillips parker collins murphy
12 morgan cooper
10 muller schmidt schneider fischer weber meyer wagner becker schulz hoffmann
10 rossi russo ferrari esposito bianchi romano ricci
10 dubois durand bernard petit leroy moreau simon laurent lefebvre
10 hughes price bennett wood james reed cook morris bell murray ward cox kelly watson bailey ellis stewart robertson
8 jimenez alvarez moreno munoz romero alonso gutierrez navarro dominguez vazquez ortega delgado castillo vargas rojas
8 jansen devries bakker visser novak kowalski nowak andersson johansson hansen nielsen larsen
8 wang li zhang chen liu yang kim park khan singh patel ali
""")

CITY: Final[dict[str, float]] = _table("""
1200 saopaulo
600 riodejaneiro
300 brasilia belohorizonte salvador fortaleza curitiba london
250 manaus recife portoalegre goiania campinas madrid newyork paris lisboa lisbon
150 belem guarulhos saoluis maceio campogrande natal joaopessoa teresina florianopolis porto berlin barcelona roma
150 rome
100 osasco santos ribeiraopreto uberlandia sorocaba aracaju niteroi vitoria cuiaba joinville londrina saojosedoscampos
100 losangeles chicago houston miami boston amsterdam dublin munich hamburg milano milan vienna birmingham manchester
""")
"""Cities, written together."""

UNSEEN_GIVEN: Final = 1 / 3_000
UNSEEN_FAMILY: Final = 1 / 4_000
UNSEEN_CITY: Final = 1 / 100
"""What a value in no table is taken for: the middle of the long tail, not its end."""
