"""Who may have answered without care, and would the figures be others without them?

One row of `answers` is one respondent, one column one item, in the order of the questionnaire and on one scale; NaN is no
answer. Five rules flag respondents, none leaves anybody out: that takes `keep`, by rules that the caller names.

- `straight_liner`: the same answer to every item, over `least_items` answered items or more.
- `long_run`: the longest run of one answer in the order of the questionnaire is at least `least_items` long and at least
  three quarters of the answered items (so every straight-liner has one). The idea is Johnson's (*Journal of Research in
  Personality* 39, 2005), who read the length off the distribution of runs in long inventories with turned items; a fixed share
  is ours, so that it holds for any length. Items without an answer are passed over and do not end a run.
- `speeder`: fewer seconds an answered item than `fastest` (a third) of the median respondent's.
- `duplicate`: the same customer with the same answers as in an earlier row. The first row is not flagged.
- `impossible`: answers that cannot both be true, in pairs that the caller names.

What a flag does not say: that the person was careless. In a short battery in which all items point one way (satisfaction with
fourteen places, say) the same answer throughout is as likely contentment; `straight_answers` shows whether it is always the good
one. Speed is as likely practice, and a duplicate a form sent twice. Nor is whoever has no flag careful. So look at
`effect_of_exclusion` first: where the figure does not move, the question is idle; where it does, show both.

Refuses text, infinite answers and negative seconds. Sources: Johnson (2005); Meade & Craig, *Psychological Methods* 17 (2012).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.intervals import Floats
from cxlab.inference.sentences import base
from cxlab.problems import did_you_mean
from cxlab.survey.respondents import check_columns
from cxlab.wording import list_text

RULES = ("speeder", "straight_liner", "long_run", "duplicate", "impossible")
LONG_RUN_SHARE = 0.75  # of the answered items
EFFECT = (
    "group", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_excluded", "change", "unit", "reason",
)  # fmt: skip

_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_WORDS = {
    "speeder": "much faster than the others",
    "straight_liner": "the same answer to everything",
    "long_run": "the same answer to most items in a row",
    "duplicate": "the same customer with the same answers again",
    "impossible": "answers that cannot both be true",
}

Condition = tuple[Any, ...]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Careless:
    """Who is flagged, and why. Nobody is left out by this.

    `flags` has one row a respondent, with the index of the answers: one true-or-false column a rule (`RULES`), reasons (in words,
    empty for none), n_answered, longest_run, mean_answer and spread (mean and standard deviation of a person's own answers, in
    points of the scale: their response style), seconds_per_item. `judged` has the number of respondents each rule could be
    applied to, `why_not` the reason where that is none. `straight_answers` has one row an answer that straight-liners repeat:
    answer, n, share (percent of them).
    """

    flags: pd.DataFrame
    judged: Mapping[str, int]
    why_not: Mapping[str, str]
    n_items: int
    least_items: int
    fastest: float
    median_seconds_per_item: float
    straight_answers: pd.DataFrame

    @property
    def n(self) -> int:
        """Respondents, flagged or not."""
        return len(self.flags)

    @property
    def flagged(self) -> pd.Series:
        """Whether any rule flags a respondent."""
        return self.flags[list(RULES)].any(axis=1).rename("flagged")

    def counts(self) -> pd.DataFrame:
        """One row a rule, and "any" last: reason, n (flagged), share (percent of base), base (respondents whom the rule could
        be applied to), why_not. A rule that nobody could be judged by has the share NaN, and says why."""
        rows = [
            {"reason": rule, "n": int(self.flags[rule].sum()), "base": self.judged[rule], "why_not": self.why_not[rule]}
            for rule in RULES
        ]
        rows.append(
            {
                "reason": "any",
                "n": int(self.flagged.sum()),
                "base": self.n,
                "why_not": "" if self.n else "no respondents",
            }
        )
        table = pd.DataFrame(rows)
        share = 100 * table["n"] / table["base"].where(table["base"] > 0)
        return table.assign(share=share)[["reason", "n", "share", "base", "why_not"]]

    def keep(self, rules: Sequence[str]) -> pd.Series:
        """Whom to keep if those flagged by these rules are left out; the rules have to be named, there is no default.

        Raises ValueError for an unknown rule, and for one that nobody could be judged by.
        """
        for rule in _listed(rules, "rules"):
            if rule not in RULES:
                raise ValueError(f"there is no rule `{rule}`; {did_you_mean(rule, RULES)}")
            if not self.judged[rule]:
                raise ValueError(f"nobody can be left out as `{rule}`: {self.why_not[rule]}; leave the rule out")
        return ~self.flags[list(rules)].any(axis=1).rename("keep")

    def to_frame(self) -> pd.DataFrame:
        return self.flags.copy()

    def headline(self) -> str:
        """How many are flagged, by which rules; and that nobody was left out."""
        counted = {rule: int(self.flags[rule].sum()) for rule in RULES}
        unknown = [rule.replace("_", " ") for rule in RULES if not self.judged[rule]]
        lack = f" Not looked at: {list_text(unknown)}." if unknown else ""
        count = int(self.flagged.sum())
        if count == 0:
            return f"No respondent is flagged ({base(self.n)}).{lack}"
        parts = [f"{_WORDS[rule]} {counted[rule]:,}" for rule in RULES if counted[rule]]
        return f"{count:,} of {self.n:,} respondents ({count / self.n:.0%}) are flagged and kept: {list_text(parts)}.{lack}"


def careless(
    answers: pd.DataFrame,
    *,
    items: Sequence[str] | None = None,
    seconds: pd.Series | None = None,
    least_items: int = 8,
    fastest: float = 1 / 3,
    ids: pd.Series | None = None,
    pairs: Sequence[Sequence[Any]] = (),
) -> Careless:
    """Flag respondents who may not have answered with care.

    `items` are the columns of one battery in the order of the questionnaire (all columns where none are named); items on
    different scales belong into different calls. `seconds` is the time each respondent took for them, `ids` whose answers they
    are; both with the index of `answers`. Without them nobody is judged a speeder, or a duplicate.

    Each of `pairs` is what cannot be: one condition, or several that cannot all be true at once. A condition is `(column,
    relation, column or number)` with one of < <= > >= == !=, or `(column, "answered")`. A condition on a missing answer is not
    true. The columns need not be among the items.

    >>> answers = pd.DataFrame({"a": [5, 4], "b": [5, 2], "c": [5, 3]})
    >>> careless(answers, least_items=3, pairs=[("b", ">", "a"), (("a", "==", 4), ("b", "answered"))]).flags["reasons"].tolist()
    ['straight_liner; long_run', 'impossible (a == 4 and b answered)']
    """
    names = list(answers.columns) if items is None else _listed(items, "items")
    if not names:
        raise ValueError("`items` is empty; name the columns of one battery")
    if twice_named := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"`{twice_named[0]}` is among the items twice; name each once")
    if int(least_items) != least_items or least_items < 2:
        raise ValueError(f"`least_items` must be a whole number from 2 upwards, got {least_items!r}; 8 is usual")
    if not 0 < fastest < 1:
        raise ValueError(f"`fastest` is a share of the median time, between 0 and 1, got {fastest!r}; a third is usual")
    values = _matrix(answers, names)
    n_answered = (~np.isnan(values)).sum(axis=1)
    runs = np.array([_longest_run(row) for row in values], dtype=np.int64)
    enough = n_answered >= least_items
    per_item, limit = _pace(seconds, answers, n_answered, fastest)
    twice, known_ids = _duplicates(ids, answers, values, n_answered)
    broken, asked = _impossible(pairs, answers)
    straight = enough & _all_alike(values)
    found = {
        "speeder": per_item < limit,  # NaN is not below anything
        "straight_liner": straight,
        "long_run": enough & (runs >= np.maximum(least_items, np.ceil(LONG_RUN_SHARE * n_answered))),
        "duplicate": twice,
        "impossible": np.array([bool(said) for said in broken], dtype=bool),
    }
    judged = {
        "speeder": int((~np.isnan(per_item)).sum()),
        "straight_liner": int(enough.sum()),
        "long_run": int(enough.sum()),
        "duplicate": int(known_ids.sum()),
        "impossible": int(asked.sum()),
    }
    few = f"nobody answered {least_items} of the {len(names)} items"
    lacks = {
        "speeder": "no `seconds` were given" if seconds is None else "no respondent has both seconds and an answer",
        "straight_liner": few,
        "long_run": few,
        "duplicate": "no `ids` were given" if ids is None else "no respondent has both a customer and an answer",
        "impossible": "no `pairs` were given" if not len(pairs) else "nobody answered all that a pair is about",
    }
    own_mean, own_spread = _style(values, n_answered)
    flags = pd.DataFrame(found, index=answers.index).assign(
        reasons=_reasons(found, broken),
        n_answered=n_answered,
        longest_run=runs,
        mean_answer=own_mean,
        spread=own_spread,
        seconds_per_item=per_item,
    )
    return Careless(
        flags,
        judged,
        {rule: "" if judged[rule] else lacks[rule] for rule in RULES},
        len(names),
        int(least_items),
        float(fastest),
        limit / fastest,
        _straight_answers(values[straight]),
    )


def effect_of_exclusion(
    responses: pd.DataFrame,
    flags_keep: Careless | Mapping[str, pd.Series],
    measure: Callable[[pd.DataFrame], Any],
) -> pd.DataFrame:
    """A figure of all respondents, and without those whom each rule flags.

    One row a group: "all", then "without <reason>". Columns: group, estimate, std_error, conf_low, conf_high, conf_level, n, n_excluded
    (respondents left out, with or without an answer to this question), change (estimate − that of all), unit, reason (why
    a figure is NaN). `flags_keep` is the result of `careless` (then one row a rule that somebody could be judged by, and
    "any"), or for each reason whom to keep. `measure` makes an estimate of a part of `responses`, for example
    `lambda part: nps(part["ltr"])`.

    `change` has no interval and is no test: both figures are about the same people. Hold it against the interval of "all".
    """
    kept = _kept(flags_keep)
    whole = _measured(measure, responses)
    rows = [{"group": "all", **whole, "n_excluded": 0, "change": 0.0 if math.isfinite(whole["estimate"]) else math.nan}]
    for reason, keep in kept.items():
        if not isinstance(keep, pd.Series) or not keep.index.equals(responses.index):
            raise ValueError(f"`{reason}` must be a Series with the index of the responses; take both from one table")
        if not pd.api.types.is_bool_dtype(keep.dtype) or keep.isna().any():
            raise ValueError(
                f"`{reason}` must say true (keep) or false of everyone, got {keep.dtype}; fill in what is missing"
            )
        mask = keep.to_numpy(dtype=bool)
        if mask.any():
            part = _measured(measure, responses[mask])
        else:
            part = dict.fromkeys(whole, math.nan) | {
                "conf_level": whole["conf_level"], "n": 0, "unit": whole["unit"], "reason": "nobody is left",
            }  # fmt: skip
        change = part["estimate"] - whole["estimate"]
        rows.append({"group": f"without {reason}", **part, "n_excluded": int((~mask).sum()), "change": change})
    return pd.DataFrame(rows, columns=EFFECT)


def _kept(flags_keep: Careless | Mapping[str, pd.Series]) -> Mapping[str, pd.Series]:
    if not isinstance(flags_keep, Careless):
        return flags_keep
    judged = [rule for rule in RULES if flags_keep.judged[rule]]
    return {rule: flags_keep.keep([rule]) for rule in judged} | {"any": flags_keep.keep(judged)}


def _measured(measure: Callable[[pd.DataFrame], Any], part: pd.DataFrame) -> dict[str, Any]:
    made = measure(part)
    fields = ("estimate", "std_error", "conf_low", "conf_high", "conf_level", "n")
    if lacking := [field for field in fields if not hasattr(made, field)]:
        raise ValueError(
            f"`measure` gave a {type(made).__name__} without `{lacking[0]}`; let it return an estimate, such as `nps` does"
        )
    about = {"unit": getattr(made, "unit", ""), "reason": getattr(made, "reason", "")}
    return {field: getattr(made, field) for field in fields} | about


def _listed(given: Sequence[str], name: str) -> list[str]:
    if isinstance(given, str):
        raise ValueError(f'`{name}` must be a list of names, got "{given}"; write ["{given}"]')
    return list(given)


def _matrix(answers: pd.DataFrame, names: list[str]) -> Floats:
    """The answers as floats, one row a respondent."""
    return np.column_stack([_column(answers, name) for name in names])


def _column(answers: pd.DataFrame, name: str) -> Floats:
    check_columns(answers, [name])
    if not isinstance(column := answers[name], pd.Series):
        raise ValueError(f"the table has several columns `{name}`; give each a name of its own")
    return _floats(column, name)


def _floats(column: pd.Series, name: str) -> Floats:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    if (lost := column.notna().to_numpy() & np.isnan(values)).any():
        raise ValueError(
            f"`{name}` must be numbers, got {column[lost].iloc[0]!r}; code the answers, or leave it out of `items`"
        )
    if np.isinf(values).any():
        raise ValueError(f"`{name}` must be finite, got {values[np.isinf(values)][0]:g}; write NaN for no answer")
    return values


def _beside(column: pd.Series, answers: pd.DataFrame, name: str) -> pd.Series:
    """A column that runs beside the answers."""
    if not isinstance(column, pd.Series) or not column.index.equals(answers.index):
        raise ValueError(f"`{name}` must be a Series with the index of the answers; take both from one table")
    return column


def _longest_run(row: Floats) -> int:
    """The longest stretch of equal answers; items without one are passed over."""
    known = row[~np.isnan(row)]
    if known.size == 0:
        return 0
    ends = np.flatnonzero(np.append(known[1:] != known[:-1], True))
    return int(np.diff(ends, prepend=-1).max())


def _all_alike(values: Floats) -> Flags:
    lowest, highest = np.where(np.isnan(values), np.inf, values), np.where(np.isnan(values), -np.inf, values)
    return lowest.min(axis=1) == highest.max(axis=1)


def _style(values: Floats, n_answered: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean and standard deviation (of all answers of a person, not a sample of them) within each respondent."""
    known = n_answered > 0
    mean, spread = np.full(len(values), math.nan), np.full(len(values), math.nan)
    mean[known] = np.nanmean(values[known], axis=1)
    spread[known] = np.where(_all_alike(values[known]), 0.0, np.nanstd(values[known], axis=1))
    return mean, spread


