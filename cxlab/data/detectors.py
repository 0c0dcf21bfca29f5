"""Structured personal data in a text: where addresses of mail and web, cards, accounts, telephones, handles, streets and papers stand.

Each detector takes a text and gives the spans of one kind; a number is believed only where its checksum or its numbering plan
says so, or where it is written as nothing else is. `orders` and `dates` are no personal data: what they cover is protected. The
texts are those of `folded`, in which digits and signs of other alphabets are plain ones, so all patterns speak of ASCII digits.

Sources: cards ISO/IEC 7812-1 (Luhn), IBANs ISO 13616 (lengths of the SWIFT registry), telephones by the `phonenumbers` library
(plans of the ITU) and by the numbers that regulators keep for fiction: 555-01xx (NANP), 07700 900xxx, 0118 496 0xxx and the
like (Ofcom), +33 1 99 00 xx xx (ARCEP).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

Span = tuple[int, int]

# ---------------------------------------------------------------------------------------------------------- plain characters

_GONE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe0e\ufe0f\u20e3\ufeff]")
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\u2043\ufe58\ufe63\uff0d", "-")


class _Plain(dict[int, str]):
    """What a character is to a detector: digits, Latin letters, blanks and signs of any width and alphabet are the plain ones."""

    def __missing__(self, code: int) -> str:
        sign = chr(code)
        plain = _DASHES.get(sign) or ("" if _GONE.match(sign) else unicodedata.normalize("NFKC", sign))
        if len(plain) == 1 and plain.isdecimal():
            plain = str(int(plain))
        plain = {"\u0130": "I", "\u0131": "i"}.get(plain, plain)  # which Python takes for i where case does not count
        self[code] = plain if len(plain) < 2 else sign
        return self[code]


_PLAIN = _Plain((code, chr(code)) for code in range(128))


def folded(text: str) -> tuple[str, list[int] | None]:
    """The text as detectors read it, and where each of its characters stands in the original; None where they stand alike.

    >>> folded("４１\\u200b１ a")
    ('411 a', [0, 1, 3, 4, 5])
    """
    if text.isascii():
        return text, None
    plain = text.translate(_PLAIN)
    composed = unicodedata.is_normalized("NFC", plain)
    if composed and len(plain) == len(text):
        return plain, None
    signs: list[str] = []
    places: list[int] = []
    for place, sign in enumerate(text):
        for one in _PLAIN[ord(sign)]:
            if signs and unicodedata.combining(one):
                both = unicodedata.normalize("NFC", signs[-1] + one)
                if len(both) == 1:
                    signs[-1] = both
                    continue
            signs.append(one)
            places.append(place)
    return "".join(signs), places


# ------------------------------------------------------------------------------------------------------------- mail and web

_DOMAIN = r"(?:[\w-]+\.)+[^\W\d_]{2,24}"
_EMAIL = re.compile(rf"(?<![\w.+-])\w[\w.!#$%&'’*+/=?^`{{|}}~-]*(?:@\s{{0,2}}|%40){_DOMAIN}\b")
_PROVIDER = r"(?:gmail|googlemail|hotmail|yahoo|outlook|icloud|aol|gmx|web|msn|live|protonmail)"
_NO_TLD = re.compile(
    rf"(?<![\w.+-])\w[\w.+-]*@(?:{_PROVIDER}\b(?!\.\w)|localhost\b)|(?<![\w.+-])\w+[.+\d](?:[\w.+-]*[\w-])?@\w[\w-]+",
    re.IGNORECASE,
)
_DOT = r"(?:\.|\s*[(\[{<]\s*(?:dot|punkt|point|punto)\s*[)\]}>]\s*|\s+(?:dot|punkt|point|punto|ponto)\s+)"
_TLD = r"(?:com|org|net|edu|gov|info|biz|io|co|de|fr|uk|eu|es|it|nl|ch|at|be|ie|pl|pt|se|no|dk|fi|ca|au|in|us|jp|br|mx|nz|za)"
_PART = rf"[\w+-]+(?:(?:{_DOT}|\s+(?:underscore|minus|dash|hyphen)\s+|-)[\w+-]+){{0,3}}"
_SPACED = re.compile(rf"(?<![\w.+-])\w[\w.+-]*\s@\s?(?:[\w-]+\.)+(?i:{_TLD})\b")
_SPELT_SIGN = re.compile(r"[(\[{<]\s*(?:at|ät|@)\s*[)\]}>]|\s(?:dot|punkt|point|punto|ponto)\s", re.IGNORECASE)
_SPELT_TLD = r"(?:com|org|net|edu|gov|info|biz|io|co|de|fr|uk|eu|nl|ch|ie|ca|au)"
_SPELT = re.compile(
    rf"\b{_PART}\s*[(\[{{<]\s*(?:at|ät|@)\s*[)\]}}>]\s*[\w-]+(?:{_DOT}[\w-]+){{1,3}}"
    rf"|\b[\w+-]+(?:\.[\w+-]+)*(?:\s+(?:dot|underscore|punkt|punto)\s+[\w+-]+){{0,3}}\s+(?:(?:at|ät|arroba)\s+[\w-]+"
    rf"(?:\s+(?:dot|punkt|punto|ponto)\s+\w{{2,12}}){{0,2}}?\s+(?:dot|punkt|punto|ponto)"
    rf"|arobase\s+[\w-]+\s+point)\s+{_SPELT_TLD}\b"
    rf"(?:\s+(?:dot|punkt|punto|ponto)\s+{_SPELT_TLD}\b)?"
    rf"|\b[\w+.-]+\s+arroba\s+[\w-]+(?:\s+punto\s+[\w-]+){{0,2}}?\s+(?:punto|ponto)\s+{_TLD}\b"
    rf"|\b[\w+.-]+@[\w-]+(?:\s+dot\s+[\w-]+)*\s+dot\s+{_SPELT_TLD}\b",
    re.IGNORECASE,
)
_AT_DOMAIN = re.compile(rf"(?:[ \t\n][aA][tT][ \t\n]+|(?P<joined>_at_))(?P<domain>(?:[\w-]+\.)+(?i:{_TLD}))\b(?!\.\w)")
_LOCAL = re.compile(r"(?<![\w.+-])\w[\w.+-]*$")
_END = r"[^\s<>\"'’”.,;:!?)\]}]"
_LINK = re.compile(rf"\b(?:[a-z][a-z0-9+.-]{{1,9}}://|www\d?\.)[^\s<>\"]*{_END}/?", re.IGNORECASE)
_BARE_TLD = (  # endings that are no words, and those that are, which need a path
    r"(?:com|org|net|edu|gov|mil|int|biz|co\.uk|org\.uk|ac\.uk|gov\.uk|me\.uk|com\.au|co\.nz|co\.za|co\.in"
    r"|com\.br|com\.mx|com\.tr"
    r"|co\.jp|uk|de|fr|eu|nl|ch|ca|au|jp|cn|ru|br|pl|pt|se|dk|fi|cz|hu|ie|gr|ro|nz|za|kr|sg|hk|mx|lu|io|ai|info)"
)
_WORD_TLD = (
    r"(?:ly|gl|gle|co|me|it|es|at|be|in|is|no|us|to|so|am|tv|app|dev|shop|store|online|site|link|page"
    r"|live|travel|club|news|blog|tech|xyz|cc|ws|gd|im)"
)
_ENDING = re.compile(
    rf"\.(?:{_BARE_TLD}(?![\w-])(?!\.\w)(?::\d{{2,5}})?(?P<path>[/?#][^\s<>\"]*{_END}/?|/)?"
    rf"|(?P<word>{_WORD_TLD}|[a-z]{{2}}(?=/\w))(?![\w-])(?!\.\w)(?:(?P<more>(?=/\S|\?\w+=)[/?][^\s<>\"]*{_END}/?)|/(?!\S))?)",
    re.IGNORECASE,
)
_LEADS_TO = re.compile(
    r"\b(?:on|at|via|from|visit|see|check|site|website|page|auf|bei|von|sur|en|su|link)\s+$", re.IGNORECASE
)
_LABELS = re.compile(r"(?<![\w@])(?:[a-z0-9][a-z0-9-]*\.)*[a-z0-9][a-z0-9-]*$", re.IGNORECASE)


def emails(text: str) -> Iterator[Span]:
    """Written with @, also with blanks or a line's end beside it; without an ending where it is one of a mail provider."""
    yield from (match.span() for match in _EMAIL.finditer(text))
    yield from (match.span() for match in _SPACED.finditer(text))
    yield from (match.span() for match in _NO_TLD.finditer(text))


