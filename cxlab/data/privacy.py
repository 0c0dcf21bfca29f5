"""Personal data in what people wrote.

`mask_pii` masks texts in one pass: every detector reports spans of the original text, placeholders that are there already
and the ids of orders are protected, overlaps are settled by priority, and the text is rewritten once. So masking twice
changes nothing. No rule finds every name: names are masked after a cue ("my name is", a title, a greeting, a signature)
and where they are those of the study's own customers. Where a text may be either, it is masked.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TypeVar

import numpy as np
import pandas as pd

Texts = TypeVar("Texts", str, list, tuple, np.ndarray, pd.Series)
Span = tuple[int, int]

REGIONS = ("US", "GB")
_PLACEHOLDER = re.compile(r"\[(?:EMAIL|URL|IBAN|CARD|PHONE|HANDLE|NAME|ADDRESS|ID|IP)\]")
_EMAIL = re.compile(r"(?<![\w.+-])[\w.!#$%&'’*+/=?^`{|}~-]+@(?:[\w-]+\.)+[a-z]{2,24}\b", re.IGNORECASE)
_SPELT_EMAIL = re.compile(
    r"\b[\w.+-]+\s*[(\[]\s*at\s*[)\]]\s*[\w-]+(?:\s*(?:\.|[(\[]\s*dot\s*[)\]]|\bdot\b)\s*[\w-]+)+"
    r"|\b[\w.+-]+\s+at\s+[\w-]+\s+dot\s+(?:com|org|net|edu|co|de|fr|uk|io|eu|es|it|nl)\b(?:\s+dot\s+\w{2,3}\b)?",
    re.IGNORECASE,
)
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]]"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|org|net|io|ly|co\.uk|de|fr|eu|es|it|nl|ch|at|me|app)/[^\s<>\"']*[^\s<>\"'.,;:!?)\]]",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b", re.IGNORECASE)
_CARD = re.compile(r"(?<![\w-])\d(?:[ .-]?\d){12,18}(?![\w-])")
_CARD_ISSUER = re.compile(r"4|5[0-8]|2[2-7]|3[0-9]|6")
_HANDLE = re.compile(
    r"(?<![\w@./])@[A-Za-z_]\w{1,30}"
    r"|\b(?:instagram|insta|twitter|facebook|telegram|snapchat|tiktok|linkedin|skype|discord)\s*"
    r"(?:(?:handle|name|id|account|user)\s*(?:is\s+|[:=]\s*)|[:=]\s*)(?P<said>[\w.-]*\w)",
    re.IGNORECASE,
)
_IP = re.compile(r"(?<![\d.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\d.])")
_PAPERS = re.compile(  # numbers of persons that states and banks give out
    r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])"
    r"|\b[A-CEGHJ-PR-TW-Z]{2}\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D]\b"
    r"|\b(?:passport|driving licen[cs]e|driver'?s licen[cs]e|social security|ssn|national insurance|sort code"
    r"|account (?:number|no)|id card|personalausweis|reisepass|kontonummer)\b\.?\s*(?:number|no\b\.?|nr\b\.?)?\s*"
    r"(?:is|was)?\s*[:#]*\s*"
    r"(?P<said>(?=[A-Z0-9-]*\d)[A-Z0-9][A-Z0-9-]{4,20}(?:[ -]\d{2,4}){0,3})",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"\b(?:order|booking|reservation|invoice|ref(?:erence)?|ticket|case|tracking|parcel|confirmation|conf|claim|serial|policy"
    r"|contract|flight|transaction|receipt|shipment|incident|sku|item|imei|meter|model|version|bestellung|auftrag|rechnung"
    r"|commande|facture)s?\b\.?\s*"
    r"(?:(?:number|no|num|nr|id|code|ref)\b\.?)?\s*(?:is|was)?\s*[:#]*\s*"
    r"(?P<id>#?(?!0\d+[ -]\d)(?=[\w/.-]*\d)[A-Z0-9][\w/-]*(?:\.\d+)*(?:[ -]\d[\d-]*)*)",  # 020 7946 0958 is a telephone
    re.IGNORECASE,
)
_PHONE_LIKE = re.compile(r"\d[\d\s().\-/]{5,}\d")
# numbers that no plan has given out, as people write them: with a plus, after a cue, British groups, 555-01xx
_PHONE = re.compile(
    r"(?<![\w.])\+\d{1,3}(?:[ .\-/]?\(?\d{1,5}\)?){2,6}(?!\w)"
    r"|(?<![\w.,/-])\(?0\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}(?![\w/-])"
    r"|(?<![\w.,/-])0\d(?:[ .-]\d\d){4}(?![\w/-])|(?<![\w.,/-])[6-9]\d{4} \d{5}(?![\w/-])"
    r"|(?<![\w./-])(?:1[ .-])?(?:\(?\d{3}\)?[ .-]?)?555[ .-]01\d\d(?![\w/-])"
    r"|(?:\b(?:call|phone|ring|text|reach|mobile|cell|telephone|tel|whatsapp|telefon)\b(?:\s+(?:me|us|back|number|no|nr|on|at|is|under))*"
    r"\s*[.:]*\s*)(?P<said>\(?\d(?:[ .\-/()]*\d){6,14})(?!\w)",
    re.IGNORECASE,
)
_DATE = re.compile(r"(?<!\d)(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4})(?!\d)")
_NAME_WORD = r"[A-ZÀ-ÖØ-Þ](?:['’][A-ZÀ-ÖØ-Þ])?[a-zà-öø-ÿ'’]+(?:-[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ]+)*"
_PARTICLE = r"(?:d[aeiou]|del|della|dos|van|von|der|den|la|le|el|al|bin|ibn|ter|zu)"
_NAME = rf"{_NAME_WORD}(?:\s+(?:{_PARTICLE}\s+){{0,2}}{_NAME_WORD}){{0,2}}"
_SURNAME = (
    rf"(?:{_PARTICLE}\s+){{0,2}}(?:{_NAME_WORD}|[A-ZÀ-ÖØ-Þ]{{2,}})(?:\s+(?:{_PARTICLE}\s+){{0,2}}{_NAME_WORD}){{0,2}}"
)
_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herrn?|Frau|Madame|Mme|Monsieur|Se[ñn]ora?|Signora?)"
_NAMES = [
    re.compile(pattern)
    for pattern in (
        r"\b(?i:my (?:full )?name is|my name'?s|i am called|ich hei(?:ß|ss)e|je m'appelle)\s+"
        r"(?P<name>[^\W\d_]+(?:['’-][^\W\d_]+)*(?:\s+(?!(?:and|i|but|from|the|a|of|with|who|at|in|my|on|or|as|so|not|now|to|is|was"
        r"|an|this|that|it|we|you|your|here|customer|from|please|thanks|und|et|aus)\b)[^\W\d_]+(?:['’-][^\W\d_]+)*)?)",
        r"\b(?:[Ss]poke (?:to|with)|[Ss]peak(?:ing)? (?:to|with)|[Aa]sk(?:ed)? for|[Nn]amed|[Cc]alled by|[Hh]elped by"
        r"|[Ss]erved by)"
        rf"\s+(?:{_TITLE}\.?\s+)*(?P<name>{_NAME})",
        rf"\b[Tt]his is\s+(?P<name>{_NAME})(?=\s*,|\s+(?:from|calling|speaking|here|writing|again|at)\b)",
        rf"\b[Tt]his is\s+(?P<name>{_NAME_WORD}\s+{_NAME_WORD})\s*(?:[.!]|$)",
        rf"\b(?:{_TITLE}\.?\s+)+(?P<name>{_SURNAME})",
        r"\b(?:agent|rep|representative|advis[eo]r|colleague|driver|technician|manager|engineer|steward|stewardess|nurse|clerk"
        rf"|assistant|gentleman|lady|guy|woman|man|girl|boy)(?:\s*,\s*|\s+(?:named|called)\s+|\s+)(?P<name>{_NAME})",
        rf"(?:^|\n)\s*(?:Dear|Hi|Hello|Hey)\s+(?P<name>{_NAME})\s*[,!]",
        r"(?i:\b(?:(?:kind|best|warm) regards|regards|sincerely|yours|cheers|(?:many )?thanks|thank you|thx"
        rf"|gr(?:uß|uss|üße)|cordialement)|(?:^|\n)\s*(?:best|love))\s*[,.!\n-]?\s*(?P<name>{_NAME})\s*[.!]?\s*$",
    )
]
_NO_NAME = frozenset({
    "a", "again", "all", "amazing", "an", "and", "another", "anyone", "april", "august", "awesome", "bad", "best",
    "both", "business", "but", "cancellation", "company", "customer", "customers", "december", "dr", "everyone",
    "everything", "excellent", "february", "for", "friday", "god", "good", "goodness", "great", "guys", "he", "help",
    "horrible", "i", "if", "it", "january", "july", "june", "just", "keep", "last", "madam", "management", "march",
    "may", "monday", "more", "mr", "mrs", "ms", "my", "never", "nice", "no", "nobody", "not", "november", "now",
    "october", "ok", "one", "our", "over", "please", "poor", "prof", "refund", "refunds", "sales", "saturday",
    "security", "september", "service", "she", "sir", "so", "staff", "sunday", "support", "team", "terrible", "thank",
    "thanks", "that", "the", "their", "them", "there", "they", "this", "thursday", "today", "tomorrow", "tuesday",
    "very", "was", "we", "wednesday", "well", "who", "with", "wonderful", "yes", "you", "your", "yours",
})  # fmt: skip
_STREET = r"(?:Street|Road|Avenue|Lane|Drive|Boulevard|Terrace|Crescent|Gardens|St|Rd|Ave|Ln|Blvd)"
_ADDRESS = re.compile(
    rf"\b\d{{1,5}}[A-Za-z]?,?\s+(?:[A-Z][\w'’.-]*\s+){{1,3}}{_STREET}\b\.?"
    r"|\b[A-ZÄÖÜ][\wäöüß-]*(?:straße|strasse|str\.|weg|platz|gasse|allee)\s+\d{1,4}(?:\s?[a-z])?\b"
    r"|\b\d{1,4}(?:\s?bis)?,?\s+(?:rue|avenue|boulevard|place|chemin)\s+(?:d[eu]s?\s+(?:la\s+|l['’])?)?[A-ZÀ-Ö][\w'’-]+(?:\s+[A-ZÀ-Ö][\w'’-]+)?"
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_ALSO_WORDS = frozenset({  # surnames and first names that are words of every day: alone they name nobody
    "april", "august", "bank", "best", "bill", "bird", "bishop", "black", "bond", "brown", "bush", "card",
    "carpenter", "case", "chance", "charity", "chase", "cook", "cross", "day", "dean", "faith", "field", "fish",
    "ford", "forest", "fox", "friday", "frost", "gold", "good", "grace", "grant", "gray", "green", "hall", "heath",
    "hill", "holiday", "home", "hope", "house", "hunter", "joy", "june", "king", "knight", "lane", "law", "little",
    "long", "love", "mark", "marsh", "may", "miles", "monday", "moon", "north", "page", "park", "parks", "pass",
    "pearl", "penny", "pope", "post", "power", "price", "rain", "read", "rich", "rose", "sharp", "short", "silver",
    "sky", "small", "smart", "snow", "star", "stone", "street", "strong", "summer", "sun", "sunday", "swift",
    "taylor", "trip", "true", "underground", "violet", "wall", "ward", "waters", "way", "west", "white", "will",
    "winter", "wise", "wood", "woods", "word", "young",
})  # fmt: skip
_TWO_LETTERS = frozenset({
    "ad", "ai", "al", "am", "an", "as", "at", "be", "by", "do", "ed", "eh", "ex", "go", "ha", "he", "hi", "id", "if",
    "in", "is", "it", "la", "le", "me", "mr", "ms", "my", "no", "of", "oh", "ok", "on", "or", "ox", "pa", "re", "so",
    "tv", "uk", "up", "us", "vs", "we", "wo", "ya", "ye",
})  # fmt: skip


def mask_pii(texts: Texts, *, regions: Sequence[str] = REGIONS, names: Collection[str] = ()) -> Texts:
    """Texts with personal data replaced by [EMAIL] [PHONE] [CARD] [IBAN] [ID] [URL] [IP] [HANDLE] [NAME] [ADDRESS].

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
    if " dot " in text.lower() or "at" in text:
        yield "EMAIL", _whole(_SPELT_EMAIL, text)
    if "." in text:
        yield "URL", _whole(_URL, text)
    if digits >= 10:
        yield "IBAN", _ibans(text)
    if digits >= 4:
        yield "ID", _said(_PAPERS, text)
    if digits:
        yield "", (match.span("id") for match in _ORDER.finditer(text) if not _is_said_card(match))
    if digits >= 13:
        yield "CARD", (match.span() for match in _CARD.finditer(text) if is_card(match.group()))
    if digits:
        yield "ADDRESS", _whole(_ADDRESS, text)
        yield "IP", _whole(_IP, text)
    if digits >= 6 and _PHONE_LIKE.search(text):
        yield "", _whole(_DATE, text)
        yield "PHONE", _phones(text, regions)
    yield "HANDLE", _said(_HANDLE, text)
    yield "NAME", _cued_names(text)
    yield "NAME", known.spans(text)


