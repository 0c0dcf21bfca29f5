"""Columns of exports that name a person by themselves.

`direct_identifier` decides by what a column is called and by what it holds. Where a name leaves a doubt ("Customer",
"agent", "Display name") the values decide: two to five words that begin with capitals and hardly repeat are persons.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

from cxlab.data.detectors import is_card, is_iban

_LOOKED_AT = 500  # different values of a column
_TEXT_WORDS = 4
_OFTEN = 4  # times that a value is there on average, from which on it is a category and no person
_SURELY = frozenset({
    "surname", "firstname", "lastname", "fullname", "vorname", "nachname", "forename", "fname", "lname", "nickname",
    "username", "kundenname", "ansprechpartner", "manager", "prenom", "prénom", "apellido", "apellidos",
})  # fmt: skip
_PART_OF_NAME = frozenset(
    {"first", "last", "full", "sur", "given", "family", "middle", "maiden", "recipient", "contact"}
)
_PERSON = frozenset({
    "contact", "customer", "client", "person", "user", "respondent", "guest", "passenger", "caller", "agent", "employee",
    "member", "patient", "holder", "kunde", "cliente",
})  # fmt: skip
_NAME_COLUMNS = frozenset({"name", "names", "nom", "nombre"})
_ABOUT = frozenset({
    "type", "segment", "group", "status", "plan", "product", "brand", "team", "unit", "region", "country", "city", "channel",
    "category", "class", "tier", "reason", "source", "method", "id", "no", "number", "company", "account", "file", "campaign",
})  # fmt: skip
_PART = r"(?:[A-ZÀ-ÖØ-Þ][\w'’.-]*|d[aeiou]|del|della|van|von|der|den|la|le|el|al|bin)"
_PERSON_LIKE = re.compile(rf"[A-ZÀ-ÖØ-Þ][\w'’.-]*(?:,? {_PART}){{1,4}}|[a-z'-]+ [a-z'-]+")
_COMPANY = re.compile(
    r"\b(?:ltd|limited|inc|llc|llp|plc|corp|co|gmbh|ag|kg|se|sa|sas|sarl|bv|nv|ab|oy|spa|srl|group|bank|company)\b\.?",
    re.I,
)


def direct_identifier(column: str, values: pd.Series) -> str | None:
    """What a column names a person by: email, phone, card, IBAN, name, address, birth date, place, papers, handle or
    IP address; None where it names nobody.

    E-mail addresses and IBANs are known by what the column holds, the others by its name and by values that fit: a column
    `Phone` of yes and no is kept, and so is `name` where it holds companies or plans.

    >>> direct_identifier("E-mail", pd.Series(["ann@mail.example", None]))
    'email'
    >>> direct_identifier("email_sent", pd.Series(["yes", "no"])) is None
    True
    """
    known = values.dropna().astype(str).str.strip()
    known = known[known != ""]
    if known.empty:
        return None
    different = pd.Series(known.unique())
    repeats = len(known) / len(different)
    words, shown = _words(column), different.head(_LOOKED_AT)
    return next((kind for kind, fits in _KINDS.items() if fits(words, shown, repeats)), None)


def is_free_text(values: pd.Series) -> bool:
    """Whether a column holds what somebody wrote: several words, hardly ever the same. It may name anybody."""
    known = values.dropna().astype(str).drop_duplicates().head(_LOOKED_AT)
    if known.empty or known.size < 0.5 * min(values.notna().sum(), _LOOKED_AT):
        return False
    return float(known.map(lambda text: len(text.split())).median()) >= _TEXT_WORDS


def _words(column: str) -> list[str]:
    """The words of a column's name: RecipientFirstName, recipient_first_name and "Recipient first name" are alike."""
    apart = re.sub(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])|(?<=[A-ZÀ-Þ])(?=[A-ZÀ-Þ][a-zà-ÿ])", " ", column)
    return re.findall(r"[^\W\d_]+", apart.casefold())


def _share(values: pd.Series, fits: Callable[[str], object]) -> float:
    return float(values.map(lambda value: bool(fits(value))).mean())


def _is_email(words: list[str], values: pd.Series, repeats: float) -> bool:
    called = bool({"email", "mail", "emails", "courriel"} & set(words))
    share = _share(values, lambda value: re.fullmatch(r"[^@\s]+@[^@\s]+\.\w{2,}", value))
    return share > (0 if called else 0.5)


def _is_phone(words: list[str], values: pd.Series, repeats: float) -> bool:
    called = bool(
        {
            "phone",
            "telephone",
            "tel",
            "mobile",
            "cell",
            "fax",
            "telefon",
            "handy",
            "handynummer",
            "gsm",
            "msisdn",
            "whatsapp",
        }
        & set(words)
        or {"contact", "no"} <= set(words)
        or {"contact", "number"} <= set(words)
    ) and not {"minutes", "usage", "model", "plan", "cost"} & set(words)
    n_digits = values.str.count(r"\d")
    shaped = (n_digits >= 7) & (n_digits <= 16) & values.str.fullmatch(r"[+\d\s().\-/]+(?:(?:x|ext\.?)\s*\d+)?")
    return float((shaped if called else shaped & values.str.startswith("+")).mean()) > 0.5