def spelt_emails(text: str) -> Iterator[Span]:
    """jane (at) example.com, jane at example dot com."""
    if _SPELT_SIGN.search(text):
        yield from (match.span() for match in _SPELT.finditer(text))


def at_domains(text: str) -> Iterator[Span]:
    """jane.doe at example.com."""
    for match in _AT_DOMAIN.finditer(text):
        local = _LOCAL.search(text, max(match.start() - 64, 0), match.start())
        if local and (
            match["joined"]
            or re.search(r"[\d._+]", local.group())
            or re.match(_PROVIDER, match["domain"], re.IGNORECASE)
        ):
            yield local.start(), match.end()


def links(text: str) -> Iterator[Span]:
    """With a scheme or www."""
    yield from (match.span() for match in _LINK.finditer(text))


def bare_links(text: str) -> Iterator[Span]:
    """acme.co.uk/help, bit.ly/x1: an ending that is also a word ("great.it was") counts only with a path, with two dots or a sign
    that words lack, or after "on", "visit" and the like."""
    for match in _ENDING.finditer(text):
        before = _LABELS.search(text, max(match.start() - 80, 0), match.start())
        if before is None or not re.search(r"[a-z]", before.group(), re.IGNORECASE):
            continue
        sure = not match["word"] or match["more"] or match.group().endswith("/") or re.search(r"[-\d.]", before.group())
        if sure or (match.group().islower() and _LEADS_TO.search(text, max(before.start() - 12, 0), before.start())):
            yield before.start(), match.end()


