"""How much planted personal data does `mask_pii` find, what does it mask that it should not, and how fast?

    python benchmarks/masking.py                      all four sets of formats, 6,000 comments each
    python benchmarks/masking.py --set evaluation --misses 20

Comments are made of everyday sentences with one piece of personal data, or one number that looks like it, planted in most of
them. There are four sets that share no sentence and no way of writing. Found means that every letter and digit of what was
planted lies in a masked span, of whatever kind; `kind_right` is the share of those found that bear their own kind alone. Names
after a cue count apart. Touched means that any sign of what names nobody was masked. Intervals are Wilson's, 95%.

The rules were made on `tuning`; each further set was written before the rules were tried on it, looked at once, and what was
missed then mended, so only the first look at a set is blind. Recall of structured data, and order numbers touched, on
1 December 2026:

    set           first look     after mending
    tuning        83.6%, 1.0%    100.0%, 0.0%     (first look: the masker before this study)
    tuning_2      96.8%, 0.3%    100.0%, 0.0%     (11 of the 91 misses were a fault of this file)
    tuning_3      96.3%, 13.8%   100.0%, 0.0%
    evaluation    95.5%, 3.5%     99.6%, 0.0%     (address least, 97.5%; names after a cue 80.3%, then 100.0%)

2,800 to 6,200 such comments a CPU second (a processor shared with other work; most comments hold something to mask). Real
tweets 5,000 to 6,600, real reviews of 880 signs 1,600 to 1,880; with 48,000 known names 860 such reviews.
Synthetic sentences are cleaner than what people write, and whoever wrote the rules wrote the sets.
"""

from __future__ import annotations

import argparse
import random
import re
import string
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import phonenumbers

from cxlab.data.privacy import mask_pii, personal_data
from cxlab.inference import wilson

Maker = Callable[[random.Random], str]
STRUCTURED = ("email", "phone", "card", "iban", "url", "handle", "address")
REGIONS = ("US", "GB", "DE", "FR")


@dataclass(frozen=True)
class Formats:
    """Ways of writing by kind, and sentences with a place for one of them. `innocent` are numbers that name nobody."""

    name: str
    written: Mapping[str, Sequence[Maker]]
    sentences: Mapping[str, Sequence[str]]
    innocent: Mapping[str, Sequence[Maker]]
    innocent_sentences: Mapping[str, Sequence[str]]
    named: Sequence[str]
    people: Sequence[str]
    nobody: Sequence[str]
    fillers: Sequence[str]


# ------------------------------------------------------------------------------------------------------- how it is written


def pattern(text: str) -> Maker:
    """# is a digit, % one from 1 to 9, ~ one from 2 to 9, ^ a capital; the rest stands as it is."""
    signs = {"#": string.digits, "%": "123456789", "~": "23456789", "^": string.ascii_uppercase}
    return lambda rng: "".join(rng.choice(signs[sign]) if sign in signs else sign for sign in text)


def phone(region: str, *texts: str) -> list[Maker]:
    """Numbers that the numbering plan of the region has given out."""

    def one(text: str) -> Maker:
        draw = pattern(text)

        def make(rng: random.Random) -> str:
            for _ in range(500):
                made = draw(rng)
                if phonenumbers.is_valid_number(phonenumbers.parse(made, region)):
                    return made
            raise AssertionError(f"{text} is never valid in {region}")

        return make

    return [one(text) for text in texts]


def card(prefixes: Sequence[str], length: int, groups: Sequence[int], separator: str) -> Maker:
    """A number with a right checksum, written in groups."""

    def make(rng: random.Random) -> str:
        body = rng.choice(prefixes)
        body += "".join(rng.choice(string.digits) for _ in range(length - 1 - len(body)))
        digits = body + str(-luhn_sum(body + "0") % 10)
        parts, at = [], 0
        for size in groups:
            parts.append(digits[at : at + size])
            at += size
        return separator.join(parts)

    return make


def luhn_sum(digits: str) -> int:
    return sum(
        int(digit) if place % 2 == 0 else sum(divmod(2 * int(digit), 10))
        for place, digit in enumerate(reversed(digits))
    )


_IBANS = {
    "DE": "#" * 18, "GB": "^^^^" + "#" * 14, "FR": "#" * 21 + "##", "NL": "^^^^" + "#" * 10, "ES": "#" * 20,
    "IT": "^" + "#" * 22, "BE": "#" * 12, "CH": "#" * 17, "AT": "#" * 16, "PL": "#" * 24, "IE": "^^^^" + "#" * 14,
    "NO": "#" * 11, "PT": "#" * 21, "SE": "#" * 20, "DK": "#" * 14, "FI": "#" * 14, "LU": "#" * 16, "CZ": "#" * 20,
    "HU": "#" * 24, "GR": "#" * 23, "SA": "#" * 20, "TR": "#" * 22, "MT": "^^^^" + "#" * 5 + "^" * 18,
}  # fmt: skip


def iban(countries: Sequence[str], write: Callable[[str], str]) -> Maker:
    def make(rng: random.Random) -> str:
        country = rng.choice(countries)
        account = pattern(_IBANS[country])(rng)
        rest = int("".join(str(int(sign, 36)) for sign in f"{account}{country}00")) % 97
        return write(f"{country}{98 - rest:02d}{account}")

    return make


def fours(text: str, separator: str = " ") -> str:
    return separator.join(text[at : at + 4] for at in range(0, len(text), 4))


def joined(*parts: Sequence[str]) -> Maker:
    return lambda rng: "".join(pattern(rng.choice(list(options)))(rng) for options in parts)


# ------------------------------------------------------------------------------------------------------------- the two sets