def _pace(
    seconds: pd.Series | None, answers: pd.DataFrame, n_answered: npt.NDArray[np.int64], fastest: float
) -> tuple[Floats, float]:
    """Seconds an answered item, and below how many one is a speeder."""
    if seconds is None:
        return np.full(len(answers), math.nan), math.nan
    spent = _floats(_beside(seconds, answers, "seconds"), "seconds")
    if (spent < 0).any():
        raise ValueError(
            f"`seconds` must not be negative, got {spent[spent < 0][0]:g}; write NaN where the time is not known"
        )
    pace = np.divide(spent, n_answered, out=np.full(len(spent), math.nan), where=n_answered > 0)
    known = pace[~np.isnan(pace)]
    return pace, fastest * float(np.median(known)) if known.size else math.nan


def _duplicates(
    ids: pd.Series | None, answers: pd.DataFrame, values: Floats, n_answered: npt.NDArray[np.int64]
) -> tuple[Flags, Flags]:
    """Who repeats an earlier row, and of whom that could be known."""
    if ids is None:
        return np.zeros(len(answers), dtype=bool), np.zeros(len(answers), dtype=bool)
    owner = _beside(ids, answers, "ids").reset_index(drop=True)
    known = owner.notna().to_numpy() & (n_answered > 0)
    rows = pd.DataFrame(values).assign(owner=owner)
    again = np.zeros(len(answers), dtype=bool)
    again[known] = rows[known].duplicated(keep="first")
    return again, known