# ----------------------------------------------------------------------------------------------------- accounts, cards, papers

_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22,
    "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30,
    "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27,
    "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24, "SC": 31,
    "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24,
    "XK": 20,
}  # fmt: skip
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})[ .-]?[0-9]{2}(?=[ .\-\n]{0,3}[A-Za-z0-9])")
_IBAN_SIGN = re.compile(r"[ .\-\r\n]{0,3}([A-Za-z0-9])")
_CARD_ISSUERS = {  # first digits by length: Visa, Mastercard, American Express, Diners, Discover, JCB, Maestro, UnionPay, Mir
    12: r"50|5[6-9]|6[37]", 13: "4|50|5[6-9]|6[37]", 14: "3[0689]|50|5[6-9]|6[37]", 15: "3[47]|1800|2131|50|5[6-9]|6[37]",
    16: "4|5|2[2-7]|6|3[0568]", 17: "5[0-8]|6", 18: "5[0-8]|6", 19: "4|5[0-8]|6|3[0568]",
}  # fmt: skip
_CARD_RUN = re.compile(r"(?<![A-Za-z0-9_-])[0-9](?:(?: ?[.\-/_] ?|[ ]{1,2}|[ -]?\r?\n ?)?[0-9]){11,}(?![0-9_])")
_CARD_SHAPES = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (8, 8), (4, 12), (4, 4, 4, 4, 3), (4, 4, 5), (4, 4, 4, 1)}
_SSN = re.compile(r"(?<![0-9-])(?!000|666|9[0-9]{2})[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![0-9-])")
_NINO = re.compile(r"(?<![0-9])[0-9]{2}\s?[0-9]{2}\s?[0-9]{2}\s?[A-Da-d](?!\w)")
_NINO_LETTERS = re.compile(r"(?<!\w)[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z]{2}\s?$")
_PAPERS = re.compile(  # numbers of persons that states and banks give out
    r"\b(?:passport|driving licen[cs]e|driver'?s licen[cs]e|social security|ssn|national insurance|sort code"
    r"|account (?:number|no)|id card|personalausweis|reisepass|kontonummer)\b\.?\s*(?:number|no\b\.?|nr\b\.?)?\s*"
    r"(?:is|was)?\s*[:#]*\s*"
    r"(?P<said>(?=[A-Z0-9-]*[0-9])[A-Z0-9][A-Z0-9-]{4,20}(?:[ -][0-9]{2,4}){0,3})",
    re.IGNORECASE,
)
PAPER_WORDS = (
    "passport", "licen", "security", "ssn", "insurance", "sort code", "account n", "id card", "ausweis", "reisepass", "kontonummer",
)  # fmt: skip
_IP = re.compile(r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.])")


def ibans(text: str) -> Iterator[Span]:
    """As many signs as the country's IBANs have, however they are grouped, with a right checksum."""
    for match in _IBAN_START.finditer(text):
        length, at = _IBAN_LENGTHS.get(match[1].upper(), 0), match.end()
        signs = [sign for sign in match.group() if sign.isalnum()]
        while len(signs) < length and (sign := _IBAN_SIGN.match(text, at)) is not None:
            signs.append(sign[1])
            at = sign.end()
        ends = at == len(text) or not (text[at].isascii() and text[at].isalnum())
        if length and len(signs) == length and ends and sum(map(str.isdigit, signs)) >= 7 and is_iban("".join(signs)):
            yield match.start(), at


def is_iban(text: str) -> bool:
    """The checksum of ISO 13616: letters as two digits, the first four characters moved to the end, modulo 97 is 1."""
    signs = re.sub(r"[\s.-]", "", text).upper()
    if not (15 <= len(signs) <= 34 and signs.isascii() and signs.isalnum()):
        return False
    return int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % 97 == 1