def _whole(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(text))


def _said(pattern: re.Pattern[str], text: str) -> Iterator[Span]:
    """What is said after a cue (the group `said`); the whole match where there was no cue."""
    return (match.span("said") if match["said"] else match.span() for match in pattern.finditer(text))


def _ibans(text: str) -> Iterator[Span]:
    """The longest part with a right checksum: a word of capitals after the number is no part of it."""
    for match in _IBAN.finditer(text):
        for end in range(match.end(), match.start() + 14, -1):
            if not text[end - 1].isspace() and is_iban(text[match.start() : end]):
                yield match.start(), end
                break


def is_iban(text: str) -> bool:
    """The checksum of ISO 13616: letters as two digits, the first four characters moved to the end, modulo 97 is 1."""
    signs = re.sub(r"\s", "", text).upper()
    return 15 <= len(signs) <= 34 and int("".join(str(int(sign, 36)) for sign in signs[4:] + signs[:4])) % 97 == 1


def _is_said_card(match: re.Match[str]) -> bool:
    """A card's number after a word for an order; one for a telephone or a meter is of that kind."""
    said = match.group().casefold().startswith(("imei", "meter", "serial"))
    return not said and 13 <= len(re.findall(r"\d", match["id"])) <= 19 and is_card(match["id"])