TUNING = Formats(
    name="tuning",
    written={
        "email": [
            joined(
                ["jane.doe", "bob", "m_weber", "o'neil.p", "info"],
                ["", "+cx", "+shop#", "##"],
                ["@"],
                ["example.com", "mail.example.co.uk", "web.de", "sub.example.org"],
            ),
            joined(["JANE.DOE", "Bob.Smith"], ["@EXAMPLE.COM", "@Example.Co.Uk"]),
            joined(
                ["jane", "bob.smith"],
                [" at example dot com", " (at) example.com", "[at]example[dot]org", " AT example DOT net"],
            ),
        ],
        "phone": [
            *phone(
                "US",
                "(415) ~##-####",
                "415-~##-####",
                "+1 212 ~## ####",
                "212.~##.####",
                "1-917-~##-####",
                "917~######",
            ),
            *phone(
                "GB",
                "020 7### ####",
                "+44 20 7### ####",
                "07### ######",
                "+44 7### ######",
                "0161 ### ####",
                "(0121) ### ####",
            ),
            *phone("DE", "+49 30 ########", "0151 ########", "030/%#######", "+49 (0)89 %######"),
            *phone("FR", "+33 6 ## ## ## ##", "01 42 ## ## ##", "06.##.##.##.##"),
            *phone("IT", "+39 333 ### ####"),
            *phone("NL", "+31 6 ########"),
            *map(pattern, ["0118 496 0###", "555-01##", "(212) 555-01##", "07700 900###", "+33 1 99 00 ## ##"]),
        ],
        "card": [
            card(["4", "51", "55"], 16, [4, 4, 4, 4], " "),
            card(["4", "52"], 16, [16], ""),
            card(["4", "53"], 16, [4, 4, 4, 4], "-"),
            card(["34", "37"], 15, [4, 6, 5], " "),
            card(["6011"], 16, [4, 4, 4, 4], " "),
            card(["36"], 14, [14], ""),
        ],
        "iban": [
            iban(["DE", "GB", "FR", "NL"], str),
            iban(["DE", "GB", "FR", "NL", "ES"], fours),
            iban(["DE", "GB"], lambda text: fours(text).lower()),
            iban(["IT", "ES"], str),
        ],
        "url": [
            joined(
                ["https://", "http://", "www.", ""],
                ["example", "my-shop", "acme"],
                [".com", ".co.uk", ".org"],
                ["/help", "/a?b=c&d=%", "/orders/~#.html"],
            ),
            joined(["https://", "http://"], ["example.net", "shop.example.fr"]),
            joined(["www."], ["example.com", "acme.de", "some-shop.co.uk"]),
            joined(["acme", "example", "my-shop"], [".com", ".co.uk", ".org", ".de"]),
            joined(["bit.ly/", "t.co/", "goo.gl/"], ["a#X^k#", "^b##z"]),
        ],
        "handle": [
            joined(["@"], ["jane_doe", "bobsmith", "JaneD", "weber.m"], ["", "##"]),
            joined(["instagram: ", "my twitter handle is ", "Telegram: "], ["jane_doe", "bob.smith"], ["", "##"]),
        ],
        "address": [
            joined(
                ["%", "##", "%##"],
                [" Baker", " Oak", " Main", " Station", " North High"],
                [" Street", " Road", " Avenue", " St", " Rd", " Lane"],
            ),
            joined(
                ["%## Maple", "%#%# Elm", "%# W 4#th"],
                [" St", " Avenue", " Blvd"],
                [", Springfield, IL 62704", ", Austin, TX 7870#", " Apt %B"],
            ),
            joined(["%# Park Road", "Flat %, %# High Street"], [", London NW1 6XE", ", Leeds LS1 4AP", ", M1 1AE"]),
            joined(
                ["Hauptstraße %#", "Goethestr. %", "Lindenweg %#a", "Schillerplatz %"],
                ["", ", 1011# Berlin", ", 8033# München"],
            ),
            joined(["P.O. Box %##", "PO Box %#"]),
            joined(["%# rue", "%, avenue"], [" de Rivoli", " Victor Hugo", " de la Paix"]),
        ],
    },
    sentences={
        "email": [
            "Please write to {} about it.",
            "My email is {}",
            "you can reach me at {} or by post.",
            "I sent it from {}, twice.",
        ],
        "phone": [
            "Please call me on {}.",
            "My number is {}",
            "I rang from {} and nobody answered.",
            "Reach me at {} any time, thanks.",
        ],
        "card": ["You charged my card {} twice.", "I paid with {} last week.", "The card is {}, please refund it."],
        "iban": ["Refund to {} please.", "My IBAN is {}", "I transferred it to {}, not to you."],
        "url": [
            "See {} for the picture.",
            "I found it on {}",
            "The link ({}) does not work.",
            "it was on {}, I think.",
        ],
        "handle": ["Ask {} about it.", "Find me there: {}", "I am {} on the other app."],
        "address": ["I live at {} now.", "It was sent to {}, and never arrived.", "My address is {}"],
    },
    innocent={
        "order": [
            *map(
                pattern,
                [
                    "order %#########",
                    "order number ###-###-###",
                    "booking 4#######",
                    "Order no. 4155552671",
                    "invoice INV-####-##",
                    "ticket ###########",
                    "case #########",
                    "tracking 1Z999AA1########",
                    "confirmation ABC###",
                    "reference: 0##########",
                    "flight BA####",
                    "reservation # %########",
                    "serial number ##########",
                    "policy no ##########",
                ],
            )
        ],
        "number": [
            *map(
                pattern,
                [
                    "2026-0%-1#",
                    "1#.0%.2025",
                    "0%/1#/2024",
                    "$1,%##.##",
                    "£%#.##",
                    "1#:4#",
                    "version %.%#.%",
                    "seat 1#A",
                    "%,### points",
                    "2% minutes",
                    "%##,###.## EUR",
                    "1#.5 %",
                ],
            )
        ],
    },
    innocent_sentences={
        "order": ["My {} never came.", "About {}: nobody answers.", "I asked for {} three times", "Where is {}?"],
        "number": ["It was {} and that is all.", "They said {}, I think.", "On the page I read {}"],
    },
    named=[
        "My name is {}.",
        "Dear {},\nI waited.",
        "I spoke to {} about it.",
        "Kind regards, {}",
        "Thanks,\n{}",
        "Mr {last} was rude.",
        "Dr. {last} helped.",
        "I asked for {first} at the desk.",
        "The agent, {first}, hung up.",
        "This is {first} from next door.",
        "Mrs. {last} called twice.",
        "Best regards\n{}",
    ],
    people=[
        "Ann Smith",
        "Peter Jones",
        "Priya Patel",
        "José García",
        "Mei Wu",
        "Anna Weber",
        "Tom O'Neil",
        "Eva Müller-Lang",
        "Omar Haddad",
        "Kim Novak",
    ],
    nobody=[
        "Dear Team, thanks.",
        "The manager was rude.",
        "I spoke to Customer Service.",
        "Kind regards",
        "I asked for Refund.",
        "Dear Sir or Madam,",
        "Hi there, it broke.",
        "My name is on the list.",
        "This is Great.",
        "I spoke with Support.",
    ],
    fillers=[
        "The app is slow.",
        "Nobody called back for weeks.",
        "Great service!",
        "I waited 45 minutes on hold.",
        "It costs too much.",
        "Delivery was quick, thanks.",
        "i will never buy here again",
        "The website froze twice on Monday.",
        "Why is May always so busy?",
        "Five stars from me.",
        "The price went up by 20%.",
        "We flew to London in June and the crew was kind.",
    ],
)

