"""Personal data in what people wrote.

`mask_pii` masks texts in one pass: every detector reports spans of the original text, placeholders that are there already
and the ids of orders are protected, overlaps are settled by priority, and the text is rewritten once. So masking twice
changes nothing. `personal_data` gives the spans, `Masker` does the same for the texts of a study and counts what it masks.

E-mail addresses, telephones, cards, IBANs, links, handles, streets and papers are found by how they are written, by checksums
and numbering plans (`cxlab.data.detectors`); names after a cue and where they are those of the study's own customers and staff
(`cxlab.data.person_names`, which says what no rule finds). Digits of other alphabets and widths, invisible characters within, a
number broken over two lines and "jane at example dot com" are read as what they are. Not found: digits in words, letters in
place of digits (O7700), a number in more than two pieces, an address without a house number, a picture of text. Where a text
may be either, it is masked; what stands after a word for an order stays, so a card's number in one piece right after it does too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from cxlab.data import detectors
from cxlab.data.person_names import KnownNames, cued_names

__all__ = ["KINDS", "REGIONS", "Masker", "mask_pii", "masked_counts", "personal_data"]

Texts = TypeVar("Texts", str, list, tuple, np.ndarray, pd.Series)
Span = tuple[int, int]
Settled = tuple[int, int, str]

REGIONS = ("US", "GB")
KINDS = ("EMAIL", "PHONE", "CARD", "IBAN", "ID", "URL", "IP", "HANDLE", "NAME", "ADDRESS")


class Measured(NamedTuple):
    """What a study of the masker found in synthetic comments, in percent. `first_look` is the recall in ways of writing for
    which no rule had been made yet; the other figures are those after what was missed there had been mended."""

    on: str
    command: str
    n: int
    recall: float
    weakest: tuple[str, float]
    first_look: float
    names: float
    orders_touched: float

    def sentence(self) -> str:
        kind, share = self.weakest
        return (
            f"In {self.n:,} synthetic comments {self.recall:.1f}% of structured personal data ({kind} least, {share:.1f}%) and "
            f"{self.names:.1f}% of names after a cue were found and {self.orders_touched:.1f}% of order numbers touched; written in "
            f"ways that the rules had not met, {self.first_look:.1f}% ({self.on}, {self.command})"
        )


MEASURED = Measured(
    on="1 December 2026",
    command="python benchmarks/masking.py --set evaluation",
    n=6000,
    recall=99.6,
    weakest=("address", 97.5),
    first_look=95.5,
    names=100.0,
    orders_touched=0.0,
)
_PLACEHOLDER = re.compile(rf"\[(?:{'|'.join(KINDS)})\]")
_KEPT = 100_000  # different texts whose masked form is remembered


def mask_pii(texts: Texts, *, regions: Sequence[str] = REGIONS, names: Collection[str] = ()) -> Texts:
    """Texts with personal data replaced by [EMAIL] [PHONE] [CARD] [IBAN] [ID] [URL] [IP] [HANDLE] [NAME] [ADDRESS].

    Returns the container that was given, with its index and name; what is no text stays as it is. `regions` are the
    countries (ISO 3166) in which a telephone number without a prefix is looked for. `names` are names of persons that
    are masked wherever they stand: whole in any case, one word of them where it is written as a name is. Numbers after a
    word for an order, a booking, a ticket and the like stay.

    >>> mask_pii("Mail jane.doe@mail.example or call 020 7946 0958 about order 4155552671")
    'Mail [EMAIL] or call [PHONE] about order 4155552671'
    >>> mask_pii(["It was Ann Miller, not the invoice"], names=["Ann Miller"])
    ['It was [NAME], not the invoice']
    """
    return Masker(regions=regions, names=names).mask(texts)


def personal_data(text: str, *, regions: Sequence[str] = REGIONS, names: Collection[str] = ()) -> list[Settled]:
    """Where personal data stand in a text: start, end, kind, in order.

    >>> personal_data("write to ann@mail.example")
    [(9, 25, 'EMAIL')]
    """
    return Masker(regions=regions, names=names).spans(text)


class Masker:
    """Masks the texts of a study: `regions` and `names` as in `mask_pii`, the names made ready once and kept in memory only;
    `ordinary` are words of names that are words of every day here (`person_names.words_of_every_day`).

    `filtered` skips a detector where the text has no sign of what it looks for; without it every detector reads every text,
    for whoever wants to see that both are alike.
    """

    def __init__(
        self,
        *,
        regions: Sequence[str] = REGIONS,
        names: Collection[str] = (),
        ordinary: Collection[str] = (),
        filtered: bool = True,
    ) -> None:
        self._regions = tuple(regions)
        self._names = KnownNames(names, ordinary)
        self._filtered = filtered
        self._done: dict[str, str] = {}

    def mask(self, texts: Texts) -> Texts:
        """The same container with every text masked."""
        if isinstance(texts, str):
            return self._masked(texts)
        if isinstance(texts, pd.Series):
            return pd.Series(map(self._value, texts), index=texts.index, name=texts.name, dtype=texts.dtype)
        if isinstance(texts, np.ndarray):
            return np.array([self._value(value) for value in texts.ravel()], dtype=object).reshape(texts.shape)
        return type(texts)(self._value(value) for value in texts)

    def spans(self, text: str) -> list[Settled]:
        """Where personal data stand in a text: start, end, kind, in order.

        What is left is read again: a mask may take away the word that kept a number next to it.
        """
        plain, places = detectors.folded(text)
        found = self._settled(plain)
        while _may_uncover(plain, found) and (more := self._settled(_rewritten(plain, found))):
            found = sorted([*found, *_placed(more, found)])
        if places is None:
            return found
        ends = [*places, len(text)]
        return [(places[start], ends[end], kind) for start, end, kind in found]

    def _value(self, value: object) -> object:
        if not isinstance(value, str):
            return value
        if (known := self._done.get(value)) is None:
            known = self._masked(value)
            if len(self._done) < _KEPT:
                self._done[value] = known
        return known

    def _masked(self, text: str) -> str:
        spans = self.spans(text)
        return _rewritten(text, spans) if spans else text

    def _settled(self, text: str) -> list[Settled]:
        """Spans of all kinds, the surest first: what overlaps a surer one joins it, what overlaps a protected one is dropped."""
        settling = _Settling(text, filtered=self._filtered)
        for detector in _SURER:
            settling.ask(detector)
        for detector in _OTHERS:
            settling.ask(detector, protected=True)
        settling.take("PHONE", detectors.phones(text, self._regions, settling.settled))
        settling.take("HANDLE", detectors.handles(text) if settling.may_find(_HANDLES) else ())
        settling.take("NAME", cued_names(text, filtered=self._filtered))
        settling.take("NAME", self._names.spans(text))
        return _joined(text, sorted(span for span in settling.taken if span[2]))


def masked_counts(before: pd.Series, after: pd.Series, by: pd.DataFrame) -> pd.DataFrame:
    """What was masked, in numbers alone: one row a group of `by` and kind, also where there was none of it.

    Columns: those of `by`, kind, n (placeholders that were not in the text before), texts (how many have one), of (texts
    that were read).
    """
    groups = by.drop_duplicates()
    read = by[before.notna()].value_counts(dropna=False)
    changed = before.index[before.notna() & (before != after)]
    rows = []
    for place in changed:
        known = Counter(_PLACEHOLDER.findall(before[place]))
        for placeholder, n in (Counter(_PLACEHOLDER.findall(after[place])) - known).items():
            rows.append((place, placeholder[1:-1], n))
    found = pd.DataFrame(rows, columns=["place", "kind", "n"]).join(by, on="place")
    found = found.groupby([*by, "kind"], dropna=False)["n"].agg(n="sum", texts="size").reset_index()
    whole = groups.merge(pd.DataFrame({"kind": KINDS}), how="cross").merge(found, how="left", on=[*by, "kind"])
    whole = whole.merge(read.rename("of").reset_index(), how="left", on=list(by))
    return whole.fillna({"n": 0, "texts": 0, "of": 0}).astype({"n": "int64", "texts": "int64", "of": "int64"})


def _rewritten(text: str, spans: Sequence[Settled]) -> str:
    pieces, at = [], 0
    for start, end, kind in spans:
        pieces += [text[at:start], f"[{kind}]"]
        at = end
    return "".join(pieces) + text[at:]


def _may_uncover(text: str, spans: Sequence[Settled]) -> bool:
    """Whether a mask may take away what kept something beside it: a number, a word for an order, a letter that it touches."""
    for start, end, _ in spans:
        masked = text[start:end].lower()
        if text[start - 1 : start].isalnum() or text[end : end + 1].isalnum() or any(map(masked.count, "0123456789")):
            return True
        if any(word in masked for word in detectors.ORDER_WORDS):
            return True
    return False


def _placed(spans: Sequence[Settled], earlier: Sequence[Settled]) -> Iterator[Settled]:
    """Spans of a text that was rewritten, where they stand in the text before; none overlaps a placeholder."""
    for start, end, kind in spans:
        moved = 0
        for first, last, masked in earlier:
            if first + moved >= end:
                break
            moved += len(masked) + 2 - (last - first)
        yield start - moved, end - moved, kind


class _Signs(NamedTuple):
    """What a text shows at a glance, so that a detector that cannot find anything in it need not read it."""

    text: str
    lower: str
    digits: int

    @classmethod
    def of(cls, text: str) -> _Signs:
        return cls(text, text.lower(), sum(map(text.count, "0123456789")))

    def has(self, *words: str) -> bool:
        return any(word in self.lower for word in words)

    def may_hold_house(self) -> bool:
        """A number before a capital, or a street in small letters."""
        return self.has(*detectors.SMALL_STREETS) or detectors.HOUSE_SIGN.search(self.text) is not None


class _Detector(NamedTuple):
    """`kind` "" is protected. `may_find` must be true wherever `find` finds something."""

    kind: str
    find: Callable[[str], Iterable[Span]]
    may_find: Callable[[_Signs], bool]


def _placeholders(text: str) -> Iterator[Span]:
    return (match.span() for match in _PLACEHOLDER.finditer(text))


_SURER = (  # than that a number is an order's
    _Detector("", _placeholders, lambda signs: "[" in signs.text),
    _Detector("URL", detectors.links, lambda signs: signs.has("://", "www")),
    _Detector("EMAIL", detectors.emails, lambda signs: "@" in signs.text or "%40" in signs.text),
    _Detector(
        "EMAIL", detectors.spelt_emails, lambda signs: signs.has("dot", "punkt", "punto", "point", "(", "[", "{", "<")
    ),
    _Detector("EMAIL", detectors.at_domains, lambda signs: "." in signs.text and "at" in signs.lower),
    _Detector("IBAN", detectors.ibans, lambda signs: signs.digits >= 7),
    _Detector("URL", detectors.bare_links, lambda signs: "." in signs.text),
    _Detector("ID", detectors.person_numbers, lambda signs: signs.digits >= 6),
    _Detector("ID", detectors.papers, lambda signs: signs.digits > 0 and signs.has(*detectors.PAPER_WORDS)),
)
_PROTECTED = (
    _Detector("", detectors.orders, lambda signs: signs.digits > 0 and signs.has(*detectors.ORDER_WORDS)),
    _Detector("", detectors.dates, lambda signs: signs.digits >= 4),
)
_OTHERS = (
    _Detector("CARD", detectors.cards, lambda signs: signs.digits >= 12),
    _Detector("ADDRESS", detectors.streets, lambda signs: signs.digits > 0 and signs.may_hold_house()),
    _Detector(
        "ADDRESS", detectors.flats, lambda signs: signs.digits > 0 and bool(detectors.UNIT_SIGN.search(signs.text))
    ),
    _Detector(
        "ADDRESS",
        detectors.streets_with_number_last,
        lambda signs: signs.digits > 0 and any(word in signs.text for word in detectors.BEFORE_NUMBER),
    ),
    _Detector("ADDRESS", detectors.french_streets, lambda signs: signs.digits > 0 and signs.has(*detectors.FRENCH)),
    _Detector("ADDRESS", detectors.boxes, lambda signs: signs.digits > 0 and signs.has("box", "postfach")),
    _Detector(
        "ADDRESS",
        detectors.postcodes,
        lambda signs: signs.digits > 1 and bool(detectors.POSTCODE_SIGN.search(signs.text)),
    ),
    _Detector("IP", detectors.ip_addresses, lambda signs: signs.digits >= 4 and signs.text.count(".") >= 3),
)
_HANDLES = _Detector("HANDLE", detectors.handles, lambda signs: "@" in signs.text or signs.has(*detectors.PLATFORMS))


class _Settling:
    """One text on its way: what is `taken`, surest first. Orders and dates are looked up only when something could take their place."""

    def __init__(self, text: str, *, filtered: bool) -> None:
        self.taken: list[Settled] = []
        self._text = text
        self._signs = _Signs.of(text) if filtered else None
        self._protected = False

    def may_find(self, detector: _Detector) -> bool:
        return self._signs is None or detector.may_find(self._signs)

    def ask(self, detector: _Detector, *, protected: bool = False) -> None:
        """Settle what a detector finds; `protected`: after orders and dates."""
        if self.may_find(detector):
            spans = list(detector.find(self._text))
            if spans and protected:
                self.settled()
            for span in spans:
                _take(self._text, self.taken, *span, detector.kind)

    def take(self, kind: str, spans: Iterable[Span]) -> None:
        for span in list(spans):
            self.settled()
            _take(self._text, self.taken, *span, kind)

    def settled(self) -> Sequence[Settled]:
        """What is taken, orders and dates among it."""
        if not self._protected:
            self._protected = True
            for detector in _PROTECTED:
                self.ask(detector)
        return self.taken


def _take(text: str, taken: list[Settled], start: int, end: int, kind: str) -> None:
    """Settle one more span among surer ones: it joins those that it overlaps, if what it adds has a letter or a digit."""
    over = [other for other in taken if start < other[1] and end > other[0]]
    if not over:
        taken.append((start, end, kind))
    elif kind and all(other[2] for other in over):
        first, last = min(other[0] for other in over), max(other[1] for other in over)
        for other in over:
            taken.remove(other)
        start = start if any(map(str.isalnum, text[start:first])) else first
        end = end if any(map(str.isalnum, text[last:end])) else last
        taken.append((min(start, first), max(end, last), over[0][2]))


def _joined(text: str, spans: list[Settled]) -> list[Settled]:
    """Names side by side are one name."""
    joined: list[Settled] = []
    for start, end, kind in spans:
        if joined and kind == joined[-1][2] == "NAME" and text[joined[-1][1] : start] in (" ", "-", ", "):
            joined[-1] = (joined[-1][0], end, kind)
        else:
            joined.append((start, end, kind))
    return joined
