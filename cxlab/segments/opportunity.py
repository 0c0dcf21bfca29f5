"""Which needs matter and are badly served, and do people say the same needs matter that go with their loyalty?

One row in is one respondent. `opportunity` takes pairs of questions about the same thing, how important it is and how satisfied
one is with it, and places each need on the opportunity map. `said_against_derived` holds the importance that people state
against one that was derived from how their answers go with an outcome.

**The opportunity score** is importance + max(importance − satisfaction, 0), both 0 to 10: ten times the share of the two best
answers (Ulwick, *Harvard Business Review* 80, 2002; *What Customers Want*, 2005). It is shown because people ask for it; its
weaknesses are not small, and `gap`, the mean of a person's importance − satisfaction in points of the scale, stands beside it:

- Importance counts twice where it lies above satisfaction: the score is then 2·importance − satisfaction. Of two needs with
  the same shortfall the more important one wins by its importance alone, and a point of importance is worth two of satisfaction.
- The line at 10 is a convention, and nothing about customers. Only the two best answers count; who ticks 1 and who ticks 3
  is the same.
- Style: a group that ticks everything one answer higher has other shares, and so another score, with the same needs. The gap
  of a person with the same style in both questions is the same. Do not compare scores of countries or segments that tick
  differently; compare gaps, or the order of needs within each.
- Importance and satisfaction are two questions on two scales that happen to have the same numbers; neither difference has a
  natural zero. Nothing here says that serving a need would change anything: for that see the drivers.

**Derived importance** is passed in, with the function that derives it, so that it can be derived again for every bootstrap
sample. That stated and derived importance disagree is the rule: nearly everything is said to be important, and what everybody
gets does not go with the outcome. Neither is the true one.

Intervals are bootstrap percentiles by respondent. They count the luck of the draw, not who never answered. Luck moves ranks
about and so pulls τ towards 0, and that of bootstrap samples once more; its interval therefore reaches as far as the percentile
interval or the basic one (turned about the estimate), whichever goes further. In thirteen planted cases of 8 and 15 needs and
200 to 1,000 respondents a 95% interval of τ held the truth in 82 to 100% of samples; in one whose needs lie closer together than
their errors, in 34%: an order of such needs is luck, and its τ lies too near to 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from cxlab.data.answers import best_answers
from cxlab.inference import mean_row
from cxlab.inference.intervals import Floats, check_conf_level, check_weights
from cxlab.problems import did_you_mean
from cxlab.wording import interval_text, list_text, number_text

UNDER_SERVED = 10.0  # the opportunity score above which a need counts as under-served (Ulwick 2005)
LEAST_NEEDS = 3
_ENOUGH = 0.9  # of the bootstrap samples must give a derived importance, else there is no interval
_CHUNK = 2**22  # counts held at once


@dataclass(frozen=True)
class Opportunity:
    """The opportunity map: `table` has one row a need, within each group where groups were asked for.

    Columns: the group (named as `by`), need, importance_item, satisfaction_item; importance and satisfaction (0 to 10), each
    with `_low` and `_high`; unmet, unmet_low, unmet_high (importance − satisfaction, 0 to 10 each); estimate (the opportunity
    score, 0 to 20), std_error, conf_low, conf_high, conf_level, n (respondents who answered both questions), n_missing (who did
    not), gap (mean importance − satisfaction of a person, points of the scale), gap_std_error, gap_low, gap_high, reading and
    reason. Highest score first within a group.

    `reading` is "under-served" (the interval of the score lies above 10), "over-served" (that of `unmet` lies below 0: more
    people are satisfied than find it important), "appropriate" (the score lies below 10 and `unmet` above 0) or "not clear".
    Each interval stands for itself: of twenty needs on one of these lines one is expected on the wrong side of it.

    `n_without_group` counts respondents who belong to no group; they are in no row. Small bases are shown: hide them.
    """

    table: pd.DataFrame
    by: str | None
    conf_level: float
    weighted: bool
    n_respondents: int
    n_without_group: int

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def headline(self) -> str:
        """How many needs are clearly under-served or over-served, and which score is highest."""
        counts = self.table["reading"].value_counts()
        needs = self.table["need"].nunique()
        what = f"{needs} needs"
        if self.by is not None:
            what += f" in {self.table[self.by].nunique()} groups ({len(self.table)} scores)"
        said = list_text(
            f"{counts.get(word, 0)} {'is' if counts.get(word, 0) == 1 else 'are'} {word}"
            for word in ("under-served", "over-served", "appropriate", "not clear")
        )
        known = self.table[self.table["estimate"].notna()]
        if known.empty:
            return f"Of {what} none can be scored: nobody answered both questions."
        top = known.to_dict("records")[int(known["estimate"].to_numpy().argmax())]
        where = "" if self.by is None else f" in {top[self.by]}"
        ends = interval_text(top["conf_low"], top["conf_high"], "0 to 20")
        score = f"{number_text(top['estimate'], 1)} of 20, {ends}, n {top['n']:,}"
        return f"Of {what} {said}; the highest score is that of “{top['need']}”{where} ({score})."


@dataclass(frozen=True)
class SaidAgainstDerived:
    """Stated against derived importance.

    `table` has one row a need, most important by its statement first: need, item, estimate (weighted mean of the stated
    importance), std_error, conf_low, conf_high, conf_level, n, n_missing, reason; derived, derived_low, derived_high (as passed
    in); stated_rank and derived_rank (1 is most important, ties share the mean rank); rank_difference (stated − derived: above
    0, it goes with the outcome more than people say), rank_difference_low and _high (bootstrap) and `reading`: "derived more",
    "said more", or "not clear" where the interval holds 0.

    `tau` is one row: Kendall's τ-b of the two orders (1 the same, 0 unrelated, −1 opposite) with its interval, n and reason.
    `not_asked` are drivers without a stated importance; they are in no figure. `n_failed` of `n_boot` bootstrap samples gave no
    derived importance, and are left out.
    """

    table: pd.DataFrame
    tau: pd.DataFrame
    not_asked: tuple[str, ...]
    n_boot: int
    n_failed: int

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def headline(self) -> str:
        """Whether the two orders agree, and the need of which they differ most and clearly."""
        row = self.tau.to_dict("records")[0]
        needs = f"of {len(self.table)} needs"
        if math.isnan(row["estimate"]):
            return f"Whether stated and derived importance {needs} agree cannot be said: {row['reason']}."
        tau = f"Kendall’s τ {number_text(row['estimate'], 2)}"
        if math.isnan(row["conf_low"]):
            return (
                f"Stated and derived importance {needs}: {tau}, without an interval: {row['reason']} (n {row['n']:,})."
            )
        ends = f"{number_text(row['conf_low'], 2)} to {number_text(row['conf_high'], 2)}"
        verdict = "do not clearly agree"
        if row["conf_low"] > 0:
            verdict = "go together"
        elif row["conf_high"] < 0:
            verdict = "contradict each other"
        said = f"Stated and derived importance {needs} {verdict}: {tau} ({ends}; n {row['n']:,})"
        apart = self.table[self.table["reading"].isin(["derived more", "said more"])]
        if apart.empty:
            return f"{said}; no need clearly ranks differently."
        far = apart.to_dict("records")[int(apart["rank_difference"].abs().to_numpy().argmax())]
        return f"{said}; “{far['need']}” is number {far['stated_rank']:g} as stated and {far['derived_rank']:g} as derived."


def opportunity(
    answers: pd.DataFrame,
    pairs: Mapping[str, tuple[str, str]],
    *,
    scale: tuple[float, float] = (1, 5),
    weights: str | npt.ArrayLike | None = None,
    by: str | None = None,
    conf_level: float = 0.95,
    n_boot: int = 1_000,
    random_state: Any = None,
) -> Opportunity:
    """The opportunity score of each need, with an interval, and the mean gap beside it.

    `pairs` is need → (column of its importance, column of the satisfaction with it), all answered on `scale`. Up to ten points
    of scale the two best answers count, on longer ones the upper fifth. `weights` are sampling weights, a column of `answers` or
    one for each respondent: a respondent with weight 2 counts as two in every figure, and as one person in the interval. `by`
    is the column of the segment; each is drawn again on its own. A respondent counts for a need if both questions were answered.

    Raises ValueError for columns that are not there, answers off the scale, impossible weights and settings.

    >>> answers = pd.DataFrame({"i": [5, 5, 4, 4, 2], "s": [2, 4, 3, 1, 5]})
    >>> table = opportunity(answers, {"speed": ("i", "s")}, n_boot=200, random_state=0).to_frame()
    >>> table[["importance", "satisfaction", "estimate"]].values.tolist()
    [[8.0, 4.0, 12.0]]
    """
    _check_settings(conf_level, n_boot)
    scored = _scored(answers, pairs, scale, by)
    w = _weights(answers, weights)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    groups = list(_groups(answers, by))
    tables = []
    with threadpool_limits(1):
        for (name, inside), stream in zip(groups, np.random.SeedSequence(seed).spawn(len(groups)), strict=True):
            rng = np.random.default_rng(stream)
            table = _map([part[inside] for part in scored], w[inside], pairs, conf_level, n_boot, rng)
            tables.append(table if by is None else table.assign(**{by: name})[[by, *table.columns]])
    return Opportunity(
        table=pd.concat(tables, ignore_index=True),
        by=by,
        conf_level=conf_level,
        weighted=weights is not None,
        n_respondents=len(answers),
        n_without_group=0 if by is None else int(answers[by].isna().sum()),
    )


def said_against_derived(
    answers: pd.DataFrame,
    importance: Sequence[str] | Mapping[str, str],
    derived: pd.DataFrame,
    *,
    derive: Callable[[pd.DataFrame], pd.Series] | None = None,
    weights: str | npt.ArrayLike | None = None,
    conf_level: float = 0.95,
    n_boot: int = 500,
    random_state: Any = None,
) -> SaidAgainstDerived:
    """How important each need is said to be, against how important it is by what goes with an outcome.

    `importance` are the columns of stated importance, or need → column where the derived importance goes by other names.
    `derived` has one row a need: driver (or item), estimate, and where known conf_low and conf_high. `derive` gives the derived
    importance of a table of respondents (rows of `answers` with all their columns) as a Series by need, the same one that
    `derived` came from; it is called for every bootstrap sample. Where answers are missing or weighted, that is its business.
    Without it there is no interval of τ and of rank differences. `weights` are those of the stated means.

    Raises ValueError for columns that are not there, a need without derived importance, fewer than three needs, and a `derive`
    that puts all respondents' needs in another order than `derived` does.
    """
    _check_settings(conf_level, n_boot)
    columns = dict(importance) if isinstance(importance, Mapping) else {item: item for item in importance}
    if len(columns) < LEAST_NEEDS:
        raise ValueError(f"an order needs at least {LEAST_NEEDS} needs, `importance` names {len(columns)}")
    _check_columns(answers, columns.values())
    given = _derived(derived, list(columns))
    stated = np.column_stack([_numbers(answers[column], column) for column in columns.values()])
    w = _weights(answers, weights)
    orders, why = None, "pass `derive` to have one"
    n_failed = 0
    if derive is not None:
        _check_derive(derive(answers), given["estimate"])
        rng = np.random.default_rng(check_random_state(random_state).randint(np.iinfo(np.int32).max))
        with threadpool_limits(1):
            orders = _drawn_again(answers, stated, w, list(columns), derive, n_boot, rng)
        n_failed = n_boot - len(orders)
        if n_failed > (1 - _ENOUGH) * n_boot:
            orders, why = None, f"{n_failed} of {n_boot} bootstrap samples gave no derived importance"
    table = _needs_table(columns, stated, w, given, conf_level)
    return SaidAgainstDerived(
        table=_ranked(table, orders, conf_level).sort_values("stated_rank", kind="stable", ignore_index=True),
        tau=_agreement(table, orders, why, len(answers), conf_level),
        not_asked=tuple(name for name in _names_of(derived) if name not in columns),
        n_boot=0 if derive is None else n_boot,
        n_failed=n_failed,
    )


# ------------------------------------------------------------------------------------------------------- opportunity


def _scored(
    answers: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], scale: tuple[float, float], by: str | None
) -> list[Floats]:
    """Important (1 or 0), satisfied (1 or 0), importance, satisfaction: respondents × needs, NaN unless both are answered."""
    if not pairs:
        raise ValueError("`pairs` is empty; give need → (importance column, satisfaction column)")
    for need, pair in pairs.items():
        if isinstance(pair, str) or len(pair) != 2:
            raise ValueError(f"`pairs[{need!r}]` must be (importance column, satisfaction column), got {pair!r}")
    _check_columns(answers, [column for pair in pairs.values() for column in pair] + ([] if by is None else [by]))
    if by in _COLUMNS:
        raise ValueError(f"the group column must not be called `{by}`, as a column of the result is; rename it")
    low, high = scale
    if not low < high:
        raise ValueError(f"`scale` must rise, got {scale!r}")
    asked = [
        np.column_stack([_numbers(answers[pair[which]], pair[which], scale) for pair in pairs.values()])
        for which in (0, 1)
    ]
    alone = np.isnan(asked[0]) | np.isnan(asked[1])
    asked = [np.where(alone, math.nan, values) for values in asked]
    best = [np.column_stack([best_answers(pd.Series(column), low, high) for column in values.T]) for values in asked]
    return best + asked


def _map(
    scored: list[Floats],
    w: Floats,
    pairs: Mapping[str, tuple[str, str]],
    conf_level: float,
    n_boot: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The opportunity map of one group."""
    there = ~np.isnan(scored[0])
    n = there.sum(axis=0)
    own = _figures(np.ones((1, len(w))), scored, w)
    drawn = [_figures(counts, scored, w) for counts in _counts(len(w), n_boot, rng)]
    rows = []
    for j, (need, (asked, rated)) in enumerate(pairs.items()):
        row: dict[str, Any] = {"need": need, "importance_item": asked, "satisfaction_item": rated}
        for name, values in own.items():
            error, *ends = _interval(np.concatenate([part[name][:, j] for part in drawn]), conf_level)
            row |= dict(
                zip((name, f"{name}_error", f"{name}_low", f"{name}_high"), (values[0, j], error, *ends), strict=True)
            )
        gap = mean_row((scored[2] - scored[3])[:, j], weights=w, conf_level=conf_level)
        row |= {
            "std_error": row["estimate_error"], "conf_low": row["estimate_low"], "conf_high": row["estimate_high"],
            "conf_level": conf_level, "n": int(n[j]), "n_missing": int(len(w) - n[j]), "gap": gap["estimate"],
            "gap_std_error": gap["std_error"], "gap_low": gap["conf_low"], "gap_high": gap["conf_high"],
        }  # fmt: skip
        rows.append(row | {"reading": _reading(row), "reason": _why(row)})
    return pd.DataFrame(rows, columns=_COLUMNS).sort_values(
        "estimate", ascending=False, kind="stable", ignore_index=True
    )