TUNING_2 = Formats(
    name="tuning_2",
    written={
        "email": [
            joined(
                ["karl-heinz.m", "zoe", "d.van.dijk", "x9", "sales-team", "ana_maria"],
                ["", "-2", "+news+offers", "_##"],
                ["@"],
                [
                    "mailbox.example",
                    "kunden.example.at",
                    "gmail.com",
                    "example.travel",
                    "uni-example.edu",
                    "ex-ample.io",
                ],
            ),
            joined(["zoe.k@example.net", "<ana@example.es>", "'karl@example.ch'", "Zoe.K@Example.info"]),
            joined(
                ["zoe dot k", "karl", "ana_maria"],
                [" at mailbox dot org", " at example dot co dot uk", "(at)example(dot)de", " [at] example [dot] io"],
            ),
            joined(["zoe.k", "karl##"], [" @example.com", "@ example.com", " @ gmail.com"]),
        ],
        "phone": [
            *phone(
                "US",
                "312 ~## ####",
                "+1 (646) ~##-####",
                "1 303 ~## ####",
                "(206)~##-####",
                "+13035~#####",
                "206-~##.####",
            ),
            *phone("GB", "001 312 ~## ####"),
            *phone(
                "GB",
                "+44 (0)20 8### ####",
                "0044 7### ######",
                "07###-###-###",
                "0207 ### ####",
                "01## ### ####",
                "+44-7###-######",
                "07### ### ###",
            ),
            *phone("DE", "0171/%######", "+49-221-%######", "0049 40 %#######", "089 - %#######", "(0221) %## ## ##"),
            *phone("FR", "0033 1 4# ## ## ##", "07 ## ## ## ##", "+33(0)6########", "04-##-##-##-##"),
            *phone("ES", "+34 6## ## ## ##", "+34 91 ### ## ##"),
            *phone("CH", "+41 79 ### ## ##", "+41 44 ### ## ##"),
            *phone("AU", "+61 4## ### ###"),
            *phone("IN", "+91 98### #####"),
            *phone("SE", "+46 70 ### ## ##"),
            *map(
                pattern,
                [
                    "0191 498 0###",
                    "020 7946 0###",
                    "415-555-01##",
                    "1-800-555-01##",
                    "01632 960###",
                    "+33 6 39 98 ## ##",
                ],
            ),
        ],
        "card": [
            card(["4", "54"], 16, [4, 4, 4, 4], "."),
            card(["4", "2221", "2720"], 16, [4, 4, 4, 4], " - "),
            card(["37"], 15, [4, 6, 5], "-"),
            card(["37", "34"], 15, [15], ""),
            card(["4", "51"], 16, [8, 8], " "),
            card(["30", "36"], 14, [4, 6, 4], " "),
            card(["3528", "3589"], 16, [4, 4, 4, 4], " "),
            card(["6304", "6759"], 19, [19], ""),
            card(["4"], 16, [4, 4, 4, 4], "  "),
            card(["4"], 13, [13], ""),
        ],
        "iban": [
            iban(["BE", "CH", "AT", "PL", "IE"], fours),
            iban(["NO", "PT", "PL", "MT"], str),
            iban(["BE", "AT", "PT"], lambda text: fours(text, "-")),
            iban(["CH", "IE", "MT"], str.lower),
            iban(["DE"], lambda text: f"{text[:4]} {text[4:12]} {text[12:]}"),
            iban(["BE", "NO"], lambda text: f"{text[:2]} {text[2:]}"),
            iban(["AT", "IE"], lambda text: fours(text, ".")),
        ],
        "url": [
            joined(
                ["HTTPS://", "https://user:pw@", "ftp://"],
                ["example.ch", "news.example.com:8080"],
                ["/x/y#top", "/~karl", "", "/?q=a%20b"],
            ),
            joined(["WWW.", "m.", "shop.", "www2."], ["example.nl", "acme.eu", "foo-bar.it"], ["/", "/s/%#", "?id=##"]),
            joined(["acme-travel", "foo.bar", "news24"], [".fr", ".ch", ".eu", ".nl", ".edu", ".net"]),
            joined(["youtu.be/", "wa.me/", "forms.gle/", "example.app/", "tinyurl.com/"], ["x^#kd#", "4#^##"]),
        ],
        "handle": [
            joined(["@"], ["zoe", "Karl_H", "ana_maria_", "_dvd", "thisiszoe"], ["", "#", "_##"]),
            joined(
                ["my insta is ", "twitter handle: ", "Skype name karl.", "snapchat: ", "on Discord: "],
                ["zoe_k", "karl_h", "anam"],
                ["", "#"],
            ),
        ],
        "address": [
            joined(
                ["%##-%## ", "%#b "],
                ["Queens", "Victoria", "St John's", "Old Kent", "Little Acre"],
                [" Road", " Close", " Crescent", " Drive", " Court", " Gardens", " Way", " Terrace"],
            ),
            joined(
                ["%#### SW 8th", "%## N. Lake Shore", "%## Martin Luther King", "%# E. 23rd"],
                [" St.", " Drive", " Blvd.", " Ave"],
                [", Apt. #%", ", Suite %##", "", ", Chicago IL 606##", ", Portland, OR 972##-1###"],
            ),
            joined(
                ["The Old Mill, %# Church Lane", "Unit % Mill Road", "%# the avenue", "%# elm grove"],
                ["", ", Bath BA1 2AB", ", Glasgow G12 8QQ", ", EH1 1YZ"],
            ),
            joined(
                [
                    "Lange Straße %#",
                    "Am Alten Markt %, 5066# Köln",
                    "Berliner Allee %##",
                    "Karl-Marx-Str. %#",
                    "Kirchgasse %b, 6905 Bregenz",
                    "An der Alster %#, 20099 Hamburg",
                ]
            ),
            joined(["Post Office Box %##", "p.o. box %##", "Postfach 10 ## ##"]),
            joined(
                [
                    "% bis rue du Bac",
                    "%# boulevard Saint-Michel",
                    "%# place de la République, 75003 Paris",
                    "%, quai d'Orsay",
                ]
            ),
        ],
    },
    sentences={
        "email": [
            "contact: {}",
            "Kindly send the voucher to {} - I am tired of waiting",
            "Reply-to {}!",
            "nobody reads what I sent to {} on Friday?",
            "({})",
        ],
        "phone": [
            "tel. {}",
            "Ring me back: {}!",
            "I'm available under {} after six",
            "they have {} on file; it is wrong",
            "ph {}",
            "mobile={}",
        ],
        "card": [
            "charged twice on {} in May",
            "CC#: {}",
            "my visa ({}) was declined...",
            "number {} exp 09/27",
            "take it from {} as before",
        ],
        "iban": [
            "bank details: {}",
            "please wire the 40 euros back ({})",
            "account {} at my bank",
            "nothing has arrived on {} YET",
        ],
        "url": ["check {}", "as shown here: {}!", "Your page {} says otherwise", "got a link to {} by text message..."],
        "handle": ["dm {} please", "cc {}", "Contact - {}", "posted it, {}."],
        "address": [
            "deliver it to {} next time",
            "Home: {}",
            "we moved from {} in spring",
            "The driver could not find {}!",
        ],
    },
    innocent={
        "order": [
            *map(
                pattern,
                [
                    "Order#%#######",
                    "order id: ####-######-####",
                    "booking ref 0#########",
                    "Reservation %## ### ###",
                    "invoice no: 20250#####",
                    "ticket nr. 125-##########",
                    "case number 0########",
                    "tracking no. ############",
                    "confirmation code %#####",
                    "ref #########",
                    "flight LH####",
                    "conf#: ^^%#^#",
                    "serial: 4##############",
                    "policy 07#########",
                    "my reference is 1-%#########",
                    "ORDER 02079######",
                    "tracking number 9400 1000 0000 0000 ####",
                ],
            )
        ],
        "number": [
            *map(
                pattern,
                [
                    "2025-11-0%T0%:15",
                    "%# March 2024",
                    "12/2#",
                    "€1.%##,##",
                    "USD %#,###",
                    "0%:1# pm",
                    "iOS 1%.%.1",
                    "row 3# seat C",
                    "A320-2##",
                    "4.%/5",
                    "3# 000 km",
                    "1# x 2#",
                    "2024/25",
                    "terminal 5, gate B4#",
                    "24/7/365",
                    "%##ml",
                    "00%",
                    "7% of 1##",
                    "9-1#",
                    "2019-2024",
                ],
            )
        ],
    },
    innocent_sentences={
        "order": ["{} is still missing", "Nothing on {} since Tuesday!", "see {} (again)", "still waiting. {}"],
        "number": ["we paid or waited: {}", "{} is what the screen said", "roughly {}...", "that makes {} in total"],
    },
    named=[
        "Hi, my name's {first} and I fly a lot.",
        "Hello {first}!\nyour page broke.",
        "we were helped by {}.",
        "Warm regards\n{}",
        "Sincerely, {}",
        "cheers {first}",
        "Miss {last} at the gate shrugged.",
        "Prof. {last} agreed.",
        "I was served by {first} yesterday.",
        "A lady called {first} smiled.",
        "This is {} again.",
        "our steward {first} was superb",
        "Herr {last} und Frau {last} warten.",
        "Many thanks, {first}",
        "my full name is {}",
        "Speaking to {first} was pleasant.",
    ],
    people=[
        "Zoë Kramer",
        "Karl Heinz",
        "Ana Ruiz",
        "Dirk van Dijk",
        "Siobhan O'Hara",
        "Rajesh Iyer",
        "Chloé Dubois",
        "Lars Sørensen",
        "Fatima Noor",
        "Jean-Luc Moreau",
    ],
    nobody=[
        "Hello All, it is late.",
        "The steward Was helpful.",
        "Many thanks. Great flight!",
        "I was helped by Everyone there.",
        "cheers mate",
        "My name's wrong on the ticket.",
        "This is Terrible again.",
        "We spoke to Management.",
        "Yours truly",
        "Dear British customer, they wrote.",
    ],
    fillers=[
        "Legroom was awful",
        "Check-in took 25 min!",
        "lovely crew, grim food",
        "Will I ever see my refund?",
        "We landed in Paris at noon on 3 June.",
        "I love the new seats, they recline.",
        "The lounge closed at 9.",
        "NO ANSWER FOR 3 WEEKS",
        "Mark my words: you will lose us.",
        "Only 2 of 4 screens worked",
        "Best trip since 2019!",
        "Grace period? None.",
    ],
)

