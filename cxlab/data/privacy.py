"""Personal data in what people wrote and in the columns of exports.

`mask_pii` masks texts in one pass: every detector reports spans of the original text, placeholders that are there already
and the ids of orders are protected, overlaps are settled by priority, and the text is rewritten once. So masking twice
changes nothing. `direct_identifier` says whether a column names a person by itself. No rule finds every name: names are
masked after a cue ("my name is", a title, a greeting, a signature) and where they are those of the study's own customers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

Texts = TypeVar("Texts", str, list, tuple, np.ndarray, pd.Series)
Span = tuple[int, int]

REGIONS = ("US", "GB")
_PLACEHOLDER = re.compile(r"\[(?:EMAIL|URL|IBAN|CARD|PHONE|HANDLE|NAME|ADDRESS)\]")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.!#$%&'’*+/=?^`{|}~-]+@(?:[\w-]+\.)+[a-z]{2,24}\b", re.IGNORECASE)
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]]"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|org|net|io|ly|co\.uk|de|fr|eu|es|it|nl|ch|at|me|app)/[^\s<>\"']*[^\s<>\"'.,;:!?)\]]",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_CARD_ISSUER = re.compile(r"4|5[0-8]|2[2-7]|3[0-9]|6")
_HANDLE = re.compile(r"(?<![\w@./])@[A-Za-z_]\w{1,30}")
_ORDER = re.compile(
    r"\b(?:order|booking|reservation|invoice|ref(?:erence)?|ticket|case|tracking|parcel|confirmation|conf|claim|serial|policy"
    r"|contract|flight|transaction|receipt|shipment|incident|sku|item|bestellung|auftrag|rechnung|commande|facture)s?\b\s*"
    r"(?:(?:number|no|num|nr|id|code|ref)\b\.?)?\s*(?:is|was)?\s*[:#]*\s*"
    r"(?P<id>#?(?=[\w/-]*\d)[A-Z0-9][\w/-]*(?:[ -]\d[\d-]*)*)",
    re.IGNORECASE,
)
_PHONE_LIKE = re.compile(r"\d[\d\s().\-/]{5,}\d")
# numbers that no plan has given out, as people write them: with a plus, after a cue, British groups, 555-01xx
_PHONE = re.compile(
    r"(?<![\w.])\+\d{1,3}(?:[ .\-/]?\(?\d{1,5}\)?){2,6}(?!\w)"
    r"|(?<![\w.,/-])\(?0\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}(?![\w/-])"
    r"|(?<![\w./-])(?:1[ .-])?(?:\(?\d{3}\)?[ .-]?)?555[ .-]01\d\d(?![\w/-])"
    r"|(?:\b(?:call|phone|ring|text|reach|mobile|cell|telephone|tel|whatsapp|telefon)\b(?:\s+(?:me|us|back|number|no|nr|on|at|is|under))*"
    r"\s*[.:]*\s*)(?P<said>\(?\d(?:[ .\-/()]*\d){6,14})(?!\w)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?<!\d)(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})(?!\d)")
_NAME_WORD = r"[A-ZÀ-ÖØ-Þ](?:['’][A-ZÀ-ÖØ-Þ])?[a-zà-öø-ÿ'’]+(?:-[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]+)?"
_NAMES = [
    re.compile(pattern)
    for pattern in (
        r"\b(?:[Mm]y name is|[Tt]his is|I am called|[Ss]poke (?:to|with)|[Ss]peaking (?:to|with)|[Aa]sk(?:ed)? for|[Nn]amed"
        rf"|[Cc]alled by)\s+(?P<name>{_NAME_WORD}(?:\s+{_NAME_WORD})?)",
        rf"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Herrn?|Frau|Madame|Monsieur)\.?\s+(?P<name>{_NAME_WORD}(?:\s+{_NAME_WORD})?)",
        rf"(?:^|\n)\s*(?:Dear|Hi|Hello)\s+(?P<name>{_NAME_WORD})\s*,",
        r"\b(?:[Kk]ind [Rr]egards|[Bb]est [Rr]egards|[Rr]egards|[Ss]incerely|[Yy]ours|[Cc]heers)\s*,\s*"
        rf"(?P<name>{_NAME_WORD}(?:\s+{_NAME_WORD})?)\s*\.?\s*$",
    )
]
_NO_NAME = frozenset({
    "The", "A", "An", "My", "Your", "Our", "Their", "Team", "All", "Sir", "Madam", "Customer", "Support",
    "Everyone", "There", "Service", "Sales", "Again", "It", "Not",
})  # fmt: skip
_STREET = r"(?:Street|Road|Avenue|Lane|Drive|Boulevard|Terrace|Crescent|Gardens|St|Rd|Ave|Ln|Blvd)"
_ADDRESS = re.compile(
    rf"\b\d{{1,5}}[A-Za-z]?,?\s+(?:[A-Z][\w'’.-]*\s+){{1,3}}{_STREET}\b\.?"
    r"|\b[A-ZÄÖÜ][\wäöüß-]*(?:straße|strasse|str\.|weg|platz|gasse|allee)\s+\d{1,4}(?:\s?[a-z])?\b"
    r"|\b\d{1,4}(?:\s?bis)?,?\s+(?:rue|avenue|boulevard|place|chemin)\s+(?:d[eu]s?\s+(?:la\s+|l['’])?)?[A-ZÀ-Ö][\w'’-]+(?:\s+[A-ZÀ-Ö][\w'’-]+)?"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_CALENDAR = frozenset({
    "april", "may", "june", "august", "monday", "friday", "sunday", "will",
})  # fmt: skip


def mask_pii(texts: Texts, *, regions: Sequence[str] = REGIONS, names: Collection[str] = ()) -> Texts:
    """Texts with personal data replaced by [EMAIL] [PHONE] [CARD] [IBAN] [URL] [HANDLE] [NAME] [ADDRESS].

    Returns the container that was given, with its index and name; what is no text stays as it is. `regions` are the
    countries (ISO 3166) in which a telephone number without a prefix is looked for. `names` are names of persons that
    are masked wherever they stand, whole or one capitalised word of them within a sentence. Numbers after a word for an
    order, a booking, a ticket and the like stay.

    >>> mask_pii("Mail jane.doe@mail.example or call 020 7946 0958 about order 4155552671")
    'Mail [EMAIL] or call [PHONE] about order 4155552671'
    >>> mask_pii(["It was Ann Miller, not the invoice"], names=["Ann Miller"])
    ['It was [NAME], not the invoice']
    """
    if isinstance(texts, str):
        return _mask(texts, regions, _Known(names))
    known = _Known(names)
    done: dict[str, str] = {}

    def one(value: object) -> object:
        if not isinstance(value, str):
            return value
        if value not in done:
            done[value] = _mask(value, regions, known)
        return done[value]

    if isinstance(texts, pd.Series):
        return pd.Series([one(value) for value in texts], index=texts.index, name=texts.name, dtype=texts.dtype)
    if isinstance(texts, np.ndarray):
        return np.array([one(value) for value in texts.ravel()], dtype=object).reshape(texts.shape)
    return type(texts)(one(value) for value in texts)


def _mask(text: str, regions: Sequence[str], known: _Known) -> str:
    taken: list[tuple[int, int, str]] = []
    for kind, spans in _detectors(text, regions, known):
        for start, end in spans:
            if all(end <= first or start >= last for first, last, _ in taken):
                taken.append((start, end, kind))
    pieces, at = [], 0
    for start, end, kind in sorted(taken):
        if kind:
            pieces += [text[at:start], f"[{kind}]"]
            at = end
    return "".join(pieces) + text[at:]


def _detectors(text: str, regions: Sequence[str], known: _Known) -> Iterator[tuple[str, Iterator[Span]]]:
    """Spans by kind, the surest first; a kind "" is protected."""
    yield "", _whole(_PLACEHOLDER, text)
    at, digits = "@" in text, sum(character.isdigit() for character in text)
    if at:
        yield "EMAIL", _whole(_EMAIL, text)
    if "." in text:
        yield "URL", _whole(_URL, text)
    if digits >= 10:
        yield "IBAN", _ibans(text)
    if digits >= 13:
        yield "CARD", (match.span() for match in _CARD.finditer(text) if _is_card(match.group()))
    if digits:
        yield "", (match.span("id") for match in _ORDER.finditer(text))
        yield "ADDRESS", _whole(_ADDRESS, text)
    if digits >= 6 and _PHONE_LIKE.search(text):
        yield "", _whole(_DATE, text)
        yield "PHONE", _phones(text, regions)
    if at:
        yield "HANDLE", _whole(_HANDLE, text)
    yield "NAME", _cued_names(text)
    yield "NAME", known.spans(text)


def _whole(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text))


def _ibans(text: str) -> Iterator[Span]:
    """The longest part with a right checksum: a word of capitals after the number is no part of it."""
    for match in _IBAN.finditer(text):
        for end in range(match.end(), match.start() + 14, -1):
            if not text[end - 1].isspace() and _is_iban(text[match.start() : end]):
                yield match.start(), end
                break


def _is_iban(text: str) -> bool:
    """The checksum of ISO 13616: letters as two digits, the first four characters moved to the end, modulo 97 is 1."""
    signs = re.sub(r"\s", "", text).upper()
    return 15 <= len(signs) <= 34 and int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % 97 == 1


def _is_card(text: str) -> bool:
    """The checksum of ISO/IEC 7812 (Luhn) on a number that an issuer of payment cards could have given out."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    if len(set(digits)) == 1 or not _CARD_ISSUER.match("".join(map(str, digits))):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _phones(text: str, regions: Sequence[str]) -> Iterator[Span]:
    import phonenumbers

    for match in _PHONE.finditer(text):
        yield match.span("said") if match["said"] else match.span()
    for region in regions:
        for found in phonenumbers.PhoneNumberMatcher(text, region):
            yield found.start, found.end