def _is_card_column(words: list[str], values: pd.Series, repeats: float) -> bool:
    if {"order", "invoice", "ticket", "transaction", "tracking", "imei", "id"} & set(words) and "card" not in words:
        return False
    whole = values[values.str.fullmatch(r"\d(?:[ -]?\d){12,18}")]
    return len(whole) > 0.5 * len(values) and _share(whole, is_card) > 0.8


def _is_iban_column(words: list[str], values: pd.Series, repeats: float) -> bool:
    return _share(values, lambda value: re.fullmatch(r"[A-Za-z]{2}\d{2}[A-Za-z0-9 ]+", value) and is_iban(value)) > 0.5


def _is_name(words: list[str], values: pd.Series, repeats: float) -> bool:
    """By a name that leaves no doubt (first_name, Nachname), or by one that may, and values that look like persons."""
    if not words or _share(values, lambda value: re.search(r"[^\W\d_]{2}", value)) <= 0.5:
        return False
    if words[-1] in _SURELY:
        return True
    if words[-1] in ("name", "names") and _PART_OF_NAME & set(words[:-1]):
        return True
    if words[-1] in ("first", "last", "middle") and len(words) == 1:
        return _share(values, lambda value: re.fullmatch(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*", value)) > 0.9
    if not _PERSON & set(words) and not (_NAME_COLUMNS & set(words)):
        return False
    about = _ABOUT & set(words)
    return not about and repeats < _OFTEN and _look_like_persons(values)


def _look_like_persons(values: pd.Series) -> bool:
    """Two to five words that begin with capitals and are no company."""
    like = _share(values, lambda value: _PERSON_LIKE.fullmatch(value) is not None)
    return like > 0.5 and _share(values, _COMPANY.search) < 0.3


def _is_address(words: list[str], values: pd.Series, repeats: float) -> bool:
    street = bool({"street", "strasse", "straße", "rue", "calle"} & set(words)) and not _ABOUT & set(words)
    about = {"ip", "mac", "web", "email", "mail", *_ABOUT} & set(words)
    called = bool({"address", "addr", "adresse"} & set(words)) and not about
    holds_number = _share(values, lambda value: re.search(r"\d", value) and re.search(r"[^\W\d_]{3}", value)) > 0.5
    if street:
        return holds_number or (
            repeats < _OFTEN and _share(values, lambda value: re.search(r"[^\W\d_]{3}", value)) > 0.5
        )
    return called and holds_number


def _is_birth_date(words: list[str], values: pd.Series, repeats: float) -> bool:
    called = {"dob", "geburtsdatum", "birthday", "birthdate"} & set(words) or {"birth", "date"} <= set(words)
    dated = _share(values, lambda value: re.search(r"\d\D+\d", value) or re.fullmatch(r"(?:19|20)\d{6}", value))
    return bool(called) and dated > 0.5


def _is_place(words: list[str], values: pd.Series, repeats: float) -> bool:
    """Where somebody was, to the metre."""
    called = {"latitude", "longitude", "lat", "lon", "lng", "gps", "geolocation"} & set(words)
    return bool(called) and _share(values, lambda value: re.search(r"\d[.,]\d{2}", value)) > 0.5


def _is_of_papers(words: list[str], values: pd.Series, repeats: float) -> bool:
    called = {"ssn", "passport", "nino", "taxid", "personalausweis", "reisepass"} & set(words)
    called |= {"security"} if {"social", "security"} <= set(words) else set()
    return bool(called) and _share(values, lambda value: len(re.findall(r"\d", value)) >= 5) > 0.5


def _is_handle(words: list[str], values: pd.Series, repeats: float) -> bool:
    called = {"twitter", "instagram", "facebook", "linkedin", "skype", "telegram", "tiktok", "handle"} & set(words)
    return (
        bool(called) and repeats < _OFTEN and _share(values, lambda value: re.fullmatch(r"[@\w./:-]{3,}", value)) > 0.5
    )


def _is_ip(words: list[str], values: pd.Series, repeats: float) -> bool:
    """By name and content: versions and durations look alike."""
    return bool({"ip", "ipaddress", "address"} & set(words)) and (
        _share(values, lambda value: re.fullmatch(r"(?:\d{1,3}\.){3}\d{1,3}|(?:[0-9a-f]*:){3,7}[0-9a-f]*", value)) > 0.5
    )


_KINDS: dict[str, Callable[[list[str], pd.Series, float], bool]] = {
    "email": _is_email,
    "IBAN": _is_iban_column,
    "card": _is_card_column,
    "IP address": _is_ip,
    "phone": _is_phone,
    "name": _is_name,
    "address": _is_address,
    "birth date": _is_birth_date,
    "place": _is_place,
    "papers": _is_of_papers,
    "handle": _is_handle,
}