TUNING_3 = Formats(
    name="tuning_3",
    written={
        "email": [
            joined(
                ["j", "Jane_Doe1985", "_jane", "first.last", "müller"],
                ["+x.y@", "@"],
                [
                    "hotmail.co.uk",
                    "bücher.example",
                    "a.b.c.example",
                    "museum.museum",
                    "xn--bcher-kva.example",
                    "t-online.de",
                ],
            ),
            joined(
                ["jane.doe", "jdoe##"],
                [
                    "(at)web.de",
                    "[at]example.com",
                    " AT example DOT co DOT uk",
                    " (@) example.org",
                    " at gmail.com",
                    "@gmail",
                ],
            ),
            joined(["“jane@example.com”", "a@example.org/b@example.org", "JANE@example.Com"]),
        ],
        "phone": [
            *phone(
                "US",
                "+1.415.~##.####",
                "1 (415) ~## ####",
                "415 - ~## - ####",
                "(415) ~##.####",
                "+1 415 ~## #### x12#",
                "1415~######",
                "415/~##-####",
            ),
            *phone(
                "GB",
                "+44 (20) 7### ####",
                "(+44) 7### ######",
                "07###.######",
                "020-7###-####",
                "01### ######",
                "020 7### #### ext 12",
                "+44 7### ### ###",
                "01##-###-####",
            ),
            *phone(
                "DE",
                "+49.30.########",
                "+49 (171) %######",
                "0171 / %## ## ##",
                "030 %# ## ## ##",
                "+49171%######",
                "0 30 / %## ## ##",
            ),
            *phone(
                "FR", "01-42-##-##-##", "00336########", "+33.6.##.##.##.##", "06 ## ### ###", "+33 (0) 6 ## ## ## ##"
            ),
            *phone("IE", "+353 87 ### ####"),
            *phone("PT", "+351 91# ### ###"),
            *phone("PL", "+48 5## ### ###"),
            *phone("BE", "+32 47# ## ## ##"),
            *phone("AT", "+43 664 %######"),
            *phone("DK", "+45 ## ## ## ##"),
            *phone("FI", "+358 40 %######"),
            *phone("SG", "+65 9### ####"),
            *phone("CN", "+86 138 #### ####"),
            *phone("JP", "+81 90 #### ####"),
            *phone("BR", "+55 11 9#### ####"),
            *phone("ZA", "+27 82 ### ####"),
            *map(
                pattern,
                [
                    "+1 212 555 01##",
                    "0131 496 0###",
                    "+44 7700 900###",
                    "020-7946-0###",
                    "01 99 00 ## ##",
                    "5550147 ext ##",
                ],
            ),
        ],
        "card": [
            card(["4", "52"], 16, [4, 4, 4, 4], "/"),
            card(["4", "55"], 16, [4, 4, 4, 4], "\u00a0"),
            card(["4", "55"], 16, [8, 8], "\n"),
            card(["4", "51", "2301"], 16, [4, 4, 4, 4], "–"),
            card(["62", "6759"], 19, [4, 4, 4, 4, 3], " "),
            card(["34"], 15, [4, 6, 5], "."),
            card(["6011", "65"], 16, [16], ""),
            card(["38"], 14, [4, 6, 4], "-"),
            card(["4"], 16, [4, 4, 4, 4], " "),
            card(["1800", "2131"], 15, [15], ""),
        ],
        "iban": [
            iban(["SE", "DK", "FI", "LU", "CZ"], fours),
            iban(["HU", "GR", "SA", "TR"], str),
            iban(["SE", "GR"], lambda text: fours(text, "  ")),
            iban(["DK", "FI"], lambda text: fours(text, "\u00a0").lower()),
            iban(["CZ", "HU"], lambda text: f"{text[:12]}\n{text[12:]}"),
            iban(["LU", "TR"], lambda text: f"{text[:4]}-{text[4:]}"),
            iban(["GB", "NL"], lambda text: f"{text[:2]} {text[2:4]} {text[4:8]} {text[8:]}"),
        ],
        "url": [
            joined(
                ["http://", "https://"],
                ["192.168.0.1", "example", "example.com:8443", "b.example.museum"],
                ["/x_(y)", "/a-b/%#?q=^&r=%", "/"],
            ),
            joined(
                ["instagram.com/", "facebook.com/", "linkedin.com/in/", "maps.app.goo.gl/"],
                ["jane.doe.#", "jane-doe", "^#^#x"],
            ),
            joined(
                ["", "WWW.", "sub.", "old-"],
                ["EXAMPLE.COM", "example.co.uk", "acme.com.au", "acme.io"],
                ["", "/index.php", "/#top"],
            ),
            joined(["amzn.to/", "fb.me/", "is.gd/", "ow.ly/"], ["^#x^#", "#^^#"]),
        ],
        "handle": [
            joined(["@"], ["jane.doe_", "JaneDoe", "_jane_", "j4ne", "élodie"], ["", "x#"]),
            joined(
                ["IG: ", "Insta - ", "telegram @", "tiktok: @", "LinkedIn: ", "my snap is "],
                ["jane_d", "jd.oe"],
                ["", "##"],
            ),
        ],
        "address": [
            joined(
                [
                    "1 Infinite Loop",
                    "350 Fifth Ave",
                    "%# N. Elm St.",
                    "9 Old Mill Ln, Apt %",
                    "1600 Amphitheatre Parkway",
                    "40%# Mt Lee Dr.",
                ],
                ["", ", Cupertino, CA 9501#", ", New York, NY 10118", " Salem MA 0197#"],
            ),
            joined(
                [
                    "10 Downing St",
                    "Flat %#B, % The Avenue",
                    "14-16 Broad Walk",
                    "%# Acacia Avenue",
                    "%/1, 45 Byres Road",
                ],
                ["", ", SW1A 2AA", ", Leeds, LS6 2AB", ", Croydon CR0 2AB"],
            ),
            joined(
                [
                    "Am Hang %, 801# Graz",
                    "Schloßstr. 1#-14",
                    "Kurfürstendamm 2%",
                    "Alte Landstraße %a, D-404## Düsseldorf",
                    "Rheinufer %",
                    "Goethe-Straße %#",
                    "Neuer Wall %#, 2035# Hamburg",
                ]
            ),
            joined(["Postfach %###", "PO BOX %##", "P O Box %##"]),
            joined(["%# rue de l'Église", "%, impasse des Lilas", "%# cours Mirabeau, 1310# Aix"]),
        ],
    },
    sentences={
        "email": ["Email: {}", "you'd better answer {} today", "wrote from {}; no reply", "My wife's ({}) too", "→ {}"],
        "phone": [
            "Cell: {}",
            "whatsapp {}",
            "{} is my landline",
            "give me a ring, {}, after lunch",
            "my husband's mobile is {}",
            "Telefon {}",
        ],
        "card": [
            "Mastercard {} expired",
            "the one ending so: {}",
            "you still hold {} on file",
            "paid by {}; see statement",
            "debit {} not credited",
        ],
        "iban": ["IBAN:{}", "send money here {}", "from {} you took it", "Konto {} bitte", "reimburse {}?"],
        "url": ["go to {}", "{} is down", "posted at {} yesterday", "read <{}>", "your site {}, as of now"],
        "handle": ["I'm {} there", "tweet {}", "follow {} !", "({})"],
        "address": [
            "Ship to: {}",
            "our new place, {}, has no box",
            "Neighbours at {} got it",
            "I am at {}",
            "sent to {} by mistake",
        ],
    },
    innocent={
        "order": [
            *map(
                pattern,
                [
                    "order (41########)",
                    "order=%%######",
                    "Bestellnummer 2025-######",
                    "ticket#0162#########",
                    "INVOICE NUMBER: 0770######",
                    "booking code is 4X7KP2",
                    "tracking: RR#########DE",
                    "case ref 000#########",
                    "Claim #401#######",
                    "flight number 107#######",
                    "serial no. %#-####-######-##",
                    "Reference No 55501##",
                    "order nr: 0%## %## ###",
                    "confirmation number is 6%##########",
                    "policy - 2#########",
                    "reservation ABC-###-###-####",
                    "parcel JD0##############",
                    "order 4%##############",
                ],
            )
        ],
        "number": [
            *map(
                pattern,
                [
                    "12.00 - 13.30",
                    "2025/0%/1#",
                    "1#-0%-2025",
                    "Nov 2#, 2025",
                    "¥12,#00",
                    "Rs. 4,5#,###",
                    "0.0#%",
                    "1#,###km",
                    "row 1#-2#",
                    "v2.%.10-rc1",
                    "24x7",
                    "A380-800",
                    "Gate C%#",
                    "5'11\"",
                    "37.5°C",
                    "1%:05-1%:45",
                    "3-2-1",
                    "2/10",
                    "100 mbps",
                    "€ 1 2##,50",
                    "Boeing 777-300",
                    "4 x 100",
                    "00:45:1#",
                ],
            )
        ],
    },
    innocent_sentences={
        "order": ["{} not delivered", "what about {}?", "Please check {}, thank you", "I gave them {} and waited"],
        "number": ["until {} or so", "{} they told us", "it showed {}", "for {}, really?"],
    },
    named=[
        "Hi {first},\nno reply yet.",
        "I talked to {first} on the phone.",
        "Yours sincerely,\n{}",
        "Thank you,\n{first}",
        "Mr. and Mrs. {last} waited.",
        "A gentleman named {first} apologised.",
        "Your colleague {first} knows.",
        "Regards\n{}",
        "I was assisted by {first}.",
        "mr {last} never rang",
        "Hey {first}! Again late.",
        "Lieber Herr {last}, danke.",
        "Spoke with {} in billing",
        "they transferred me to {first}",
        "My name is {} - call me",
        "Best,\n{first}",
        "customer service agent {first} was kind",
    ],
    people=[
        "Aoife Byrne",
        "Hans-Peter Vogt",
        "Lucía Fernández",
        "Sanjay Rao",
        "Emma Thompson",
        "Noah Fischer",
        "Ingrid Østergaard",
        "Yuki Tanaka",
        "Paul D'Angelo",
        "Marta Nowak",
    ],
    nobody=[
        "Hi all,\nthis is bad.",
        "Dear Customer Care,",
        "The lady at reception smiled.",
        "I asked for Compensation.",
        "Thanks for Nothing",
        "Thank you British Airways",
        "Yours, as ever",
        "My name is not in the system.",
        "Spoke with Reservations.",
        "This is Not acceptable.",
        "Regards",
        "I talked to Head Office.",
    ],
    fillers=[
        "Never again!",
        "Seats were cramped, food cold.",
        "May I ask why?",
        "We paid extra for nothing.",
        "the wifi is a joke",
        "Rose wine was fine.",
        "Took off 3h late, landed in Rome.",
        "My 2 kids loved it.",
        "Frank answers would help.",
        "I Will Not Fly Again",
        "Bill me once, not twice",
        "Lounge in Terminal 5 was full.",
    ],
)