def is_card(text: str) -> bool:
    """The checksum of ISO/IEC 7812 (Luhn) on a number that an issuer of payment cards could have given out."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    if len(set(digits)) == 1 or not _CARD_ISSUER.match("".join(map(str, digits))):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _phones(text: str, regions: Sequence[str]) -> Iterator[Span]:
    import phonenumbers

    for start, end in _said(_PHONE, text):
        if len(re.findall(r"(?<!\d)\d(?!\d)", text[start:end])) < 4:  # 24 7 365 1 2 3 4 is no number
            yield start, end
    for region in regions:
        for found in phonenumbers.PhoneNumberMatcher(text, region):
            yield found.start, found.end


def _cued_names(text: str) -> Iterator[Span]:
    for pattern in _NAMES:
        for match in pattern.finditer(text):
            first, *more = match["name"].split()
            if re.split("['’]", first.casefold())[0] in _NO_NAME:  # I've, that's
                continue
            end = match.end("name")
            if more and more[-1].casefold() in _NO_NAME:  # "spoke to Kevin. Great" without its full stop
                end -= len(match["name"]) - len(match["name"].rstrip()[: -len(more[-1])].rstrip())
            yield match.start("name"), end


class _Known:
    """Names of persons that are known beforehand, looked up word by word: thousands of them cost no more than one."""

    def __init__(self, names: Collection[str]) -> None:
        self._by_first: dict[str, list[tuple[str, ...]]] = {}
        self._words: set[str] = set()
        for name in names:
            words = tuple(word.casefold() for word in _WORD.findall(str(name)))
            if len(words) > 1:
                self._by_first.setdefault(words[0], []).append(words)
            self._words |= {word for word in words if _names_alone(word)}
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


def _names_alone(word: str) -> bool:
    """Whether one word of a name says enough: not a word of every day, and no more than two letters only where it is none."""
    return word not in _ALSO_WORDS and (len(word) > 2 or (len(word) == 2 and word not in _TWO_LETTERS))


def _within_sentence(text: str, word: re.Match[str]) -> bool:
    """A capitalised word that does not owe its capital to the start of a sentence, nor to a text all in capitals."""
    before = text[: word.start()].rstrip()
    shown = word.group()
    return shown[0].isupper() and not shown.isupper() and bool(before) and before[-1] not in '.!?:;"“(\n'
