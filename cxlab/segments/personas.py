"""Who are the members of each segment: one card a segment, of facts with their intervals, and a few of their own words.

`personas` takes the place of each respondent and sets what is known of a segment beside all other respondents: its size, the
needs it puts first and last, what the company knows of its members, what they buy, how they feel, and what they wrote. One row
of its table is one segment and fact. Segments stand in the order of their size.

A persona invites stories. So a fact is only called clear where it was tested against all other segments and its q-value
(Benjamini and Hochberg 1995, over every test of every card, values that are not shown included) lies below 1 − `conf_level`;
all others say that they are no clear difference. Needs are not tested at all: the segments are made from these answers, and
differ in them by construction. The tests: shares by the score test, or Fisher's exact test where fewer than five are expected
in a cell; means by Welch's; durations, counts and amounts by Brunner and Munzel (*Biometrical Journal* 42, 2000), which asks whether
members tend to lie higher. Medians are shown, since a few large customers mislead means, with their order-statistic interval
(exact binomial, holds at least its level; standard error after Price and Bonett, *Journal of Statistical Computation and
Simulation* 72, 2002).

What it does not say: that any one member is like the card. A segment is a spread of people; a card is its middle. Sizes and
needs are weighted where the answers are, all other figures are those of the respondents. A quote is near to what all comments of
the segment say; it is an example, and nothing was counted from it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cxlab.data.privacy import mask_pii
from cxlab.inference import benjamini_hochberg, mean_row, share_row
from cxlab.inference.intervals import Floats, check_conf_level, critical_value, two_sided_p
from cxlab.problems import did_you_mean
from cxlab.segments.kmeans import styled
from cxlab.segments.needs import NeedsSegments, scored_answers
from cxlab.wording import (
    base_text,
    capital_text,
    estimate_text,
    inside_text,
    interval_text,
    is_missing,
    list_text,
    number_text,
)

Shown = tuple[dict[str, Any], pd.DataFrame]
"""What an exhibit says (name, title, subtitle, note) and the rows that it shows."""

CARDS = [
    "segment", "segment_id", "about", "fact", "cell", "value", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n",
    "total", "others", "n_others", "index", "p_value", "q_value", "reading", "reason", "unit",
]  # fmt: skip
TESTS = ["segment", "family", "fact", "cell", "n", "n_others", "p_value", "q_value", "shown"]
QUOTES = ["segment", "text", "n", "reason"]
LEFT_OUT = ["what", "reason", "n"]
CLEAR = ("clearly higher", "clearly lower")
MADE_OF_IT = "the segments are made from these answers"
MOST_VALUES = 12  # of a column, above which it tells customers and not groups of them apart
_QUOTE_LENGTH, _LEAST_LENGTH, _QUOTES = 180, 25, 3
_ALIKE = 0.5  # cosine from which on two quotes say the same
_MONTH = 365.25 / 12 * 86_400  # seconds
_POINTS = "points of the scale"
_KINDS = ("functional", "emotional")
_NO_GROUPS = ("customer_id", "account_id", "from_source", "in_period")
_BEHAVIOUR = {"recency": "Days since the last event", "frequency": "Events", "value": "Value"}
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Personas:
    """One card a segment.

    `cards` has one row a segment and fact: `about` (size, need, kind, group, tenure, behaviour, outcome), `fact` and its
    `value` in words; estimate with its interval and n (respondents or customers of the segment who have it), in `unit`; `total` (the same
    figure over all segments), `others` and `n_others` (over all others), `index` (100 × estimate / total, for shares and
    positive medians), p_value and q_value against the others, `reading` ("clearly higher", "clearly lower", "no clear
    difference", "not tested") and `reason`. Where fewer than `min_base` stand behind a row its figures are NaN; `n` stays, and
    `cards_shown` and exhibits hide it.

    `quotes` has one row a quote: text, n (members who wrote a comment) and, where there is none, why. `tests` has one row a test
    that was made (`family` it is corrected in, `cell` the value of a column), `shown` whether it is on a card. `left_out` has one
    row a thing that is in no card: what, reason, and n (respondents, or the values of a column).
    """

    cards: pd.DataFrame
    quotes: pd.DataFrame
    tests: pd.DataFrame
    left_out: pd.DataFrame
    weighted: bool
    conf_level: float
    min_base: int

    @property
    def n_tests(self) -> int:
        """How many tests the q-values account for."""
        return int(self.tests["p_value"].notna().sum())

    def headline(self) -> str:
        """How many segments differ from the others in something else than the needs they are made from."""
        of = self.cards["segment"].nunique()
        apart = self.cards.loc[self.cards["reading"].isin(CLEAR), "segment"].nunique()
        if not self.n_tests:
            return "Nothing but their needs is known of the segments; nothing was tested."
        if not apart:
            return f"Beside their needs nothing clearly tells the {of} segments apart, in {self.n_tests} tests."
        differ = "differs" if apart == 1 else "differ"
        return (
            f"{apart} of {of} segments clearly {differ} from the others in something beside their needs, in "
            f"{self.n_tests} tests."
        )

    def cards_shown(self) -> Iterator[Shown]:
        """Each card, the largest segment first: its words, and rows with label, value, others, reading and n (all text)."""
        taken: set[str] = set()
        for segment, rows in self.cards.groupby("segment", sort=False):
            words = self._card_shown(str(segment), rows)
            name = words["name"]
            words["name"] = next(
                slug for slug in (name, *(f"{name}_{i}" for i in range(2, len(taken) + 3))) if slug not in taken
            )
            taken.add(words["name"])
            yield words, self._rows(str(segment), rows)

    def _card_shown(self, segment: str, rows: pd.DataFrame) -> dict[str, Any]:
        records = rows.to_dict("records")
        size = records[0]
        level = f"{100 * self.conf_level:g}% interval"
        apart = [row for row in records if row["reading"] in CLEAR]
        apart.sort(key=lambda row: row["q_value"])
        said = "; ".join(map(_naming, apart))
        beside = (
            f"Clearly apart from the others: {said}"
            if apart
            else "Beside its needs nothing clearly sets it apart from the others"
        )
        quoted = self.quotes[self.quotes["segment"] == segment]
        notes = {
            "Base": f"{base_text(size['n'], self.min_base)} respondents" + ("; size and needs are weighted" if self.weighted else ""),
            "Apart": beside if rows["p_value"].notna().any() else "Nothing was tested",
            "Test": f"Against all other segments: {self.n_tests} tests on all cards, those of values not shown included; "
            "Benjamini–Hochberg within who they are, what they do and how they feel; “clearly” is q below "
            f"{1 - self.conf_level:g}. Needs are not tested: {MADE_OF_IT}",
            "Interval": f"{100 * self.conf_level:g}%, of each figure on its own; medians by order statistics",
        }  # fmt: skip
        if len(quoted):
            why = list_text(dict.fromkeys(quoted.loc[quoted["text"] == "", "reason"]))
            n = quoted["n"].iloc[0]
            notes["Quotes"] = (
                f"None: {why}" if why else f"Nearest to what {int(n):,} members wrote; masked, not chosen by rating"
            )
        if len(self.left_out):
            notes["Not shown"] = "; ".join(map(_lack, self.left_out.to_dict("records")))
        return {
            "name": f"persona_{_slug(str(size['segment_id']))}",
            "title": self._title(segment, records),
            "subtitle": f"Each fact of the segment with its {level} and base, beside the same figure of all other segments",
            "note": notes,
        }

    def _title(self, segment: str, records: list[dict[Any, Any]]) -> str:
        size = records[0]
        if is_missing(size["estimate"]):
            return f"“{segment}”: too few respondents to describe, {base_text(size['n'], self.min_base)}."
        share = f"“{segment}”: {estimate_text(size['estimate'], '%')} of customers"
        top = next((row for row in records if row["about"] == "need" and not is_missing(row["estimate"])), None)
        if top is None:
            return f"{share}."
        need = inside_text(str(top["cell"]))
        if not top["conf_low"] > 0:
            return f"{share}, who put no need clearly above their own average."
        return f"{share}, who rate {need} {number_text(top['estimate'], 1)} points above their own average."

    def _rows(self, segment: str, rows: pd.DataFrame) -> pd.DataFrame:
        shown = [
            {
                "label": row["fact"],
                "value": row["value"],
                "others": "" if is_missing(row["others"]) else _figure(row, "others"),
                "reading": _reading_words(row),
                "n": base_text(row["n"], self.min_base),
            }
            for row in rows.to_dict("records")
        ]
        quoted = self.quotes[(self.quotes["segment"] == segment) & (self.quotes["text"] != "")]
        shown += [
            {
                "label": "In their words",
                "value": f"“{row['text']}”",
                "others": "",
                "reading": "",
                "n": base_text(row["n"], self.min_base),
            }
            for row in quoted.to_dict("records")
        ]
        return pd.DataFrame(shown, columns=["label", "value", "others", "reading", "n"])


def persona_cards(
    groups: NeedsSegments,
    responses: pd.DataFrame,
    items: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    *,
    done: pd.DataFrame | None = None,
    comments: pd.DataFrame | None = None,
    currency: str = "",
    conf_level: float = 0.95,
    min_base: int = 30,
) -> list[Shown]:
    """The cards of the groups of a page (`personas`): words and rows of each, with comments of all periods to date; none where no
    groups were made.

    `responses` and `items` are those that `groups` came from; `done` what customers did (`what_they_did`).
    """
    if not groups.found:
        return []
    kinds = None
    if "kind" in items:
        kinds = dict(items.loc[items["kind"].notna(), ["item", "kind"]].itertuples(index=False, name=None))
    found = personas(
        groups.labels, responses.loc[groups.labels.index], items, customers, behaviour=done,
        comments=None if comments is None else comments.drop(columns="in_period", errors="ignore"), sizes=groups.sizes,
        profile=groups.profile, kinds=kinds or None, currency=currency, conf_level=conf_level, min_base=min_base,
    )  # fmt: skip
    return list(found.cards_shown())


def personas(
    shown: pd.Series,
    responses: pd.DataFrame,
    items: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    *,
    behaviour: pd.DataFrame | None = None,
    comments: pd.DataFrame | None = None,
    sizes: pd.DataFrame,
    profile: pd.DataFrame,
    kinds: Mapping[str, str] | None = None,
    currency: str = "",
    conf_level: float = 0.95,
    min_base: int = 30,
) -> Personas:
    """One card a segment, from what is known of its members.

    `shown` has the label of each placed respondent, on the index of `responses` (those without one are counted, and in no
    figure); `items` are those of an open study; `sizes` and `profile` those of `needs_segments`, with the same labels. `customers` has
    one row a customer: columns of words with 2 to 12 values, and `start_date`, from which the tenure at the time of the answer
    follows. `behaviour` is indexed by customer_id, with any of recency, frequency, value (in `currency`).
    `comments` has text and customer_id or response_id; where it says in_period only those are quoted. `kinds` says of
    needs whether they are "functional" or "emotional". A customer who answered twice counts once in a segment where the fact is
    the customer's, and of a column only values that `min_base` customers share are named.

    Raises ValueError for labels, items, needs and columns that do not fit each other, and for keys that repeat.
    """
    check_conf_level(conf_level)
    _check(shown, responses, sizes, profile, kinds)
    for name, given in (("sizes", sizes), ("profile", profile)):
        if "conf_level" in given and not np.allclose(given["conf_level"], conf_level):
            raise ValueError(
                f"`{name}` has intervals of {given['conf_level'].iloc[0]:g} and `conf_level` is {conf_level:g}; use one"
            )
    if customers is not None and "customer_id" not in customers:
        raise ValueError(
            f"`customers` has no column `customer_id`; {did_you_mean('customer_id', map(str, customers.columns))}"
        )
    left: list[dict[str, Any]] = []
    _leave(left, "respondents in no segment", "not placed", int(shown.isna().sum()))
    shown = shown.dropna().astype(str)
    rows = responses.loc[shown.index]
    labels = [str(label) for label in sizes.sort_values("estimate", ascending=False, kind="stable")["label"]]
    weighted = "weight" in rows and bool(rows["weight"].notna().all())
    cards = _Cards(labels, conf_level, min_base)
    for row in sizes.to_dict("records"):
        cards.add(str(row["label"]), "size", "Share of customers", [_given(row, "%")])
    _needs(cards, shown, rows, profile, kinds, rows["weight"].to_numpy(float) if weighted else None, left)
    members = _members(shown, rows, customers, behaviour, left)
    if customers is not None:
        _groups(cards, members, customers, _ids(rows, customers), left)
        _tenure(cards, members, customers, left)
    if behaviour is not None:
        _behaviour(cards, members, behaviour, currency)
    _outcomes(cards, shown, rows, items, left)
    table, tests = cards.judged()
    ids = dict(zip(sizes["label"].astype(str), sizes["segment_id"].astype(str), strict=True))
    return Personas(
        cards=table.assign(segment_id=table["segment"].map(ids))[CARDS],
        quotes=_quotes(shown, rows, comments, _ids(rows, customers, comments), labels, min_base),
        tests=tests,
        left_out=pd.DataFrame(left, columns=LEFT_OUT),
        weighted=weighted,
        conf_level=conf_level,
        min_base=min_base,
    )


# ------------------------------------------------------------------------------------------------------------------- checks


def _check(
    shown: pd.Series,
    responses: pd.DataFrame,
    sizes: pd.DataFrame,
    profile: pd.DataFrame,
    kinds: Mapping[str, str] | None,
) -> None:
    for what, index in (("shown", shown.index), ("responses", responses.index)):
        if not index.is_unique:
            raise ValueError(f"the index of `{what}` repeats {int(index.duplicated().sum())} rows; number them afresh")
    if n := int((~shown.index.isin(responses.index)).sum()):
        raise ValueError(f"{n} rows of `shown` are not in `responses`; both need the same index")
    for name, frame, columns in (
        ("sizes", sizes, ["segment_id", "label", "estimate", "std_error", "conf_low", "conf_high", "n"]),
        ("profile", profile, ["segment", "item", "label", "estimate", "std_error", "conf_low", "conf_high", "n"]),
    ):
        if lacking := [column for column in columns if column not in frame]:
            raise ValueError(
                f"`{name}` has no column `{lacking[0]}`; {did_you_mean(lacking[0], map(str, frame.columns))}"
            )
    known = sizes["label"].astype(str)
    if known.duplicated().any():
        raise ValueError(
            f"`sizes` has the label `{known[known.duplicated()].iloc[0]}` twice; give each segment its own name"
        )
    for name, labels in (("shown", shown.dropna()), ("profile", profile["segment"])):
        if strange := sorted(set(labels.astype(str)) - set(known)):
            raise ValueError(
                f"`{name}` has the segment `{strange[0]}`, which `sizes` has not; {did_you_mean(strange[0], known)}"
            )
    battery = list(dict.fromkeys(profile["item"]))
    if absent := [item for item in battery if item not in responses]:
        raise ValueError(
            f"`profile` has the need `{absent[0]}`, but `responses` has no such column; give the answers to it"
        )
    for item, kind in (kinds or {}).items():
        if item not in battery:
            raise ValueError(f"`kinds` names the need `{item}`, which `profile` has not; {did_you_mean(item, battery)}")
        if kind not in _KINDS:
            raise ValueError(f"`kinds` says `{kind}` of the need `{item}`; write functional or emotional")


def _leave(left: list[dict[str, Any]], what: str, reason: str, n: int) -> None:
    """Count what is in no card; what has no reason need not be told."""
    if n and reason:
        left.append({"what": what, "reason": reason, "n": n})


# ---------------------------------------------------------------------------------------------------------------- the cards


_FAMILIES = {"group": "who they are", "tenure": "what they do", "behaviour": "what they do", "outcome": "how they feel"}
"""What a fact is about → the family of tests it is corrected with: clear habits must not make luck in a plan look clear."""


class _Cards:
    """The facts of all cards until every q-value is known.

    A fact has candidates, which are rows with the fields of `CARDS`: one, or one a value of a column. Every candidate with
    `tested` belongs to the family of tests.
    """

    def __init__(self, segments: list[str], conf_level: float, min_base: int) -> None:
        self.segments, self.conf_level, self.min_base = segments, conf_level, min_base
        self.facts: list[tuple[str, str, str, list[dict[str, Any]]]] = []

    def add(self, segment: str, about: str, fact: str, candidates: list[dict[str, Any]]) -> None:
        self.facts.append((segment, about, fact, [_BLANK | row for row in candidates]))

    def judged(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """One row a fact, and one row a test."""
        order = {segment: place for place, segment in enumerate(self.segments)}
        self.facts.sort(key=lambda fact: order[fact[0]])
        made = [
            (segment, about, fact, row) for segment, about, fact, rows in self.facts for row in rows if row["tested"]
        ]
        for *_, row in made:
            self._hide(row)
        for kind in dict.fromkeys(_FAMILIES.values()):
            family = [row for _, about, _, row in made if _FAMILIES[about] == kind]
            for row, q_value in zip(family, benjamini_hochberg([row["p_value"] for row in family]), strict=True):
                row["q_value"] = float(q_value)
        chosen = []
        for segment, about, fact, candidates in self.facts:
            row = self._most_different(candidates)
            row["chosen"] = True
            self._hide(row)
            chosen.append({"segment": segment, "about": about, "fact": fact} | row)
        self._hide_what_gives_away(chosen)
        table = pd.DataFrame([row | self._read(row) for row in chosen])
        tests = [
            {"segment": segment, "family": _FAMILIES[about], "fact": fact, "shown": row["chosen"]}
            | {key: row[key] for key in TESTS[3:8]}
            for segment, about, fact, row in made
        ]
        return table, pd.DataFrame(tests, columns=TESTS)

    def _hide(self, row: dict[str, Any]) -> None:
        """Take out figures that rest on too few people, here or among the others they are set against."""
        if row["n"] < self.min_base:
            row |= dict.fromkeys((*_FIGURES, "total", "others", "n_others", "p_value"), math.nan)
            row |= {"cell": "", "reason": f"n<{self.min_base}" if row["n"] else "no answers"}
        elif row["tested"] and row["n_others"] < self.min_base:
            row |= dict.fromkeys(("total", "others", "p_value"), math.nan)
            row["reason"] = f"n<{self.min_base} among the others"

    def _hide_what_gives_away(self, rows: list[dict[str, Any]]) -> None:
        """Where the hidden segments of a fact are fewer than the least base together, their figure is all less the rest."""
        hidden: dict[str, int] = {}
        for row in rows:
            hidden[row["fact"]] = hidden.get(row["fact"], 0) + (row["n"] if row["n"] < self.min_base else 0)
        for row in rows:
            if 0 < hidden[row["fact"]] < self.min_base:
                row |= dict.fromkeys(("total", "others", "n_others"), math.nan)

    def _most_different(self, candidates: list[dict[str, Any]]) -> dict[str, Any]:
        """The candidate that differs most from the others: of those that clearly do, else of all."""
        clear = [row for row in candidates if row["q_value"] < 1 - self.conf_level]
        return max(clear or candidates, key=lambda row: np.nan_to_num(abs(row["estimate"] - row["others"]), nan=-1.0))

    def _read(self, row: dict[str, Any]) -> dict[str, Any]:
        """What the fact is in words, what its test says, and its index."""
        index, reading, reason = math.nan, "not tested", row["reason"]
        if row["ratio"] and row["estimate"] >= 0 and row["total"] > 0:
            index = 100 * row["estimate"] / row["total"]
        if not is_missing(row["q_value"]):
            reading = "no clear difference"
            way = math.copysign(1, row["way"]) if row["way"] else 0
            if row["q_value"] < 1 - self.conf_level:
                if way * row["apart"] > 0:
                    reading = CLEAR[0] if way > 0 else CLEAR[1]
                else:
                    reason = "the distributions differ, their medians do not"
        return {
            "conf_level": self.conf_level,
            "index": index,
            "reading": reading,
            "reason": reason,
            "value": _value(row),
        }


_FIGURES = ("estimate", "std_error", "conf_low", "conf_high")
_BLANK: dict[str, Any] = dict.fromkeys((*_FIGURES, "total", "others", "n_others", "p_value", "q_value"), math.nan) | {
    "n": 0, "cell": "", "unit": "", "reason": "", "ratio": False, "tested": False, "chosen": False, "way": 0.0, "apart": 0.0,
}  # fmt: skip
"""`ratio`: the figure may be divided by that of all; `way`: above 0 where the test finds the segment higher; `apart`: the
segment's figure less that of the others."""


def _given(row: Mapping[Any, Any], unit: str) -> dict[str, Any]:
    """The figures of a row of another table."""
    return {key: float(row[key]) for key in _FIGURES} | {"n": int(row["n"]), "unit": unit}


def _against(
    row: dict[str, Any],
    others: dict[str, Any],
    total: float,
    p_value: float,
    why: str,
    *,
    ratio: bool,
    way: float | None = None,
) -> dict[str, Any]:
    """A tested candidate: a row of the segment beside that of all others."""
    apart = row["estimate"] - others["estimate"]
    return {key: row[key] for key in (*_FIGURES, "n", "unit")} | {
        "others": others["estimate"], "n_others": others["n"], "total": total, "p_value": p_value, "reason": why, "ratio": ratio,
        "tested": True, "way": apart if way is None else way, "apart": apart,
    }  # fmt: skip


# -------------------------------------------------------------------------------------------------------------------- facts


def _needs(
    cards: _Cards,
    shown: pd.Series,
    rows: pd.DataFrame,
    profile: pd.DataFrame,
    kinds: Mapping[str, str] | None,
    weights: Floats | None,
    left: list[dict[str, Any]],
) -> None:
    """The two needs that matter most and the one that matters least, and whether functional or emotional ones weigh more."""
    battery = list(dict.fromkeys(profile["item"]))
    answers = rows[battery].astype(float)
    whole = answers.notna().all(axis=1).to_numpy()
    _leave(left, "respondents with an unanswered need", "not in the figures of kinds and of all", int((~whole).sum()))
    centred = pd.DataFrame(styled(answers[whole].to_numpy(), "center"), columns=battery)
    own = None if weights is None else weights[whole]
    place = shown.to_numpy()[whole]
    for segment, part in profile.groupby("segment", sort=False):
        ranked = part.sort_values("estimate", ascending=False, kind="stable").to_dict("records")
        inside = place == str(segment)
        picked = [*zip(("Matters most", "Matters second"), ranked, strict=False)]
        picked += [("Matters least", ranked[-1])] if len(ranked) > 2 else []
        for fact, row in picked:
            all_of_them, rest = _mean_of(centred[row["item"]].to_numpy(), inside, own)
            cards.add(
                str(segment),
                "need",
                fact,
                [
                    _given(row, str(row.get("unit", "")))
                    | {"cell": str(row["label"]), "total": all_of_them, "others": rest, "reason": MADE_OF_IT}
                    | {"n_others": int((~inside).sum())}
                ],
            )
    if kinds:
        _kinds(cards, centred, place, own, kinds, left)


def _mean_of(values: Floats, inside: Bools, weights: Floats | None) -> tuple[float, float]:
    """The mean of all, and of those who are not inside; NaN where there is nobody."""
    w = np.ones(len(values)) if weights is None else weights
    return tuple(float(values @ v / v.sum()) if v.sum() > 0 else math.nan for v in (w, w * ~inside))  # type: ignore[return-value]


def _kinds(
    cards: _Cards,
    centred: pd.DataFrame,
    place: npt.NDArray[np.object_],
    weights: Floats | None,
    kinds: Mapping[str, str],
    left: list[dict[str, Any]],
) -> None:
    own = {kind: [item for item in centred if kinds.get(str(item)) == kind] for kind in _KINDS}
    _leave(left, "needs of no kind", "neither functional nor emotional", len(centred.columns) - len(kinds))
    if lacking := [kind for kind, names in own.items() if not names]:
        _leave(left, "functional and emotional needs", f"no need is marked {lacking[0]}", len(kinds))
        return
    functional, emotional = (centred[own[kind]].mean(axis=1).to_numpy() for kind in _KINDS)
    for segment in cards.segments:
        inside = place == segment
        for fact, values in (
            ("Functional needs", functional),
            ("Emotional needs", emotional),
            ("Functional less emotional needs", functional - emotional),
        ):
            part = None if weights is None else weights[inside]
            row = mean_row(values[inside], weights=part, conf_level=cards.conf_level)
            total, others = _mean_of(values, inside, weights)
            more = {"total": total, "others": others, "n_others": int((~inside).sum()), "reason": MADE_OF_IT}
            cards.add(segment, "kind", fact, [_given(row, _POINTS) | more])


def _members(
    shown: pd.Series,
    rows: pd.DataFrame,
    customers: pd.DataFrame | None,
    behaviour: pd.DataFrame | None,
    left: list[dict[str, Any]],
) -> pd.DataFrame:
    """One row a segment and customer, at their last answer: segment, customer_id, answered."""
    blank = pd.Series(pd.NA, index=rows.index, dtype=object)
    when = next((rows[column] for column in ("counted_at", "submitted_at") if column in rows), blank)
    who = rows.get("customer_id", blank)
    answered = pd.to_datetime(when, utc=True)
    members = pd.DataFrame({"segment": shown, "customer_id": who, "answered": answered})
    if customers is None and behaviour is None:
        return members.iloc[:0]
    _leave(left, "respondents without a customer_id", "not matched with customers", int(who.isna().sum()))
    members = members.dropna(subset=["customer_id"]).sort_values("answered", kind="stable")
    last = members.drop_duplicates(["segment", "customer_id"], keep="last")
    _leave(left, "earlier answers of customers", "a customer counts once", len(members) - len(last))
    if customers is not None:
        if n := int(customers["customer_id"].duplicated().sum()):
            raise ValueError(f"`customer_id` of `customers` repeats {n} ids; give one row a customer")
        unknown = int((~last["customer_id"].isin(customers["customer_id"])).sum())
        _leave(left, "customers who answered", "not in the customers table", unknown)
    return last.sort_index()


def _groups(
    cards: _Cards, members: pd.DataFrame, customers: pd.DataFrame, ids: frozenset[str], left: list[dict[str, Any]]
) -> None:
    """Of each column of words the value whose share differs most from that among the others."""
    known = customers.set_index("customer_id").reindex(members["customer_id"])
    place = members["segment"].to_numpy()
    for column in known:
        label = capital_text(str(column).replace("_", " "))
        values, why = _words_of(str(column), known[column], customers[column], ids)
        if values is None:
            _leave(left, label, why, int(customers[column].nunique()))
            continue
        there = values.notna().to_numpy()
        counts = values.value_counts()
        _leave(left, f"{label}: values", f"fewer than {cards.min_base} customers", int((counts < cards.min_base).sum()))
        cells = sorted(counts.index[counts >= cards.min_base])
        flags = {cell: (values[there] == cell).to_numpy(float) for cell in cells}
        for segment in cards.segments:
            inside = place[there] == segment
            candidates = [_share(flags[cell], inside, cards.conf_level) | {"cell": cell} for cell in cells]
            if len(counts) == 2 and len(candidates) == 2:  # one share is what the other lacks: one test
                candidates = candidates[:1] if candidates[0]["apart"] >= 0 else candidates[1:]
            nobody = {"n": int(inside.sum()), "reason": f"no value has {cards.min_base} customers", "unit": "%"}
            cards.add(segment, "group", label, candidates or [nobody])


def _words_of(column: str, values: pd.Series, among: pd.Series, ids: frozenset[str]) -> tuple[pd.Series | None, str]:
    """The values of a column that tells groups of customers apart, as words; or why it is none ("" where it need not be told)."""
    if column in _NO_GROUPS or column.endswith("_id") or pd.api.types.is_datetime64_any_dtype(among):
        return None, ""
    if pd.api.types.is_bool_dtype(among):
        return values.map({True: "yes", False: "no"}), ""
    if pd.api.types.is_numeric_dtype(among):
        return None, "numbers are not compared"
    words = values.astype(object).where(values.notna()).map(str, na_action="ignore")
    distinct = sorted(among.dropna().astype(str).unique())
    if len(distinct) < 2:
        return None, "the same for all"
    if len(distinct) > MOST_VALUES:
        return None, f"more than {MOST_VALUES} values"
    if any(_holds_id(word, ids) for word in distinct) or mask_pii(distinct) != distinct:
        return None, "may name persons"
    return words, ""


def _tenure(cards: _Cards, members: pd.DataFrame, customers: pd.DataFrame, left: list[dict[str, Any]]) -> None:
    """Months from the start to the answer."""
    if "start_date" not in customers:
        return
    start = pd.to_datetime(customers.set_index("customer_id")["start_date"], utc=True)
    months = (members["answered"] - members["customer_id"].map(start)).dt.total_seconds() / _MONTH
    _leave(left, "customers who answered", "a start date after their answer", int((months < 0).sum()))
    _medians(cards, "tenure", "Tenure, months (median)", months.where(months >= 0), members["segment"])


def _behaviour(cards: _Cards, members: pd.DataFrame, behaviour: pd.DataFrame, currency: str) -> None:
    """Days since the last purchase, number of purchases, and their value."""
    if not behaviour.index.is_unique:
        n = int(behaviour.index.duplicated().sum())
        raise ValueError(f"the index of `behaviour` repeats {n} customers; give one row a customer")
    for column in behaviour:
        if column not in _BEHAVIOUR:
            raise ValueError(f"`behaviour` has the column `{column}`; {did_you_mean(str(column), _BEHAVIOUR)}")
        if not pd.api.types.is_numeric_dtype(behaviour[column]):
            raise ValueError(f"the column `{column}` of `behaviour` is {behaviour[column].dtype}; it needs numbers")
        if np.isinf(behaviour[column].to_numpy(float)).any():
            raise ValueError(f"the column `{column}` of `behaviour` has infinite values; leave them missing")
        fact = _BEHAVIOUR[str(column)] + (f", {currency}" if column == "value" and currency else "")
        figures = members["customer_id"].map(behaviour[column].astype(float))
        _medians(cards, "behaviour", f"{fact} (median)", figures, members["segment"])


def _medians(cards: _Cards, about: str, fact: str, values: pd.Series, place: pd.Series) -> None:
    there = values.notna().to_numpy()
    x, segments = values[there].to_numpy(float), place[there].to_numpy()
    for segment in cards.segments:
        inside = segments == segment
        own, others = (median_row(part, cards.conf_level) for part in (x[inside], x[~inside]))
        p_value, way, why = _tends_higher(x[inside], x[~inside])
        total = float(np.median(x)) if len(x) else math.nan
        cards.add(segment, about, fact, [_against(own, others, total, p_value, why, ratio=True, way=way)])


def _outcomes(
    cards: _Cards, shown: pd.Series, rows: pd.DataFrame, items: pd.DataFrame, left: list[dict[str, Any]]
) -> None:
    """NPS, and the share of the two best answers to questions about satisfaction overall."""
    asked = items[items["touchpoint"].isna() & items["role"].isin(["loyalty", "satisfaction"]) & items["low"].notna()]
    for _, item in asked.iterrows():
        if item["item"] not in rows or rows[item["item"]].isna().all():
            continue
        scored, unit, label = scored_answers(rows[item["item"]], item)
        there = scored.notna().to_numpy()
        values, place = scored[there].to_numpy(float), shown[there].to_numpy()
        _leave(left, f"respondents without an answer about {inside_text(label)}", "no answer", int((~there).sum()))
        for segment in cards.segments:
            inside = place == segment
            if unit == "%":
                row = _share(values, inside, cards.conf_level)
            else:
                own, others = (
                    mean_row(part, unit=unit, conf_level=cards.conf_level) for part in (values[inside], values[~inside])
                )
                row = _against(own, others, float(values.mean()), *_welch(values[inside], values[~inside]), ratio=False)
            cards.add(segment, "outcome", label, [row])


def _share(flags: Floats, inside: Bools, conf_level: float) -> dict[str, Any]:
    own, others = (share_row(part, conf_level=conf_level) for part in (flags[inside], flags[~inside]))
    total = 100 * float(flags.mean()) if len(flags) else math.nan
    p_value, why = _share_test(flags[inside], flags[~inside])
    return _against(own, others, total, p_value, why, ratio=True)


# ------------------------------------------------------------------------------------------------------ estimates and tests


def median_row(values: npt.ArrayLike, conf_level: float = 0.95) -> dict[str, Any]:
    """A median with its order-statistic interval: the d-th lowest to the d-th highest value, d from the binomial distribution.

    The interval holds at least `conf_level` for any distribution; NaN where the values are too few for one. The standard error
    is its half width over the normal quantile of the level that it truly has.

    >>> row = median_row(range(1, 11))
    >>> row["estimate"], row["conf_low"], row["conf_high"], row["n"]
    (5.5, 2.0, 9.0, 10)
    """
    check_conf_level(conf_level)
    x = np.sort(np.asarray(values, dtype=float))
    n = len(x)
    blank = dict.fromkeys(_FIGURES, math.nan) | {"conf_level": conf_level, "n": n, "unit": ""}
    if n == 0:
        return blank | {"reason": "nobody answered"}
    d = int(stats.binom.ppf((1 - conf_level) / 2, n, 0.5))
    if d == 0:
        return blank | {"estimate": float(np.median(x)), "reason": "too few for an interval"}
    low, high = float(x[d - 1]), float(x[n - d])
    reach = critical_value(1 - 2 * float(stats.binom.cdf(d - 1, n, 0.5)))
    figures = {
        "estimate": float(np.median(x)),
        "std_error": (high - low) / (2 * reach),
        "conf_low": low,
        "conf_high": high,
    }
    return blank | figures | {"reason": ""}


def _share_test(own: Floats, others: Floats) -> tuple[float, str]:
    """p of two shares being the same; and why there is none."""
    a, b, n, m = own.sum(), others.sum(), len(own), len(others)
    if not n or not m:
        return math.nan, "no answers among the others" if n else "no answers"
    pooled = (a + b) / (n + m)
    if pooled in (0, 1):
        return math.nan, "the same for all"
    if min(n, m) * min(pooled, 1 - pooled) < 5:
        return float(stats.fisher_exact(np.array([[a, n - a], [b, m - b]])).pvalue), ""
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    return two_sided_p((a / n - b / m) / error), ""


def _welch(own: Floats, others: Floats) -> tuple[float, str]:
    """p of two means being the same (Welch's test); and why there is none."""
    if min(len(own), len(others)) < 2:
        return math.nan, "too few answers for a test"
    a, b = own.var(ddof=1) / len(own), others.var(ddof=1) / len(others)
    if a + b == 0:
        return math.nan, "everybody answered the same"
    df = (a + b) ** 2 / (a**2 / (len(own) - 1) + b**2 / (len(others) - 1))
    return two_sided_p((own.mean() - others.mean()) / math.sqrt(a + b), df), ""


def _tends_higher(own: Floats, others: Floats) -> tuple[float, float, str]:
    """p of neither group tending higher (Brunner and Munzel), which does where above 0, and why there is no test.

    Where the groups do not overlap at all the statistic is not defined; the rank-sum test, without a correction, stands in.
    """
    if min(len(own), len(others)) < 2:
        return math.nan, 0.0, "too few answers for a test"
    if np.ptp(np.concatenate([own, others])) == 0:
        return math.nan, 0.0, "everybody has the same"
    ranked = stats.mannwhitneyu(own, others, use_continuity=False, method="asymptotic")
    above = float(ranked.statistic) / (len(own) * len(others))
    p_value = float(ranked.pvalue) if above in (0, 1) else float(stats.brunnermunzel(own, others).pvalue)
    return p_value, above - 0.5, ""


# ------------------------------------------------------------------------------------------------------------------- quotes


def _quotes(
    shown: pd.Series,
    rows: pd.DataFrame,
    comments: pd.DataFrame | None,
    ids: frozenset[str],
    labels: list[str],
    min_base: int,
) -> pd.DataFrame:
    """One to three quotes a segment: near to what all its comments say, and unlike each other. No quote stands for two segments."""
    if comments is None:
        return pd.DataFrame(columns=QUOTES)
    if "text" not in comments or not {"customer_id", "response_id"} & set(comments):
        raise ValueError(
            "`comments` needs the column `text`, and `customer_id` or `response_id` to know whose they are"
        )
    known = comments[comments["text"].notna()]
    known = known[known["in_period"].astype(bool)] if "in_period" in known else known
    place = _whose(shown, rows, known)
    known, place = known[place.notna().to_numpy()], place.dropna()
    texts = mask_pii(known["text"].map(lambda text: " ".join(str(text).split())))
    alone = pd.Series([f"alone {i}" for i in range(len(known))], index=known.index, dtype=object)
    people = (
        known["customer_id"].astype(object).where(known["customer_id"].notna(), alone)
        if "customer_id" in known
        else alone
    )
    said: set[str] = set()
    found: list[dict[str, Any]] = []
    for segment in labels:
        own = texts[place == segment]
        n = int(people[own.index].nunique())
        quotes = _nearest(own, ids, said) if n >= min_base else []
        said |= set(quotes)
        why = (
            "no comment is short enough, and without ids" if n >= min_base else f"n<{min_base}" if n else "no comments"
        )
        found += [{"segment": segment, "text": text, "n": float(n), "reason": ""} for text in quotes]
        if not quotes:
            found.append({"segment": segment, "text": "", "n": float(n) if n >= min_base else math.nan, "reason": why})
    return pd.DataFrame(found, columns=QUOTES)


def _whose(shown: pd.Series, rows: pd.DataFrame, comments: pd.DataFrame) -> pd.Series:
    """The segment of each comment: that of its response, else of its customer where they are in one segment only."""
    place = pd.Series(None, index=comments.index, dtype=object)
    for key in ("response_id", "customer_id"):
        if key in comments and key in rows:
            pairs = pd.DataFrame({"key": rows[key], "segment": shown}).dropna().drop_duplicates()
            one = pairs.drop_duplicates("key", keep=False).set_index("key")["segment"]
            place = place.where(place.notna(), comments[key].map(one).astype(object))
    return place


def _nearest(texts: pd.Series, ids: frozenset[str], said: set[str]) -> list[str]:
    """The quotes whose words are nearest to those of all texts (tf-idf, cosine)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    counts = texts.value_counts().sort_index()
    fit = sorted({quote for text in counts.index if (quote := _cut(text)) and not _holds_id(quote, ids)} - said)
    vectors = TfidfVectorizer(sublinear_tf=True)
    try:
        centre = counts.to_numpy(float) @ vectors.fit_transform(counts.index)
    except ValueError:  # no words at all
        return []
    quotes: list[str] = []
    if fit:
        matrix = vectors.transform(fit)
        near = np.round(matrix @ centre / max(float(np.linalg.norm(centre)), 1e-12), 12)
        alike = (matrix @ matrix.T).toarray()
        order = [int(i) for i in np.argsort(-near, kind="stable")]
        while order and len(quotes) < _QUOTES:
            first = order[0]
            quotes.append(fit[first])
            order = [i for i in order if alike[first, i] < _ALIKE]
    return quotes


def _cut(text: str) -> str:
    """The first sentences of a text, as many as a quote may hold; empty where they are too short or too long."""
    if len(text) <= _QUOTE_LENGTH:
        return text if len(text) >= _LEAST_LENGTH else ""
    kept = ""
    for sentence in _SENTENCE.split(text):
        longer = f"{kept} {sentence}".strip()
        if len(longer) + 2 > _QUOTE_LENGTH:
            break
        kept = longer
    return f"{kept} …" if len(kept) >= _LEAST_LENGTH else ""


def _ids(*tables: pd.DataFrame | None) -> frozenset[str]:
    """Every id of a person, account, answer or comment; short numbers are no ids to a reader."""
    found: set[str] = set()
    for table in tables:
        for column in () if table is None else table.columns[table.columns.astype(str).str.endswith("_id")]:
            found |= {str(value).casefold() for value in table[column].dropna().unique()}  # type: ignore[index]
    return frozenset(value for value in found if not (value.isdigit() and len(value) < 4))


def _holds_id(text: str, ids: frozenset[str]) -> bool:
    words = re.findall(r"[\w-]+", text.casefold())
    return any(word in ids for word in words) or any(part in ids for word in words for part in word.split("-"))


# -------------------------------------------------------------------------------------------------------------------- words


def _value(row: Mapping[Any, Any]) -> str:
    """A figure in words, with its interval; or why there is none."""
    if is_missing(row["estimate"]):
        return str(row["reason"]) or "not defined"
    estimate, low, high = row["estimate"], row["conf_low"], row["conf_high"]
    if row["about"] == "need" or (row["about"] == "kind" and "less" not in row["fact"]):
        side = "above" if estimate >= 0 else "below"
        ends = (low, high) if estimate >= 0 else (-high, -low)
        name = f"{row['cell']}: " if row["cell"] else ""
        unclear = "" if ends[0] > 0 else ", not clearly"
        finer = int(0 < ends[1] - ends[0] < 0.15)  # else the interval would vanish in the rounding
        interval = "" if is_missing(low) else f" ({interval_text(*ends, _POINTS, more=finer)})"
        return f"{name}{number_text(abs(estimate), 1 + finer)} points {side} their own average{interval}{unclear}"
    figure = _figure(row, "estimate") + ("" if is_missing(low) else f" ({interval_text(low, high, row['unit'])})")
    if row["about"] == "kind":
        more = "functional needs weigh more" if low > 0 else "emotional needs weigh more" if high < 0 else ""
        return f"{figure}: {more or 'neither clearly weighs more'}"
    return f"{row['cell']}: {figure}" if row["cell"] else figure


def _figure(row: Mapping[Any, Any], column: str) -> str:
    if row["about"] in ("need", "kind"):
        return number_text(row[column], 1, signed=True)
    return estimate_text(row[column], row["unit"])


def _naming(row: Mapping[Any, Any]) -> str:
    """A fact that is clearly apart, inside a sentence."""
    cell = f" {row['cell']}" if row["cell"] else ""
    head, comma, unit = str(row["fact"]).partition(",")
    others = "" if is_missing(row["others"]) else f" (others {_figure(row, 'others')})"
    return f"{inside_text(head)}{comma}{unit}{cell} {_figure(row, 'estimate')}{others}"


def _lack(row: Mapping[Any, Any]) -> str:
    """What is in no card; people are counted, columns named."""
    count = f": {row['n']:,}" if str(row["what"])[0].islower() else ""
    return f"{row['what']}{count} ({row['reason']})"


def _reading_words(row: Mapping[Any, Any]) -> str:
    if row["about"] == "size" or is_missing(row["estimate"]):
        return ""
    said = row["reason"] and row["reason"] != MADE_OF_IT  # the note says it once for all needs
    return f"{row['reading']}: {row['reason']}" if said else str(row["reading"])


def _slug(text: str) -> str:
    """A text as a part of a file's name."""
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_") or "segment"