EVALUATION = Formats(
    name="evaluation",
    written={
        "email": [
            joined(
                ["p.k", "Anna-Lena", "kontakt", "r2d##", "mary.ann_lee", "u%"],
                ["@"],
                [
                    "posteo.example",
                    "example.co.jp",
                    "mail-service.example",
                    "firma.example.ch",
                    "acme.photography",
                    "ymail.com",
                ],
            ),
            joined(
                ["pk##", "mary.ann"],
                ["+%@example.com", "@EXAMPLE.ORG", "@example.edu.au", " @gmail.com", " [@] example.com"],
            ),
            joined(
                ["mary.ann", "pk##"],
                [
                    "{at}example{dot}com",
                    " (at) posteo (dot) de",
                    " at example dot info",
                    "<at>example.nl",
                    " arroba example punto es",
                ],
            ),
        ],
        "phone": [
            *phone(
                "US",
                "+1-415-~##-####",
                "(503) ~##-####",
                "617 ~##-####",
                "1.312.~##.####",
                "+1 (312)~##-####",
                "8##~######",
                "212 - ~##-####",
            ),
            *phone(
                "GB",
                "+447### ######",
                "0 7### ######",
                "(07###) ######",
                "0203 ### ####",
                "+44 161 ### ####",
                "01### ### ###",
                "07### - ### ###",
                "44 7### ######",
            ),
            *phone(
                "DE",
                "+49 (0) 171 %######",
                "(089) %######",
                "0160-%#######",
                "+49 89/%######",
                "069 / %# ## ## ##",
                "0351 %######",
            ),
            *phone(
                "FR", "+33 1 4#.##.##.##", "06/##/##/##/##", "05 6# ## ## ##", "0033 6 ## ## ## ##", "+33 7########"
            ),
            *phone("IT", "+39 06 %### ####", "+39-347-###-####"),
            *phone("NL", "+31 (0)20 ### ####", "0031 6 ## ## ## ##"),
            *phone("MX", "+52 55 #### ####"),
            *phone("IL", "+972 50 ### ####"),
            *phone("NZ", "+64 21 ### ####"),
            *phone("TR", "+90 532 ### ## ##"),
            *phone("NO", "+47 9## ## ###"),
            *phone("CA", "+1 604 ~## ####"),
            *map(
                pattern,
                [
                    "0161 496 0###",
                    "(020) 7946 0###",
                    "1 800 555 01##",
                    "+44 1632 960###",
                    "07700-900-###",
                    "312.555.01##",
                ],
            ),
        ],
        "card": [
            card(["4", "53"], 16, [4, 4, 4, 4], "_"),
            card(["5", "4"], 16, [4, 12], " "),
            card(["4"], 16, [16], ""),
            card(["51", "22"], 16, [4, 4, 4, 4], " "),
            card(["37"], 15, [4, 6, 5], " - "),
            card(["35"], 16, [4, 4, 4, 4], "-"),
            card(["36"], 14, [4, 6, 4], "."),
            card(["4"], 16, [2, 2, 4, 4, 4], " "),
            card(["60", "65"], 16, [4, 4, 4, 4], "\n"),
            card(["4"], 19, [4, 4, 4, 4, 3], "-"),
        ],
        "iban": [
            iban(["FR", "IT", "PL"], lambda text: fours(text, "-")),
            iban(["AT", "CH", "BE"], lambda text: f"{text[:4]} {text[4:]}"),
            iban(["SE", "PT", "IE"], str.lower),
            iban(["NL", "GB"], lambda text: fours(text, ".")),
            iban(["ES", "LU"], lambda text: " ".join((text[:4], text[4:8], text[8:12], text[12:14], text[14:]))),
            iban(["DE", "NO"], lambda text: f"{fours(text[:12])}\n{fours(text[12:])}"),
            iban(["FI", "DK"], lambda text: text.title()),
        ],
        "url": [
            joined(
                ["https://", "http://www.", "HTTP://"],
                ["xn--bcher-kva.example", "go.example.com", "example.org:80", "10.0.0.1:8080"],
                ["", "/a/b/c.aspx?x=%#", "/?utm=^^", "/#/route"],
            ),
            joined(
                ["", "www.", "blog."],
                ["travel-deals.com", "flights4u.net", "example.org.uk", "acme.se", "sncf.fr", "bahn.de"],
                ["", "/", "/hilfe?id=%"],
            ),
            joined(
                ["x.com/", "tiktok.com/@", "github.com/", "paypal.me/", "trib.al/", "lnkd.in/"], ["maryann%", "m^a#"]
            ),
        ],
        "handle": [
            joined(["@"], ["Mary.Ann", "pk_", "DeltaFan", "mister_t", "kélly"], ["", "%", "_x#"]),
            joined(
                ["Facebook: ", "snap = ", "my discord name is ", "Instagram handle ", "skype id: ", "twitter - "],
                ["pk_#", "mary_ann", "deltafan#"],
            ),
        ],
        "address": [
            joined(
                [
                    "77 Massachusetts Ave",
                    "%#00 Sunset Blvd",
                    "%## E 42nd Street",
                    "PO Box %#, Elm City",
                    "% Lakeview Ct",
                    "12%# Highway %#",
                ],
                ["", ", Cambridge, MA 0213#", " Unit %A", ", Boise, ID 8370#"],
            ),
            joined(
                [
                    "Rose Cottage, % Mill Lane",
                    "%#A Kings Road",
                    "Apartment %, %# Deansgate",
                    "%# St Mary's Place",
                    "Top Floor Flat, % Royal Mile",
                ],
                ["", ", Edinburgh EH1 2NG", ", Bristol, BS8 1QU"],
            ),
            joined(
                [
                    "Bahnhofstr. %#b",
                    "Am Wiesengrund %, 0109# Dresden",
                    "Prenzlauer Allee %##",
                    "Ludwig-Thoma-Platz %",
                    "Mühlenweg %#-%#",
                    "Gartenstraße %, 7200# Tübingen",
                ]
            ),
            joined(["%# rue Jean-Jaurès", "%, place Bellecour, 6900# Lyon", "%# avenue du Général Leclerc"]),
            joined(["Via Roma %#", "Calle Mayor %", "Prinsengracht %##"]),
        ],
    },
    sentences={
        "email": [
            "Feel free to mail {}",
            "Still no reply at {} :-(",
            "I registered as {} in 2024",
            "{} bounced",
            "please unsubscribe {}.",
        ],
        "phone": [
            "My contact is {}.",
            "Phone - {}",
            "I left {} with the desk twice",
            "reachable: {} (evenings)",
            "{}; call any time",
            "no answer under {}",
        ],
        "card": [
            "my card no. {} was blocked",
            "Amex/Visa: {}",
            "you billed {} in error",
            "refund goes to {}, right?",
            "{} is the card I used",
        ],
        "iban": [
            "the account is {}",
            "Bitte auf {} erstatten",
            "IBAN {} (checking)",
            "you have {} wrong",
            "paid from {}!",
        ],
        "url": ["Proof: {}", "at {} it says no", "your own site {} disagrees", "see {}; page two", "{} never loads"],
        "handle": ["write me: {}", "{} knows", "shout-out {}!", "more under {}, thanks"],
        "address": [
            "I moved to {}",
            "pick up at {}, please",
            "{} is not your depot",
            "lost between you and {}.",
            "billing address {}",
        ],
    },
    innocent={
        "order": [
            *map(
                pattern,
                [
                    "order ID = %#######",
                    "Orders %##### and",
                    "booking number: ^^####",
                    "reservation no. %#-%#-%####",
                    "invoice date-number 2025",
                    "ref: AB/%###/2#",
                    "ticket %## %####### %",
                    "case id %#########-1",
                    "tracking 4##########2",
                    "Confirmation: %######",
                    "flight AA%##",
                    "serial S/N %########",
                    "policy number: %##-%######-%#",
                    "claim ref %########",
                    "receipt no %#####-%###",
                    "Rechnung Nr. 20%######",
                    "commande n° 07########",
                    "shipment 00%###############",
                    "order 5%##############",
                    "incident INC########",
                ],
            )
        ],
        "number": [
            *map(
                pattern,
                [
                    "1#th of May 2025",
                    "05.0%.25",
                    "2025-W4#",
                    "0%:30-1%:15",
                    "$%,###,###.00",
                    "CHF 1'%##.50",
                    "%.### Euro",
                    "Windows 1%.0.2#",
                    "seats 2%A-2%C",
                    "B737 MAX %",
                    "16-0%-2024",
                    "%#.%#/10",
                    "1%%.%## miles",
                    "3,%## km",
                    "0%00 hours",
                    "A1 B2 C3",
                    "12/24 months",
                    "99.9#%",
                    "20 x 30 x 40",
                    "1:1",
                    "%0 - %5 min",
                    "Q4 2025",
                    "24 7 365",
                ],
            )
        ],
    },
    innocent_sentences={
        "order": ["I mean {} please", "{}: status unknown", "you closed {} too early", "It concerns {}."],
        "number": ["that is {} in all", "between us, {}", "{} at most", "we had {} that day"],
    },
    named=[
        "Dear {first}, you asked me to write.",
        "This is {}. Please call.",
        "My name is {first} and I am cross.",
        "asked to speak to {}",
        "Ms. {last} was on duty.",
        "Madame {last} a été aimable.",
        "thx {first}",
        "Kindest regards, {}",
        "With best regards,\n{}",
        "the steward, {first}, sang",
        "A guy called {first} fixed it.",
        "We were served by {first} twice.",
        "Sr. {last} answered",
        "Hola {first}, qué tal",
        "I am called {first}.",
        "Love,\n{first}",
    ],
    people=[
        "Grzegorz Lis",
        "Anneke de Vries",
        "Hélène Faure",
        "Tariq Aziz",
        "Megan O'Leary",
        "Bo Lindqvist",
        "Ayesha Khan",
        "Carlos Mendes",
        "Ruth Adler",
        "Dwayne Carter",
    ],
    nobody=[
        "Dear passengers, we are late.",
        "This is Ridiculous. Please fix.",
        "asked to speak to Anyone",
        "thx again",
        "With best regards",
        "My name is hard to spell.",
        "Hello?",
        "The agent On duty slept.",
        "Love it",
        "Cheers for Nothing",
        "I spoke to Heathrow Customer Service.",
        "A lady From Delta came.",
    ],
    fillers=[
        "Boarding was chaos.",
        "I'd fly with them any day",
        "Cabin crew 10/10",
        "Miss the old days.",
        "Why was Rich Tea served?",
        "The Summer menu is poor.",
        "Hope you read this",
        "We sat 4 hours on the tarmac",
        "Great value!",
        "Dawn flight, no coffee.",
        "wifi cost $12",
        "Drew the short straw again",
    ],
)