def _cued_names(text: str) -> Iterator[Span]:
    for pattern in _NAMES:
        for match in pattern.finditer(text):
            if match["name"].split()[0] not in _NO_NAME:
                yield match.span("name")


class _Known:
    """Names of persons that are known beforehand, looked up word by word: thousands of them cost no more than one."""

    def __init__(self, names: Collection[str]) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        self._words: set[str] = set()
        for name in names:
            words = tuple(word.casefold() for word in _WORD.findall(str(name)))
            if len(words) > 1:
                self._by_first.setdefault(words[0], []).append(words)
            self._words |= {word for word in words if len(word) > 2 and word not in _CALENDAR}
        for several in self._by_first.values():
            several.sort(key=len, reverse=True)

    def spans(self, text: str) -> Iterator[Span]:
        if not self._words:
            return
        words = list(_WORD.finditer(text))
        lower = [match.group().casefold() for match in words]
        at = 0
        while at < len(words):
            length = next((len(n) for n in self._by_first.get(lower[at], ()) if tuple(lower[at : at + len(n)]) == n), 0)
            if not length and lower[at] in self._words and _within_sentence(text, words[at]):
                length = 1
            if length:
                yield words[at].start(), words[at + length - 1].end()
            at += length or 1


def _within_sentence(text: str, word: re.Match[str]) -> bool:
    """A capitalised word that does not owe its capital to the start of a sentence, nor to a text all in capitals."""
    before = text[: word.start()].rstrip()
    shown = word.group()
    return shown[0].isupper() and not shown.isupper() and bool(before) and before[-1] not in '.!?:;"“(\n'