def cards(text: str) -> Iterator[Span]:
    """12 to 19 digits with a right checksum, in one piece, in the groups of a card, or the whole of a run of digits."""
    for match in _CARD_RUN.finditer(text):
        groups = [found.span() for found in re.finditer("[0-9]+", match.group())]
        start = match.start()
        at = 0
        while at < len(groups):
            upto = next(
                (
                    end
                    for end in range(min(len(groups), at + 19), at, -1)
                    if _is_card_written(text, start, groups, at, end)
                ),
                0,
            )
            if upto:
                yield start + groups[at][0], start + groups[upto - 1][1]
            at = upto or at + 1


def _is_card_written(text: str, start: int, groups: Sequence[Span], at: int, end: int) -> bool:
    sizes = tuple(last - first for first, last in groups[at:end])
    if not 12 <= sum(sizes) <= 19:
        return False
    whole = at == 0 and end == len(groups) and sum(sizes) > 12
    return (len(sizes) == 1 or whole or sizes in _CARD_SHAPES) and is_card(
        text[start + groups[at][0] : start + groups[end - 1][1]]
    )


def is_card(text: str) -> bool:
    """The checksum of ISO/IEC 7812 (Luhn) on a number that an issuer of payment cards could have given out."""
    digits = [int(sign) for sign in text if sign.isdecimal()]
    issuers = _CARD_ISSUERS.get(len(digits))
    if issuers is None or len(set(digits)) <= 1 or not re.match(issuers, "".join(map(str, digits[:4]))):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def person_numbers(text: str) -> Iterator[Span]:
    """Social security numbers as the United States and the United Kingdom write them."""
    yield from (match.span() for match in _SSN.finditer(text))
    for match in _NINO.finditer(text):
        letters = _NINO_LETTERS.search(text, max(match.start() - 3, 0), match.start())
        if letters is not None:
            yield letters.start(), match.end()


def papers(text: str) -> Iterator[Span]:
    """What is said after "passport number" and the like."""
    yield from (match.span("said") for match in _PAPERS.finditer(text))


def ip_addresses(text: str) -> Iterator[Span]:
    for match in _IP.finditer(text):
        if all(int(part) < 256 for part in match.group().split(".")):
            yield match.span()


# ------------------------------------------------------------------------------------------------------------ what is no person

ORDER_WORDS = (
    "order", "booking", "reservation", "invoice", "ref", "ticket", "case", "tracking", "parcel", "conf", "claim", "serial", "policy",
    "contract", "flight", "transaction", "receipt", "shipment", "incident", "sku", "item", "imei", "meter", "model", "version",
    "bestell", "auftrag", "rechnung", "buchung", "commande", "facture", "pedido", "ordine",
)  # fmt: skip
_ORDER = re.compile(
    r"\b(?:order|booking|reservation|invoice|ref(?:erence)?|ticket|case|tracking|parcel|confirmation|conf|claim"
    r"|serial|policy"
    r"|contract|flight|transaction|receipt|shipment|incident|sku|item|imei|meter|model|version|bestell(?:ung|nummer)"
    r"|(?:auftrag|rechnung)s?(?:nummer)?|buchung(?:snummer)?|commande|facture|pedido|ordine)s?\b\.?\s*"
    r"(?P<said>(?:n°|(?:number|no|num|nr|id|code|ref)\b\.?)?\s*(?:is|was|ist)?\s*[:#=]*)\s*[(–-]?\s*"
    r"(?P<id>#?(?=[\w/.-]*[0-9])[A-Z0-9][\w/-]*(?:\.[0-9]+)*(?:[ -](?!0[0-9]+ )[0-9][0-9-]*)*)",
    re.IGNORECASE,
)
_DAY, _MONTH = r"(?:0?[1-9]|[12][0-9]|3[01])", r"(?:0?[1-9]|1[0-2])"
_DATE = re.compile(
    rf"(?<![0-9])(?<![0-9][-./])(?:(?:19|20)[0-9]{{2}}[-./]{_MONTH}[-./]{_DAY}|{_DAY}[-./]{_DAY}[-./](?:19"
    rf"|20)?[0-9]{{2}})(?![-./]?[0-9])"
)


def orders(text: str) -> Iterator[Span]:
    """The number after a word for an order, a booking, a ticket and the like. One that is written as cards are and has their
    checksum is a card's, in whatever sentence it stands; one without blanks is what it is called."""
    for match in _ORDER.finditer(text):
        groups = tuple(map(len, re.findall("[0-9]+", match["id"])))
        if not match["said"].strip() and re.match(r"0[0-9]+[ -][0-9]", match["id"]):
            continue  # "about my case 020 7946 0958" is a telephone
        if not (groups in ((4, 4, 4, 4), (4, 6, 5)) and is_card(match["id"])):
            yield match.span("id")


def dates(text: str) -> Iterator[Span]:
    yield from (match.span() for match in _DATE.finditer(text))


# ----------------------------------------------------------------------------------------------------------------- telephones