def _impossible(pairs: Sequence[Sequence[Any]], answers: pd.DataFrame) -> tuple[list[list[str]], Flags]:
    """What each respondent said that cannot be, in words; and of whom that could be known."""
    broken: list[list[str]] = [[] for _ in range(len(answers))]
    asked = np.zeros(len(answers), dtype=bool)
    if isinstance(pairs, str):
        raise ValueError(f'`pairs` must be a list of conditions such as ("b", ">", "a"), got "{pairs}"')
    for pair in pairs:
        conditions = [tuple(pair)] if len(pair) and isinstance(pair[0], str) else [tuple(part) for part in pair]
        if not conditions:
            raise ValueError('a pair without a condition is in `pairs`; write one such as ("b", ">", "a")')
        holds, known = np.ones(len(answers), dtype=bool), np.ones(len(answers), dtype=bool)
        for condition in conditions:
            true, there = _condition(condition, answers)
            holds, known = holds & true, known & there
        asked |= known
        words = " and ".join(" ".join(f"{part}" for part in condition) for condition in conditions)
        for place in np.flatnonzero(holds):
            broken[place].append(words)
    return broken, asked


def _condition(condition: Condition, answers: pd.DataFrame) -> tuple[Flags, Flags]:
    """For whom a condition is true, and for whom that could be known."""
    way_out = 'write ("b", ">", "a"), ("b", "==", 5) or ("b", "answered")'
    if len(condition) not in (2, 3) or (len(condition) == 2 and condition[1] != "answered"):
        raise ValueError(f"`pairs` holds {condition!r}, which is no condition; {way_out}")
    column = str(condition[0])
    left = _column(answers, column)
    if len(condition) == 2:
        return ~np.isnan(left), np.ones(len(left), dtype=bool)
    relation, other = condition[1:]
    if relation not in _RELATIONS:
        raise ValueError(f"`pairs` holds the relation {relation!r}; known: {' '.join(_RELATIONS)}")
    if isinstance(other, str):
        right = _column(answers, other)
    elif isinstance(other, (int, float, np.number)) and math.isfinite(other):
        right = np.full(len(left), float(other))
    else:
        raise ValueError(f"`pairs` compares `{column}` with {other!r}; {way_out}")
    known = ~np.isnan(left) & ~np.isnan(right)
    return known & np.asarray(_RELATIONS[relation](left, right), dtype=bool), known


def _reasons(found: Mapping[str, Flags], broken: list[list[str]]) -> list[str]:
    """All that a respondent is flagged for."""
    said = []
    for place, rules in enumerate(zip(*(found[rule] for rule in RULES), strict=True)):
        names = [rule for rule, holds in zip(RULES, rules, strict=True) if holds]
        said.append(
            "; ".join(f"{name} ({', '.join(broken[place])})" if name == "impossible" else name for name in names)
        )
    return said


def _straight_answers(values: Floats) -> pd.DataFrame:
    """One row an answer that straight-liners repeat: answer, n, share (percent of straight-liners)."""
    counts = pd.Series(np.nanmax(values, axis=1), dtype=float).value_counts().sort_index()
    share = 100 * counts / max(counts.sum(), 1)
    return pd.DataFrame(
        {"answer": counts.index.to_numpy(dtype=float), "n": counts.to_numpy(), "share": share.to_numpy()}
    )