# ------------------------------------------------------------------------------------------------------------- columns

_LOOKED_AT = 500  # different values of a column
_PERSON = frozenset({
    "first", "last", "full", "sur", "given", "family", "middle", "maiden", "contact", "customer", "client",
    "person", "recipient", "user", "respondent", "guest", "passenger", "caller", "agent", "employee", "member",
    "patient", "holder",
})  # fmt: skip
_NAME_COLUMNS = frozenset({
    "name", "names", "surname", "forename", "firstname", "lastname", "fullname", "contact", "vorname", "nachname",
    "nom", "prenom", "prénom", "nombre", "apellido",
})  # fmt: skip
_COMPANY = re.compile(
    r"\b(?:ltd|limited|inc|llc|llp|plc|corp|co|gmbh|ag|kg|se|sa|sas|sarl|bv|nv|ab|oy|spa|srl|group|bank|company)\b\.?",
    re.I,
)


def direct_identifier(column: str, values: pd.Series) -> str | None:
    """What a column names a person by: email, phone, card, IBAN, name, address, birth date, IP address, or None.

    E-mail addresses, cards and IBANs are known by what the column holds, the others by its name and by values that fit:
    a column `Phone` of yes and no is kept, and so is `name` where it holds companies.

    >>> direct_identifier("E-mail", pd.Series(["ann@mail.example", None]))
    'email'
    >>> direct_identifier("email_sent", pd.Series(["yes", "no"])) is None
    True
    """
    different = pd.Series(values.dropna().unique()[:_LOOKED_AT]).astype(str).str.strip()
    different = different[different != ""]
    if different.empty:
        return None
    words = _words(column)
    return next((kind for kind, fits in _KINDS.items() if fits(words, different)), None)


