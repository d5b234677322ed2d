"""Words that the generators draw from, and the slips that people make: seeded, invented, and not the shipped tables.

The frequencies here are drawn anew from a Zipf law for each list, so that a model tuned on what the generators make
cannot have learned them from `pipelines.dedupe.name_frequencies`.
"""

from __future__ import annotations

import random
from itertools import accumulate
from typing import Final


def _words(text: str) -> list[str]:
    return text.split()


BRAZILIAN_GIVEN: Final = _words("""
Maria José Ana João Antônio Francisco Carlos Paulo Pedro Lucas Luiz Marcos Luís Gabriel Rafael Daniel Marcelo Bruno
Eduardo Felipe Rodrigo Manoel Mateus André Fernando Fábio Leonardo Gustavo Guilherme Leandro Tiago Anderson Ricardo
Márcio Jorge Alexandre Roberto Edson Diego Vítor Sérgio Cláudio Matheus Thiago Geraldo Adriano Luciano Júlio Renato
Alex Vinícius Rogério Samuel Ronaldo Mário Flávio Douglas Igor Davi Manuel Jeferson Cícero Vitória Adriana Juliana
Márcia Fernanda Patrícia Aline Sandra Camila Amanda Bruna Jéssica Letícia Júlia Luciana Vanessa Mariana Gabriela
Vera Larissa Cláudia Beatriz Rita Luana Sônia Renata Eliane Josefa Simone Natália Cristiane Carla Débora Rosângela
Jaqueline Rosa Daniela Aparecida Marlene Terezinha Raimunda Andréia Fabiana Lúcia Raquel Ângela Rafaela Joana Elaine
Thereza Raphael Walter Wagner Yara Phelipe Cecília Heloísa Isadora Lorena Caio Otávio Henrique Joaquim Benedito
Sebastião Raimundo Caetano Iracema Jandira Moacir Ubirajara Zenaide Zuleica Valdir Osvaldo Nivaldo Edivaldo
Wellington
""")
BRAZILIAN_FAMILY: Final = _words("""
Silva Santos Oliveira Souza Rodrigues Ferreira Alves Pereira Lima Gomes Ribeiro Carvalho Almeida Lopes Soares
Fernandes Vieira Barbosa Rocha Dias Nascimento Andrade Moreira Nunes Marques Machado Mendes Freitas Cardoso Ramos
Gonçalves Santana Teixeira Araújo Costa Martins Castro Campos Pinto Moura Cavalcante Dantas Batista Melo Barros Reis
Moraes Monteiro Borges Medeiros Pires Nogueira Aguiar Cunha Xavier Coelho Guimarães Queiroz Peixoto Sampaio Bezerra
Macedo Vasconcelos Tavares Siqueira Brito Azevedo Fonseca Correia Duarte Figueiredo Sales Miranda Farias Pacheco
Bittencourt Schmidt Zanetti Bianchi Yamamoto Tanaka Kowalski Hoffmann Menezes Assunção Conceição Brandão Falcão
Mascarenhas Albuquerque Magalhães Antunes Boaventura Quintanilha Trindade Valadares Fagundes Bragança Lacerda
""")
ENGLISH_GIVEN: Final = _words("""
James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica
Thomas Sarah Christopher Karen Charles Lisa Daniel Nancy Matthew Betty Anthony Sandra Mark Margaret Donald Ashley
Steven Kimberly Andrew Emily Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa George Deborah
Timothy Stephanie Ronald Dorothy Jason Rebecca Edward Sharon Jeffrey Laura Ryan Cynthia Jacob Amy Gary Kathleen
Nicholas Angela Eric Shirley Jonathan Emma Stephen Brenda Larry Pamela Justin Nicole Scott Anna Brandon Samantha
Benjamin Katherine Samuel Christine Gregory Helen Alexander Debra Patrick Rachel Frank Carolyn Raymond Janet Jack
Maria Dennis Olivia Jerry Heather Tyler Diane Aaron Julie Henry Joyce Douglas Victoria Peter Ruth Adam Grace Zachary
Harold Florence Albert Edith Alfred Ethel Ernest Mabel Walter Beatrice Herbert Winifred Percy Agnes Hugh Eleanor
""")
ENGLISH_FAMILY: Final = _words("""
Smith Johnson Williams Brown Jones Davis Miller Wilson Moore Taylor Anderson Thomas Jackson White Harris Martin
Thompson Robinson Clark Lewis Lee Walker Hall Allen Young King Wright Hill Scott Green Adams Baker Nelson Carter
Mitchell Roberts Turner Phillips Campbell Parker Evans Edwards Collins Stewart Morris Rogers Reed Cook Morgan Bell
Murphy Bailey Cooper Richardson Cox Howard Ward Peterson Gray James Watson Brooks Kelly Sanders Price Bennett Wood
Barnes Ross Henderson Coleman Jenkins Perry Powell Long Patterson Hughes Butler Simmons Foster Gonzales Bryant
Ashworth Blakeley Cholmondeley Dunstanville Egerton Fairfax Greville Hartington Inglewood Jermyn Kingscote Lyttelton
Molesworth Northcote Osbaldeston Pelham Quarles Ravensworth Stapleton Tollemache Umfreville Vavasour Wentworth Yorke
""")
EUROPEAN_GIVEN: Final = _words("""
Hans Klaus Stefan Andreas Wolfgang Ursula Sabine Katharina Lukas Jonas Felix Jürgen Günther Jean Pierre Michel
Philippe Nicolas Sophie Claire Isabelle Catherine Camille Chloé François Giuseppe Marco Francesca Giulia Chiara
Alessandra Luca Matteo Lorenzo Juan Javier Alejandro Carmen Pilar Dolores Mercedes Miguel Pablo Álvaro Jesús
Concepción Inês Catarina Diogo Gonçalo Nuno Rui Vasco Tomás Duarte Afonso Anna Piotr Katarzyna Lars Ingrid Sven
Mette Pieter
""")
EUROPEAN_FAMILY: Final = _words("""
Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Rossi Russo Ferrari Esposito Bianchi
Romano Dubois Durand Bernard Petit Leroy Moreau Simon Laurent Lefebvre García Fernández González Rodríguez López
Martínez Sánchez Pérez Gómez Jiménez Ruiz Hernández Díaz Moreno Muñoz Álvarez Romero Alonso Jansen Bakker Visser
Novak Kowalski Nowak Andersson Johansson Hansen Nielsen Larsen Silva Santos Ferreira Pereira Oliveira Costa
Rodrigues Martins Sousa
""")
NICKNAMES: Final = {
    "Beatriz": "Bia", "José": "Zé", "Francisco": "Chico", "Eduardo": "Edu", "Fernanda": "Nanda", "Gabriel": "Gabi",
    "Guilherme": "Gui", "Roberto": "Beto", "Luciana": "Lu", "Antônio": "Toninho", "Rafael": "Rafa", "Juliana": "Ju",
    "Leonardo": "Leo", "Manoel": "Mané", "Daniela": "Dani", "Camila": "Cami", "Isabelle": "Isa", "Alexandre": "Alê",
    "William": "Bill", "Robert": "Bob", "Richard": "Dick", "Elizabeth": "Liz", "Margaret": "Peggy", "James": "Jim",
    "Thomas": "Tom", "Michael": "Mike", "Katherine": "Kate", "Charles": "Charlie", "Edward": "Ned", "Henry": "Harry",
    "Joseph": "Joe", "John": "Jack", "Samuel": "Sam", "Benjamin": "Ben", "Christopher": "Chris", "Matthew": "Matt",
    "Jennifer": "Jen", "Patricia": "Pat", "Susan": "Sue", "Anthony": "Tony", "Daniel": "Dan", "Andrew": "Andy",
    "Francisca": "Chica", "Dolores": "Lola", "Alejandro": "Álex", "Miguel": "Migue", "Concepción": "Concha",
    "Dorothy": "Dolly", "Eleanor": "Nell", "Walter": "Wally", "Alfred": "Fred", "Albert": "Bert", "Florence": "Flo",
}  # fmt: skip
CITIES: Final = {
    "BR": ("São Paulo", "Rio de Janeiro", "Belo Horizonte", "Recife", "Salvador", "Curitiba", "Porto Alegre", "Goiânia",
           "Fortaleza", "Manaus", "Campinas", "Sorocaba", "Joinville", "Londrina", "Niterói", "Olinda", "Caruaru",
           "Petrolina", "Blumenau", "Maringá", "Uberlândia", "Ribeirão Preto", "Vitória", "Natal", "Maceió"),
    "US": ("New York", "Los Angeles", "Chicago", "Houston", "Phoenix", "Dallas", "Austin", "Boston", "Seattle",
           "Denver", "Portland", "Atlanta", "Miami", "Detroit", "Memphis", "Baltimore", "Tucson", "Omaha"),
    "EU": ("London", "Madrid", "Paris", "Lisboa", "Porto", "Berlin", "Hamburg", "München", "Roma", "Milano", "Dublin",
           "Amsterdam", "Barcelona", "Valencia", "Lyon", "Kraków", "Leeds", "Bristol", "Wien"),
}  # fmt: skip
SYLLABLES: Final = _words("""
ba be bri ca cor da del dra er fa fio gal gon ir ja kar la len lo ma mir mon na nor o pa per qui ra ren ro sa ser so
ta tor u va ven vi xa za zel
""")
KEYS_NEARBY: Final = {
    "a": "sqz", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


class Zipf:
    """Draws from a list, the first a hundred times as often as the hundredth; which is first depends on the seed."""

    def __init__(self, values: list[str] | tuple[str, ...], seed: int, power: float = 0.8) -> None:
        self.values = list(values)
        random.Random(f"{seed} {values[0]}").shuffle(self.values)
        self.weights = list(accumulate(1 / (rank + 4) ** power for rank in range(len(self.values))))

    def draw(self, rng: random.Random) -> str:
        return rng.choices(self.values, cum_weights=self.weights)[0]


def invented(rng: random.Random) -> str:
    """A family name that nobody else is likely to bear."""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(3, 4))).capitalize()


def slip(text: str, rng: random.Random) -> str:
    """One typing error: a letter left out, doubled, exchanged with the next, or the key beside it."""
    if len(text) < 3:
        return text
    at = rng.randrange(1, len(text) - 1)
    match rng.randrange(5):
        case 0:
            return text[:at] + text[at + 1 :]
        case 1:
            return text[:at] + text[at] + text[at:]
        case 2:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case 3:
            near = KEYS_NEARBY.get(text[at].lower(), "e")
            return text[:at] + rng.choice(near) + text[at + 1 :]
        case _:
            return text[:at] + rng.choice("abcdefghilmnoprstuv") + text[at:]