SETS = {"tuning": TUNING, "tuning_2": TUNING_2, "tuning_3": TUNING_3, "evaluation": EVALUATION}

# ------------------------------------------------------------------------------------------------------------- measurement


@dataclass(frozen=True)
class Planted:
    """A comment with what stands in it: `kind` is that of personal data, "name", "order", "number", "nobody" or "" (nothing)."""

    text: str
    kind: str
    start: int
    end: int


def comments(formats: Formats, n: int, seed: int = 1) -> list[Planted]:
    """Comments of one set, kinds in turn."""
    rng = random.Random(seed)
    kinds = [*STRUCTURED, "name", "order", "number", "nobody", *[""] * 4]
    return [_comment(formats, kinds[place % len(kinds)], rng) for place in range(n)]


def _comment(formats: Formats, kind: str, rng: random.Random) -> Planted:
    planted, sentence = "", rng.choice(list(formats.fillers))
    if kind in STRUCTURED:
        planted, sentence = rng.choice(list(formats.written[kind]))(rng), rng.choice(list(formats.sentences[kind]))
    elif kind in formats.innocent:
        planted = rng.choice(list(formats.innocent[kind]))(rng)
        sentence = rng.choice(list(formats.innocent_sentences[kind]))
    elif kind == "name":
        person, sentence = rng.choice(list(formats.people)), rng.choice(list(formats.named))
        part = re.search(r"\{(first|last)?\}", sentence)
        assert part is not None
        planted = {"first": person.split()[0], "last": person.split(maxsplit=1)[-1], None: person}[part[1]]
        sentence = sentence.replace(part[0], "{}")
    elif kind == "nobody":
        sentence = rng.choice(list(formats.nobody))
    before = [rng.choice(list(formats.fillers)) for _ in range(rng.randrange(3))]
    after = [rng.choice(list(formats.fillers)) for _ in range(rng.randrange(3))]
    if kind == "name":  # a greeting stands first and a signature last
        before, after = (before, []) if sentence.endswith("}") else ([], after)
    gap = rng.choice([" ", " ", "\n"])
    head = gap.join([*before, ""]) if before else ""
    whole = head + sentence.replace("{}", planted) + (gap + gap.join(after) if after else "")
    start = len(head) + sentence.index("{}") if "{}" in sentence else len(head)
    return Planted(whole, kind, start, start + len(planted if "{}" in sentence else sentence))