def _words(column: str) -> list[str]:
    """The words of a column's name: RecipientFirstName, recipient_first_name and "Recipient first name" are alike."""
    apart = re.sub(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zà-ÿ])", " ", column)
    return re.findall(r"[^\W\d_]+", apart.casefold())


def _share(values: pd.Series, fits: Callable[[str], object]) -> float:
    return float(values.map(lambda value: bool(fits(value))).mean())


def _is_email(words: list[str], values: pd.Series) -> bool:
    called = bool({"email", "mail", "emails", "courriel"} & set(words))
    share = _share(values, lambda value: re.fullmatch(r"[^@\s]+@[^@\s]+\.\w{2,}", value))
    return share > (0 if called else 0.5)


def _is_phone(words: list[str], values: pd.Series) -> bool:
    called = bool(
        {"phone", "telephone", "tel", "mobile", "cell", "fax", "telefon", "handy", "handynummer", "gsm", "msisdn"}
        & set(words)
    ) and not {"minutes", "usage", "model", "plan", "cost"} & set(words)
    n_digits = values.str.count(r"\d")
    shaped = (n_digits >= 7) & (n_digits <= 16) & values.str.fullmatch(r"[+\d\s().\-/]+(?:(?:x|ext\.?)\s*\d+)?")
    return float((shaped if called else shaped & values.str.startswith("+")).mean()) > 0.5


def _is_card_column(words: list[str], values: pd.Series) -> bool:
    whole = values[values.str.fullmatch(r"\d(?:[ -]?\d){12,18}")]
    return len(whole) > 0.5 * len(values) and _share(whole, _is_card) > 0.8


def _is_iban_column(words: list[str], values: pd.Series) -> bool:
    return _share(values, lambda value: re.fullmatch(r"[A-Za-z]{2}\d{2}[A-Za-z0-9 ]+", value) and _is_iban(value)) > 0.5


def _is_name(words: list[str], values: pd.Series) -> bool:
    """By a name that leaves no doubt (first_name, Contact name), or by a plain `name` that holds persons, not companies."""
    if not words or _share(values, lambda value: re.search(r"[^\W\d_]{2}", value)) <= 0.5:
        return False
    if words[-1] in (
        "surname",
        "firstname",
        "lastname",
        "fullname",
        "vorname",
        "nachname",
        "forename",
        "fname",
        "lname",
        "nickname",
        "username",
        "kundenname",
        "ansprechpartner",
        "manager",
    ):
        return True
    if words[-1] in ("name", "names") and _PERSON & set(words[:-1]):
        return _share(values, _COMPANY.search) < 0.3
    if len(words) > 1 or words[0] not in _NAME_COLUMNS:
        return False
    like = _share(values, lambda value: re.fullmatch(r"[^\d@_/]{2,60}", value) and 2 <= len(value.split()) <= 5)
    return like > 0.5 and _share(values, _COMPANY.search) < 0.3 and _share(values, str.islower) < 0.9


def _is_address(words: list[str], values: pd.Series) -> bool:
    called = bool({"street", "address", "addr", "adresse", "strasse", "straße"} & set(words)) and not {
        "ip", "mac", "web", "email", "mail",
    } & set(words)  # fmt: skip
    return called and _share(values, lambda value: re.search(r"\d", value) and re.search(r"[^\W\d_]{3}", value)) > 0.5


def _is_birth_date(words: list[str], values: pd.Series) -> bool:
    called = (
        "dob" in words
        or "geburtsdatum" in words
        or "birthday" in words
        or "birthdate" in words
        or {"birth", "date"} <= set(words)
    )
    return called and _share(values, lambda value: re.search(r"\d", value) and re.search(r"\D", value)) > 0.5


def _is_ip(words: list[str], values: pd.Series) -> bool:
    """By name and content: versions and durations look alike."""
    return bool({"ip", "ipaddress", "address"} & set(words)) and (
        _share(values, lambda value: re.fullmatch(r"(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]*:){3,7}[0-9a-f]*", value)) > 0.5
    )


_KINDS: dict[str, Callable[[list[str], pd.Series], bool]] = {
    "email": _is_email,
    "IBAN": _is_iban_column,
    "card": _is_card_column,
    "IP address": _is_ip,
    "phone": _is_phone,
    "name": _is_name,
    "address": _is_address,
    "birth date": _is_birth_date,
}