_COLUMNS = [
    "need", "importance_item", "satisfaction_item", "importance", "importance_low", "importance_high", "satisfaction",
    "satisfaction_low", "satisfaction_high", "unmet", "unmet_low", "unmet_high", "estimate", "std_error", "conf_low", "conf_high",
    "conf_level", "n", "n_missing", "gap", "gap_std_error", "gap_low", "gap_high", "reading", "reason",
]  # fmt: skip


def _counts(n: int, n_boot: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each respondent is in each bootstrap sample, some samples at a time."""
    size = max(1, _CHUNK // max(n, 1))
    for at in range(0, n_boot, size):
        yield rng.multinomial(n, np.full(n, 1 / n), size=min(size, n_boot - at)).astype(float)


def _figures(counts: Floats, scored: list[Floats], w: Floats) -> dict[str, Floats]:
    """Importance, satisfaction, what is unmet, and the score; samples × needs, NaN where nobody answered both questions."""
    mass = counts * w
    there = ~np.isnan(scored[0])
    base = mass @ there.astype(float)
    shares = [
        np.divide(mass @ np.where(there, flags, 0.0), base, out=np.full(base.shape, math.nan), where=base > 0)
        for flags in scored[:2]
    ]
    important, satisfied = (10 * np.clip(share, 0, 1) for share in shares)
    unmet = important - satisfied
    return {
        "importance": important,
        "satisfaction": satisfied,
        "unmet": unmet,
        "estimate": important + np.maximum(unmet, 0),
    }


def _interval(drawn: Floats, conf_level: float) -> tuple[float, float, float]:
    """Standard error and percentiles; NaN where the samples do not differ, which says that the base is too small to know."""
    known = drawn[~np.isnan(drawn)]
    if len(known) < _ENOUGH * len(drawn) or np.ptp(known) < 1e-9:
        return math.nan, math.nan, math.nan
    return float(known.std(ddof=1)), *_ends(known, conf_level)


def _ends(drawn: Floats, conf_level: float) -> tuple[Any, Any]:
    """Percentiles of bootstrap samples, down the first axis."""
    low, high = np.quantile(drawn, [(1 - conf_level) / 2, (1 + conf_level) / 2], axis=0)
    return low, high


def _reading(row: Mapping[str, Any]) -> str:
    if row["conf_low"] > UNDER_SERVED:
        return "under-served"
    if row["unmet_high"] < 0:
        return "over-served"
    if row["conf_high"] < UNDER_SERVED and row["unmet_low"] > 0:
        return "appropriate"
    return "not clear"


def _why(row: Mapping[str, Any]) -> str:
    if row["n"] == 0:
        return "nobody answered both questions"
    if not math.isnan(row["conf_low"]):
        return ""
    return (
        "a single respondent shows no spread"
        if row["n"] == 1
        else "the samples drawn again do not differ, or lack answers"
    )


def _groups(answers: pd.DataFrame, by: str | None) -> Iterator[tuple[Any, npt.NDArray[np.bool_]]]:
    """Each group in the order of its name, and who belongs to it."""
    if len(answers) == 0:
        raise ValueError("there are no respondents")
    if by is None:
        yield None, np.ones(len(answers), dtype=bool)
        return
    names = sorted(answers[by].dropna().unique().tolist(), key=str)
    if not names:
        raise ValueError(f"nobody belongs to a group: `{by}` is missing for all {len(answers)} respondents")
    for name in names:
        yield name, (answers[by] == name).fillna(False).to_numpy(dtype=bool)


# -------------------------------------------------------------------------------------------------- said against derived


def _needs_table(
    columns: Mapping[str, str], stated: Floats, w: Floats, given: pd.DataFrame, conf_level: float
) -> pd.DataFrame:
    rows = []
    for j, (need, column) in enumerate(columns.items()):
        row = mean_row(stated[:, j], weights=w, conf_level=conf_level)
        row |= {"need": need, "item": column, "n_missing": len(w) - row["n"]}
        ends = {"derived": "estimate", "derived_low": "conf_low", "derived_high": "conf_high"}
        rows.append(row | {name: float(given[end][need]) for name, end in ends.items()})
    table = pd.DataFrame(rows)
    return table.assign(stated_rank=_ranks(table["estimate"]), derived_rank=_ranks(table["derived"]))


def _ranked(table: pd.DataFrame, orders: Floats | None, conf_level: float) -> pd.DataFrame:
    """The table with the difference of ranks, its interval, and what it says."""
    table = table.assign(rank_difference=table["stated_rank"] - table["derived_rank"])
    low = high = np.full(len(table), math.nan)
    if orders is not None:
        apart = _ranks(orders[:, 0]) - _ranks(orders[:, 1])
        low, high = _ends(apart, conf_level)
    reading = np.where(low > 0, "derived more", np.where(high < 0, "said more", "not clear"))
    return table.assign(rank_difference_low=low, rank_difference_high=high, reading=reading)[_NEED_COLUMNS]


_NEED_COLUMNS = [
    "need", "item", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_missing", "reason", "derived",
    "derived_low", "derived_high", "stated_rank", "derived_rank", "rank_difference", "rank_difference_low",
    "rank_difference_high", "reading",
]  # fmt: skip


def _agreement(table: pd.DataFrame, orders: Floats | None, why: str, n: int, conf_level: float) -> pd.DataFrame:
    """Kendall's τ-b with its interval, as one row."""
    row: dict[str, Any] = {"estimate": math.nan, "std_error": math.nan, "conf_low": math.nan, "conf_high": math.nan}
    row |= {"conf_level": conf_level, "n": n, "reason": why}
    unanswered = table.loc[table["estimate"].isna(), "item"].tolist()
    row["estimate"] = float(_tau(table["estimate"].to_numpy()[None], table["derived"].to_numpy()[None])[0])
    if unanswered:
        row |= {"estimate": math.nan, "reason": f"nobody answered `{unanswered[0]}`"}
    elif math.isnan(row["estimate"]):
        row["reason"] = "all needs are equally important by one of the two"
    elif orders is not None:
        drawn = _tau(orders[:, 0], orders[:, 1])
        drawn = drawn[~np.isnan(drawn)]
        low, high = _ends(drawn, conf_level)
        turned = (2 * row["estimate"] - high, 2 * row["estimate"] - low)  # the basic bootstrap interval
        row |= {"conf_low": max(min(low, turned[0]), -1.0), "conf_high": min(max(high, turned[1]), 1.0)}
        row |= {"std_error": float(drawn.std(ddof=1)), "reason": ""}
    return pd.DataFrame([row])


def _drawn_again(
    answers: pd.DataFrame,
    stated: Floats,
    w: Floats,
    needs: list[str],
    derive: Callable[[pd.DataFrame], pd.Series],
    n_boot: int,
    rng: np.random.Generator,
) -> Floats:
    """Stated means and derived importance of each bootstrap sample that gave both: samples × 2 × needs."""
    drawn = []
    for _ in range(n_boot):
        rows = rng.integers(0, len(answers), len(answers))
        try:
            made = derive(answers.iloc[rows].reset_index(drop=True))
        except ValueError:  # such as a driver without spread in this sample; counted as failed
            continue
        both = np.stack([_stated_means(stated[rows], w[rows]), made.reindex(needs).to_numpy(dtype=float)])
        if not np.isnan(both).any():
            drawn.append(both)
    return np.array(drawn).reshape(-1, 2, len(needs))


def _stated_means(stated: Floats, w: Floats) -> Floats:
    there = ~np.isnan(stated)
    base = w @ there.astype(float)
    means: Floats = np.divide(w @ np.where(there, stated, 0.0), base, out=np.full(base.shape, math.nan), where=base > 0)
    return means


def _ranks(values: npt.ArrayLike) -> Floats:
    """1 for the largest in each row; ties share the mean of their ranks."""
    ranks: Floats = stats.rankdata(-np.round(np.asarray(values, dtype=float), 12), axis=-1, nan_policy="omit")
    return ranks


def _tau(one: Floats, other: Floats) -> Floats:
    """Kendall's τ-b of each row of `one` with that of `other`; NaN where a row is all ties."""
    upper = np.triu_indices(one.shape[1], 1)
    signs = [np.sign(np.round(values[:, upper[0]] - values[:, upper[1]], 12)) for values in (one, other)]
    untied = [(sign != 0).sum(axis=1) for sign in signs]
    most = np.sqrt(untied[0].astype(float) * untied[1])
    taus: Floats = np.divide((signs[0] * signs[1]).sum(axis=1), most, out=np.full(len(one), math.nan), where=most > 0)
    return taus


def _names_of(derived: pd.DataFrame) -> list[str]:
    column = next((name for name in ("driver", "item") if name in derived), None)
    if column is None:
        raise ValueError("`derived` must have a column `driver` or `item` that names the need")
    return [str(name) for name in derived[column]]


def _derived(derived: pd.DataFrame, needs: list[str]) -> pd.DataFrame:
    """Derived importance by need, in the order of `needs`."""
    names = _names_of(derived)
    _check_columns(derived, ["estimate"], "`derived`")
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ValueError(f"`derived` names `{twice[0]}` twice; give one row a need")
    for need in needs:
        if need not in names:
            way_out = did_you_mean(need, names)
            raise ValueError(
                f"`derived` has no row for `{need}`; {way_out} Where drivers and statements go by other names, "
                "give `importance` as {driver: column}"
            )
    given = (
        derived.set_axis(names, axis=0).reindex(columns=["estimate", "conf_low", "conf_high"]).loc[needs].astype(float)
    )
    lost = given.index[given["estimate"].isna()].tolist()
    if lost:
        raise ValueError(f"the derived importance of `{lost[0]}` is missing; leave the need out")
    return given


def _check_derive(made: Any, given: pd.Series) -> None:
    """`derive` on all respondents gives what `derived` says."""
    if not isinstance(made, pd.Series):
        raise ValueError(f"`derive` must return a Series by need, got {type(made).__name__}")
    lacks = [need for need in given.index if need not in made.index]
    if lacks:
        raise ValueError(
            f"`derive` gives nothing for `{lacks[0]}`; {did_you_mean(str(lacks[0]), map(str, made.index))}"
        )
    own = made.loc[given.index].astype(float)
    off = _ranks(own) != _ranks(given)
    if off.any():
        need = given.index[off][0]
        raise ValueError(
            f"`derive` and `derived` order the needs differently: `{need}` has {own[need]:g} by the one and {given[need]:g} by the "
            "other; make `derived` with the same function, from the same respondents"
        )


# ---------------------------------------------------------------------------------------------------------------- checks


def _check_settings(conf_level: float, n_boot: int) -> None:
    check_conf_level(conf_level)
    if int(n_boot) != n_boot or n_boot < 2:
        raise ValueError(f"`n_boot` must be a whole number of samples from 2 upwards, got {n_boot!r}; 1000 is usual")


def _check_columns(frame: pd.DataFrame, columns: Any, what: str = "the table") -> None:
    for column in columns:
        if column not in frame.columns:
            raise ValueError(f"{what} has no column `{column}`; {did_you_mean(column, map(str, frame.columns))}")


def _numbers(given: pd.Series, name: str, scale: tuple[float, float] | None = None) -> Floats:
    """Answers as floats, NaN for none. Raises ValueError for what is no number, or off the scale."""
    values = pd.to_numeric(given, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    wrong = given.notna().to_numpy() & ~np.isfinite(values)
    if wrong.any():
        raise ValueError(f"`{name}` must hold numbers, got {given[wrong].iloc[0]!r}")
    if scale is not None:
        off = (values < scale[0]) | (values > scale[1])
        if off.any():
            raise ValueError(
                f"`{name}` holds {values[off][0]:g} ({int(off.sum())} answers), which is off the scale {scale[0]:g} to {scale[1]:g}; "
                "make it missing where it means no answer, or give the `scale` that was asked"
            )
    return values


def _weights(answers: pd.DataFrame, weights: str | npt.ArrayLike | None) -> Floats:
    if isinstance(weights, str):
        _check_columns(answers, [weights])
        weights = answers[weights]
    elif isinstance(weights, pd.Series) and not weights.index.equals(answers.index):
        raise ValueError("`weights` has another index than the answers; take both from one table")
    return check_weights(weights, len(answers))