_RUN = re.compile(r"\(?[0-9][0-9\s().\-/]{5,}[0-9]")
_EXTENSION = r"(?:\s*(?:x|ext\.?|extension|durchwahl)\s*[0-9]{1,5}(?![0-9]))?"
_FREE = r"(?<![\w,/-])(?<![0-9]\.)"
_PHONE = re.compile(  # as people write them, whether or not a plan has given them out
    r"\+[0-9][0-9 ().-]{0,6}[ -]?\n ?[0-9][0-9 .-]{5,12}[0-9](?!\w)"  # over two lines
    rf"|(?<![\w.])\+ ?[0-9]{{1,3}}(?: ?[.\-/]? ?\(?[0-9]{{1,5}}\)?){{2,6}}{_EXTENSION}(?!\w)"
    rf"|{_FREE}00[1-9][0-9]{{0,2}}(?: ?[.\-/]? ?\(?[0-9]{{1,5}}\)?){{2,6}}{_EXTENSION}(?![\w/-])"
    rf"|{_FREE}\(?0[1-9][0-9]{{0,4}}\)?(?: ?[\-/.] ?| )[0-9]{{2,8}}(?:[ .\-/][0-9]{{2,4}}){{0,4}}{_EXTENSION}(?![\w/-])"
    rf"|{_FREE}(?<!\()\(0[1-9][0-9]{{0,4}}\) ?[0-9]{{2,8}}(?:[ .\-/][0-9]{{2,4}}){{0,4}}(?![\w/-])"
    rf"|{_FREE}[6-9][0-9]{{4}} [0-9]{{5}}(?![\w/-])"
    rf"|{_FREE}(?:\+?1[ .-])?(?:\([0-9]{{3}}\) ?|[0-9]{{3}}[.-])[0-9]{{3}}[.-][0-9]{{4}}{_EXTENSION}(?![\w/-])"
    rf"|(?<![\w./-])(?:1[ .-])?(?:\(?[0-9]{{3}}\)?[ .-]?)?555[ .-]?01[0-9]{{2}}{_EXTENSION}(?![\w/-])"
    r"|(?<![\w./-])(?:01(?:1[3-8]|[2-6]1)[ -]?496[ -]?0|0191[ -]?498[ -]?0|020[ -]?7946[ -]?0"
    r"|028[ -]?9649[ -]?6|029[ -]?2018[ -]?0"
    r"|01632[ -]?960|07700[ -]?900|08081[ -]?570|03069[ -]?990)[0-9]{3}(?![\w/-])"
    rf"|(?:\b(?:call|phone|ring|text|reach|mobile|cell|telephone|tel|ph|mob|fax|whatsapp|telefon|handy)\b"
    rf"(?:\s+(?:me|us|back|number|no|nr|on|at|is"
    rf"|under))*\s*[.:=]*\s*)(?P<said>\(?[0-9](?:[ .\-/()]*[0-9]){{6,14}}{_EXTENSION})(?!\w)",
    re.IGNORECASE,
)


def phone_runs(text: str) -> list[Span]:
    """Runs of digits, blanks and the signs of telephones with at least seven digits."""
    return [match.span() for match in _RUN.finditer(text) if sum(map(str.isdigit, match.group())) >= 7]


def phones(
    text: str, regions: Sequence[str], settled: Callable[[], Sequence[tuple[int, int, str]]] = list
) -> Iterator[Span]:
    """Numbers of the regions' plans and international ones by `phonenumbers`, and what is written as telephones are.

    The library, which is slow, is asked only about runs of digits that are not `settled` already.
    """
    runs = phone_runs(text)
    if not runs:
        return
    for start, end in _said(_PHONE, text):
        found = text[start:end]
        digits = re.findall(
            "[0-9]+", re.split("[a-z]", found, maxsplit=1, flags=re.IGNORECASE)[0]
        )  # without the extension
        total, prefix = sum(map(len, digits)), found.lstrip("(")
        fewest = 11 if prefix.startswith("00") else 8 if found.startswith("+") else 9 if prefix.startswith("0") else 7
        if (
            fewest <= total <= 16 and digits.count("0") < 3 and sum(len(run) == 1 for run in digits) < 4
        ):  # 24 7 365 1 2 3 4 is none
            yield start, end
    taken = settled()
    runs = [run for run in runs if not any(first <= run[0] and run[1] <= last for first, last, _ in taken)]
    for region in regions if runs else ():
        import phonenumbers

        found_here = [(found.start, found.end) for found in phonenumbers.PhoneNumberMatcher(text, region)]
        yield from found_here
        runs = [run for run in runs if not any(first <= run[0] and run[1] <= last for first, last in found_here)]
        if not runs:
            break