def measured(formats: Formats, n: int, seed: int = 1, regions: Sequence[str] = REGIONS) -> pd.DataFrame:
    """One row a kind: how many were planted (n), how many found or touched, the share with Wilson's interval."""
    rows = []
    for planted in comments(formats, n, seed):
        spans = personal_data(planted.text, regions=regions)
        covered = {place for start, end, _ in spans for place in range(start, end)}
        own = [place for place in range(planted.start, planted.end) if planted.text[place].isalnum()]
        if planted.kind.startswith(tuple(STRUCTURED)) and planted.kind:
            own = _without_cue(planted, own)
        inside = [kind for start, end, kind in spans if start < planted.end and end > planted.start]
        hit = bool(covered) if planted.kind in ("", "nobody") else bool(covered & set(own))
        found = set(own) <= covered if planted.kind in (*STRUCTURED, "name") else hit
        rows.append((planted.kind or "nothing", found, inside == [planted.kind.upper()], planted.text))
    frame = pd.DataFrame(rows, columns=["kind", "found", "kind_right", "text"])
    whole = frame[frame["kind"].isin(STRUCTURED)].assign(kind="structured")
    table = pd.concat([frame, whole]).groupby("kind", sort=False).apply(_row, include_groups=False)
    order = [*STRUCTURED, "structured", "name", "order", "number", "nobody", "nothing"]
    return table.reindex(order)