# ------------------------------------------------------------------------------------------------------------ handles, streets

PLATFORMS = (
    "insta",
    "twitter",
    "facebook",
    "telegram",
    "snap",
    "tiktok",
    "linkedin",
    "skype",
    "discord",
    "handle",
    "username",
    "ig:",
    "ig :",
    "ig=",
    "ig =",
)
_HANDLE = re.compile(
    r"(?<![\w@/])@[^\W\d]\w{1,30}(?:\.[a-z0-9_]+)*"
    r"|(?<=[a-z])@[^\W\d]\w{1,30}(?![\w.]*\.\w)"
    r"|\b(?:instagram|insta|twitter|facebook|telegram|snapchat|snap|tiktok|linkedin|skype|discord)\s*"
    r"(?:(?:handle|name|id|account|user(?:name)?)\s*)?(?:is\s+"
    r"|[:=–-]\s*)?(?P<said>(?=[\w.-]*(?:[\d_]|\.\w))[^\W\d][\w.-]*\w)"
    r"|\bmy (?:instagram|insta|twitter|telegram|snapchat|snap|tiktok|skype|discord) is\s+(?!(?:not|now|on|in"
    r"|the|a|still|also|down|private|public|full|gone"
    r"|here|there|below|above|mine|open|ok|fine|too|very|so|no)\b|\w+(?:ed|ing|en)\b)(?P<mine>[^\W\d_][\w.-]*\w)"
    r"|\b(?:(?:instagram|insta|ig|twitter|facebook|telegram|snapchat|snap|tiktok|linkedin|skype|discord)\s*"
    r"(?:(?:handle|name|id|account|user(?:name)?)\s*)?[:=]|(?:handle|username)\s*(?:is"
    r"|:))\s*(?P<called>[^\W\d][\w.-]*\w)",
    re.IGNORECASE,
)
_SURE = r"(?:Street|Road|Avenue|Lane|Boulevard|Terrace|Crescent|Gardens|Parkway|Highway|Mews|St|Rd|Ave|Av|Ln|Blvd|Pkwy|Hwy|Cres|Gdns)"
_UNSURE = (
    r"(?:Drive|Court|Place|Close|Square|Way|Circle|Trail|Grove|Rise|Row|Walk|Hill|Green|View|Park|Alley|Plaza"
    r"|Loop|Path|Pike|Cove|Mile|Dr|Ct|Pl|Sq"
    r"|Cir|Ter|Cl|Nagar|Marg|Chowk)"
)
_HOUSE = r"(?:[0-9]{1,5}(?:\s?[-/]\s?[0-9]{1,5})?[A-Za-z]?)"
_CAPITAL = r"[A-ZÀ-Þ][\w'’.]*(?:-(?:(?:sur|en|de|la|le|les|du|aux|am|an|der|upon|on|in)-)*[A-ZÀ-Þ0-9][\w'’.]*)*"
_NAME = rf"(?:{_CAPITAL}|(?:[NSEW]|NE|NW|SE|SW)\.?|[0-9]{{1,3}}(?:st|nd|rd|th))"
_UNIT = (
    r"(?:(?:Flat|Apartment|Apt|Unit|Suite|Ste|Room|Floor|Studio|H\.?\s?No)\.?\s?#?[0-9]{1,4}[A-Za-z]?(?![a-z]),?\s+"
    r"|(?:Top|Ground|First|Second|Third|Upper|Lower|Basement|Garden)\s(?:Floor\s)?Flat,?\s+)"
)
_WITHIN = r"(?:,?\s(?:(?:Apt|Apartment|Suite|Ste|Unit|Flat|Piso|Puerta|Piano)\.?\s?#?|#)[0-9A-Z]{1,5}\b)"
_POSTCODE = r"[A-Z]{1,2}[0-9][A-Z0-9]?\s[0-9][A-Z]{2}"
_STATE = r"[A-Z]{2},?\s[0-9]{5}(?:-[0-9]{4})?"
_TOWN = rf"{_CAPITAL}(?:\s(?:am|an der|of|upon|on|{_CAPITAL})){{0,2}}"
_REST = rf"(?:\s(?:N|S|E|W|NE|NW|SE|SW)\b\.?)?{_WITHIN}?(?:,?\s(?:{_TOWN},?\s)?(?:{_STATE}|{_POSTCODE})\b|,\s[0-9]{{5}}\s{_TOWN})?"
_PREMISES = (
    rf"(?:[0-9]{{1,2}}/[0-9]{{1,2}},\s)?(?:(?:The\s)?(?:{_CAPITAL}\s)?(?:House|Mill|Cottage|Barn|Farm"
    rf"|Lodge|Hall|Court|Mansions|Works),\s)?"
)
_GERMAN = r"(?:stra(?:ß|ss)e|str\.|weg|platz|gasse|allee|ufer|damm|chaussee|markt|steig)"
_NUMBER = r"[0-9]{1,4}(?:\s?[a-z]\b)?(?:[-/][0-9]{1,4})?\b"
_CITY = rf"(?:,?\s(?:[A-Z]{{1,2}}-)?(?:[0-9]{{4,5}}|[0-9]{{2}}-[0-9]{{3}}|[0-9]{{4}}\s?[A-Z]{{2}},?)\s{_TOWN})"
_ROMANCE = (
    r"(?:Calle|C/|Avenida|Avda\.?|Plaza|Paseo|Ronda|Rambla|Camino|Pasaje|Alameda|Via|Viale|Piazza"
    r"|Corso|Largo|Vicolo|Strada|Rua|Travessa|Praça)"
)
_FRENCH = r"(?i:rue|avenue|boulevard|place|chemin|impasse|allée|quai|cours|route|square)"
_OF = r"(?:d[eu]s?\s+(?:la\s+|l['’])?|d['’])?"
HOUSE_SIGN = re.compile(r"[0-9][0-9A-Za-z/-]*,?\s+(?:[A-ZÀ-Þ]|[0-9]{1,3}(?:st|nd|rd|th))")
_STREET = re.compile(  # from the number of the house on
    rf"(?<![\w/-]){_HOUSE},?\s+(?:(?:{_NAME}\s+){{1,4}}{_SURE}\b\.?{_REST}|(?:{_NAME}\s+){{1,3}}{_UNSURE}\b\.?{_REST}"
    rf"|(?:(?:{_NAME}|#?[0-9]{{1,4}}[A-Za-z]?),?\s){{1,8}}(?:{_STATE}|{_POSTCODE})\b|(?:{_NAME}\s){{1,3}}{_WITHIN}"
    rf"|(?:(?:{_CAPITAL}\s)?(?:Highway|Hwy|Route|Rte|County Road)\s[0-9]{{1,4}}\b{_REST}))"
)
_BEFORE_STREET = re.compile(rf"(?<!\w){_PREMISES}{_UNIT}{{0,2}}$")
UNIT_SIGN = re.compile(r"(?:Flat|Apartment|Apt|Unit|Suite|Ste|Room|Floor|Studio|H\.?\s?No)\.?\s?#?[0-9]")
_FLAT = re.compile(
    rf"(?<!\w){_UNIT}{{1,2}}(?:{_HOUSE},?\s+(?:{_CAPITAL}\s+){{0,2}}{_CAPITAL}\b{_REST}|(?:{_CAPITAL}\s+){{1,3}}(?:{_SURE}|{_UNSURE})\b\.?{_REST}|(?:(?:{_NAME}"
    rf"|#?[0-9]{{1,4}}[A-Za-z]?),?\s){{1,8}}(?:{_STATE}|{_POSTCODE})\b)"
)
BEFORE_NUMBER = (  # streets whose number follows
    "straße", "strasse", "str.", "weg ", "platz", "gasse", "allee", "ufer", "damm", "chaussee", "markt", "steig",
    "Straße", "Strasse", "Str.", "Weg ", "Platz",
    "Gasse", "Allee", "Ufer", "Damm", "Markt", "Steig", "Ring ", "Calle", "C/", "Avenida", "Avda", "Plaza", "Paseo",
    "Ronda", "Rambla", "Camino", "Pasaje",
    "Alameda", "Via ", "Viale", "Piazza", "Corso", "Largo", "Vicolo", "Strada", "Rua ", "Travessa", "Praça", "straat",
    "laan", "gracht", "plein", "dijk",
    "kade", "singel", "steeg", "dreef", "l. ", "os. ", "Os. ",
)  # fmt: skip
_NUMBER_LAST = re.compile(
    rf"\b(?:(?:Alte|Neue|Große|Kleine|Obere|Untere|Hintere|Vordere|Lange"
    rf"|Hohe)[rns]?\s)?[A-ZÄÖÜ](?:[\w.-]*[\wäöüß])?{_GERMAN}\s+{_NUMBER}{_CITY}?"
    rf"|\b(?:[A-ZÄÖÜ][\wäöüß-]*[-\s]){{1,4}}(?:Stra(?:ß|ss)e|Str\.|Allee|Platz|Weg|Ring|Damm|Ufer|Gasse"
    rf"|Steig)\s+{_NUMBER}{_CITY}?"
    rf"|\b{_ROMANCE}\s(?:d[aeio]l?\s(?:la\s)?)?(?:{_CAPITAL}\s?){{1,3}},?\s[0-9]{{1,4}}\b{_WITHIN}{{0,2}}"
    rf"(?:\s?,\s{_TOWN},\s[0-9]{{5}}|,\s[0-9]{{5}},?\s{_TOWN})?"
    rf"|\b[A-Z][a-z]+(?:straat|laan|gracht|plein|dijk|kade|singel|steeg|dreef)\s{_NUMBER}{_CITY}?"
    rf"|(?:\b[Uu]l|\b[Aa]l|\b[Pp]l|\b[Oo]s)\.\s(?:{_CAPITAL}\s){{1,2}}{_NUMBER}{_CITY}?"
)
FRENCH = ("rue", "avenue", "boulevard", "place", "chemin", "impasse", "allée", "quai", "cours", "route", "square")
_RUE = re.compile(
    rf"(?<!\w)(?:[0-9]{{1,4}}(?:\s?(?:bis"
    rf"|ter))?,?\s+{_FRENCH}\s+{_OF}{_CAPITAL}(?:\s+{_CAPITAL})?(?:,?\s[0-9]{{5}}\s{_TOWN})?"
    rf"|{_FRENCH}\s+{_OF}{_CAPITAL}(?:\s+{_CAPITAL})?,?\s[0-9]{{5}}\s{_TOWN})"
)
_BOX = re.compile(r"\b(?:p\.?\s?o\.?\s?box|post office box|postfach)\s[0-9](?:[0-9 ]{0,8}[0-9])?\b", re.IGNORECASE)
POSTCODE_SIGN = re.compile(r"[0-9][A-Z0-9]?\s[0-9][A-Z]{2}|,\s(?:[A-Z]{1,2}-)?[0-9]{4,5}\s[A-ZÀ-Þ]")
_POSTCODED = re.compile(
    rf"(?<![\w-]){_POSTCODE}(?![\w-])"
    rf"|\b(?:(?:Am|An|Auf|Im|In|Unter|Zum"
    rf"|Zur)\s(?:de[rmn]\s)?)?(?:{_CAPITAL}\s){{1,3}}{_NUMBER},\s(?:[A-Z]{{1,2}}-)?(?:[0-9]{{5}}|(?!19"
    rf"|20)[0-9]{{4}})\s{_TOWN}"
)
SMALL_STREETS = (
    "street",
    "road",
    "avenue",
    "lane",
    "boulevard",
    "crescent",
    "grove",
    "close",
    "terrace",
    "the drive",
    "the green",
    "the square",
)
_LOWER_STREET = re.compile(
    r"\b[0-9]{1,5}[a-z]?,?\s+(?:(?!(?:minutes?|mins?|hours?|days?|weeks?|miles?|km|lanes?|ways?|years?|star"
    r"|stars|and|or|of|to|in|the|a|on|from"
    r"|bad|good|mile|hour|more|other|per)\b)[a-z'’]+\s+){1,2}(?:street|road|avenue|lane|boulevard|crescent"
    r"|grove|close|terrace)\b(?!\s(?:view|works?))"
    rf"{_REST}|\b[0-9]{{1,5}}[a-z]?,?\s+the\s+(?:avenue|close|crescent|drive|green|grove|street|square)\b{_REST}",
)


def handles(text: str) -> Iterator[Span]:
    """@jane, and what somebody is called on a platform: after a colon or "handle is" any word, else one with a sign that words lack."""
    for match in _HANDLE.finditer(text):
        yield next((match.span(group) for group in ("said", "mine", "called") if match[group]), match.span())


def streets(text: str) -> Iterator[Span]:
    """House number and street, with what stands before (house, flat) and follows on the line (flat, town, postcode)."""
    for match in _STREET.finditer(text):
        before = _BEFORE_STREET.search(text, max(match.start() - 60, 0), match.start())
        yield (before.start() if before else match.start()), match.end()
    yield from (match.span() for match in _LOWER_STREET.finditer(text))


def flats(text: str) -> Iterator[Span]:
    """Flat and street without the number of the house."""
    yield from (match.span() for match in _FLAT.finditer(text))


def streets_with_number_last(text: str) -> Iterator[Span]:
    """Hauptstraße 12, 10115 Berlin; Calle Mayor 5."""
    yield from (match.span() for match in _NUMBER_LAST.finditer(text))


def french_streets(text: str) -> Iterator[Span]:
    yield from (match.span() for match in _RUE.finditer(text))


def boxes(text: str) -> Iterator[Span]:
    yield from (match.span() for match in _BOX.finditer(text))


def postcodes(text: str) -> Iterator[Span]:
    """A full British postcode, and a street that nothing but its German postcode tells."""
    yield from (match.span() for match in _POSTCODED.finditer(text))


def _said(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """What is said after a cue (the group `said`); the whole match where there was no cue."""
    return (match.span("said") if match["said"] else match.span() for match in pattern.finditer(text))