def _without_cue(planted: Planted, places: list[int]) -> list[int]:
    """Of "my insta is zoe_k" the name alone has to go."""
    if planted.kind != "handle" or planted.text[planted.start] == "@":
        return places
    last = planted.text[planted.start : planted.end].split()[-1]
    return [place for place in places if place >= planted.end - len(last)]


def _row(part: pd.DataFrame) -> pd.Series:
    n, found = len(part), int(part["found"].sum())
    low, high = wilson(found / n, n)
    right = float(part.loc[part["found"], "kind_right"].mean()) if found else float("nan")
    return pd.Series(
        {"n": n, "found": found, "share": found / n, "conf_low": low, "conf_high": high, "kind_right": right}
    )


def misses(formats: Formats, n: int, seed: int, regions: Sequence[str]) -> list[str]:
    """What was planted and not found, and what was touched and names nobody."""
    shown = []
    for planted in comments(formats, n, seed):
        part = measured_one(planted, regions)
        if part:
            shown.append(
                f"{planted.kind or 'nothing':8} {part}: {planted.text[planted.start : planted.end]!r} in {planted.text!r}"
            )
    return shown


def measured_one(planted: Planted, regions: Sequence[str]) -> str:
    spans = personal_data(planted.text, regions=regions)
    covered = {place for start, end, _ in spans for place in range(start, end)}
    own = [place for place in range(planted.start, planted.end) if planted.text[place].isalnum()]
    own = _without_cue(planted, own)
    if planted.kind in (*STRUCTURED, "name"):
        return "" if set(own) <= covered else "missed"
    return "touched" if (covered if planted.kind in ("", "nobody") else covered & set(own)) else ""


def speed(formats: Formats, n: int) -> float:
    """Comments per CPU second, all of them different."""
    texts = [planted.text for planted in comments(formats, n, seed=2)]
    started = time.process_time()
    mask_pii(texts, regions=REGIONS)
    return len(texts) / (time.process_time() - started)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--set", choices=[*SETS, "all"], default="all")
    parser.add_argument("--n", type=int, default=6_000, help="comments of each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--misses", type=int, default=0, help="show so many of what was missed or wrongly touched")
    parser.add_argument("--regions", nargs="+", default=list(REGIONS), help="countries of numbers without a prefix")
    asked = parser.parse_args(arguments)
    for name, formats in SETS.items():
        if asked.set not in (name, "all"):
            continue
        table = measured(formats, asked.n, asked.seed, asked.regions)
        print(f"\n{name}: {asked.n:,} comments\n{table.to_string(float_format=lambda value: f'{value:.4f}')}")
        print(f"{speed(formats, asked.n):,.0f} comments per CPU second")
        for line in misses(formats, asked.n, asked.seed, asked.regions)[: asked.misses]:
            print(line)


if __name__ == "__main__":
    main()
