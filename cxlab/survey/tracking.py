"""Wave after wave: where every item of a survey stands, and whether the newest wave differs from another.

A wave is a label in the survey, not a period. `track` states each wave on its own; `compare_waves` tests two of them,
over all items that both asked, corrected for how many there are. A difference between waves may be a difference in
who answered, when the survey was fielded or how it was asked; neither function can tell.

Which metric an item gets: loyalty on 0 to 10 is an NPS, satisfaction (up to 11 points) a top-2 box in percent, a yes or
no the share of the higher answer in percent, effort a mean in which high is easy, anything else on a scale a mean.
Items marked `reversed` are turned first. Items without a scale, and items that the table has no column for, are left
out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from cxlab.inference.intervals import check_conf_level, detectable_difference
from cxlab.inference.multiplicity import benjamini_hochberg
from cxlab.inference.sentences import base
from cxlab.problems import did_you_mean
from cxlab.survey.comparison import difference_df, difference_of
from cxlab.survey.metrics import LTR_SCALE, Measure, Metric, measure, survey_estimate
from cxlab.survey.respondents import check_columns, read_answers
from cxlab.survey.scales import Scale, orient

_ITEM_COLUMNS = ("item", "role", "low", "high")
_HIGH_IS_GOOD = ("satisfaction", "loyalty", "effort", "enjoyment", "image", "attitude")
_WIDEST_BOXED = 10  # a top-2 box of a 0 to 100 slider would say nothing
_FIGURES = ("estimate", "std_error", "conf_low", "conf_high")


@dataclass(frozen=True)
class Tracked:
    """An item that is tracked: how it is measured, and which direction is good (1 up, −1 down, 0 neither)."""

    item: str
    metric: Metric
    scale: Scale
    turned: bool
    good: int

    @property
    def top(self) -> int:
        """How many of the best answers count as satisfied: two, and one where there are but two."""
        return min(2, int(self.scale[1] - self.scale[0]))


@dataclass(frozen=True)
class WaveComparison:
    """Two waves compared. `frame` has one row an item; `family_size` counts the items that could be tested.

    Columns of `frame`: item, metric, unit, estimate_before, estimate_after, difference (after − before), std_error,
    conf_low, conf_high, conf_level, p_value, q_value, detectable (the smallest true difference that these bases would
    have shown with 80% power, in a test on its own), n_before, n_after, suppressed, reason, and reading: "better" or
    "worse" where q_value is below 1 − conf_level, "changed" where that holds for an item of which neither direction
    is good, "no clear change", or "not tested" (then `reason` says why). `weighted` and `clustered` say what was
    used: weights and clusters count only where both waves have them.
    """

    frame: pd.DataFrame
    before: Any
    after: Any
    weighted: bool
    clustered: bool
    design: str

    @property
    def family_size(self) -> int:
        return int(self.frame["p_value"].notna().sum())

    def to_frame(self) -> pd.DataFrame:
        return self.frame.copy()

    def headline(self) -> str:
        """How many items moved, of how many tested."""
        n_before, n_after = (max(self.frame[column], default=0) for column in ("n_before", "n_after"))
        bases = f"({base(n_before)} before, {n_after:,} after at most)"
        if self.family_size == 0:
            return f"Nothing could be tested between {self.before} and {self.after} {bases}."
        counts = self.frame["reading"].value_counts()
        either_way = f", {counts['changed']} changed" if "changed" in counts else ""
        better, worse, still = (counts.get(word, 0) for word in ("better", "worse", "no clear change"))
        return (
            f"Of {self.family_size} measures tested between {self.before} and {self.after}, {better} got better, "
            f"{worse} got worse{either_way}; {still} show no clear change {bases}."
        )


def track(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    *,
    wave_col: str = "wave",
    weights_col: str | None = None,
    cluster_col: str | None = None,
    strata_col: str | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
) -> pd.DataFrame:
    """One row a wave and item; waves in the order of their newest `counted_at` (of their labels without that column).

    `responses` has one row a respondent and one column an item; `items` has item, role, low, high, and where a study
    says so reversed and high_is_easy. Columns of the result: wave, item, metric, unit, estimate, std_error, conf_low,
    conf_high, conf_level, n, n_eff (Kish), deff (n / n_eff), n_missing, weighted, suppressed, reason.

    With `strata_col` the errors are those of a sample drawn within strata; strata in which one respondent (or cluster) answered
    are taken together. Figures of a base below `min_base` are NaN, suppressed, with the reason `n<30`. A wave without any weight is
    unweighted even where others have weights; `weighted` and `reason` say so. Raises ValueError for answers off the
    scale, answers without a weight in a weighted wave, rows without a wave, and answers that must not be pooled
    (customers with staff, or two surveys under one wave label).
    """
    check_conf_level(conf_level)
    _check_responses(responses, wave_col, weights_col, cluster_col, strata_col)
    tracked = list(_tracked(items, responses))
    rows = []
    for wave in _in_order(responses, wave_col):
        part = responses[responses[wave_col] == wave]
        weighted = _has(part, weights_col)
        for item in tracked:
            measured = measure_item(part, item, wave, weights_col if weighted else None, cluster_col, strata_col)
            found = survey_estimate(measured, item.item, conf_level)
            stated = asdict(found) | {"deff": found.deff}
            suppressed = 0 < measured.mean.n < min_base
            if suppressed:
                stated |= dict.fromkeys(_FIGURES, math.nan) | {"reason": f"n<{min_base}"}
            elif weights_col is not None and not weighted and not stated["reason"]:
                stated["reason"] = "unweighted: this wave has no weights"
            flags = {"weighted": weighted, "suppressed": suppressed}
            rows.append({"wave": wave, "item": item.item, "metric": item.metric} | stated | flags)
    return pd.DataFrame(rows, columns=_TRACK_COLUMNS)


def compare_waves(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    *,
    before: Any,
    after: Any,
    wave_col: str = "wave",
    weights_col: str | None = None,
    cluster_col: str | None = None,
    strata_col: str | None = None,
    conf_level: float = 0.95,
    min_base: int = 30,
) -> WaveComparison:
    """Every item that either wave asked, after − before, corrected for how many were tested (Benjamini–Hochberg).

    Takes and refuses what `track` does; an item with fewer than `min_base` answers in a wave is not tested. Weights and
    clusters are used only where both waves have them, so that a change of method does not look like a change of mind.
    """
    check_conf_level(conf_level)
    _check_responses(responses, wave_col, weights_col, cluster_col, strata_col)
    waves = _in_order(responses, wave_col)
    for wave in (before, after):
        if wave not in waves:
            raise ValueError(f"there is no wave `{wave}`; {did_you_mean(str(wave), map(str, waves))}")
    if before == after:
        raise ValueError(f"`before` and `after` are the same wave `{before}`; choose two")
    first, last = (responses[responses[wave_col] == wave] for wave in (before, after))
    weighted = _has(first, weights_col) and _has(last, weights_col)
    clustered = _has(first, cluster_col) and _has(last, cluster_col)
    stratified = _has(first, strata_col) and _has(last, strata_col)
    columns = (
        weights_col if weighted else None,
        cluster_col if clustered else None,
        strata_col if stratified else None,
    )
    rows = [
        _compared(
            item,
            measure_item(first, item, before, *columns),
            measure_item(last, item, after, *columns),
            conf_level,
            min_base,
        )
        for item in _tracked(items, responses)
        if first[item.item].notna().any() or last[item.item].notna().any()
    ]
    frame = pd.DataFrame(rows, columns=_COMPARED_COLUMNS)
    frame["q_value"] = benjamini_hochberg(frame["p_value"])
    frame["reading"] = [
        reading_of(q, change, good, 1 - conf_level)
        for q, change, good in zip(frame["q_value"], frame["difference"], frame.pop("good"), strict=True)
    ]
    design = " ".join(
        _used(word, column, used, {before: first, after: last})
        for word, column, used in (
            ("Weights", weights_col, weighted),
            ("Clusters", cluster_col, clustered),
            ("Strata", strata_col, stratified),
        )
        if word != "Strata" or column is not None
    )
    return WaveComparison(frame, before, after, weighted, clustered, design)


_TRACK_COLUMNS = [
    "wave", "item", "metric", "unit", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_eff", "deff",
    "n_missing", "weighted", "suppressed", "reason",
]  # fmt: skip
_COMPARED_COLUMNS = [
    "item", "metric", "unit", "estimate_before", "estimate_after", "difference", "std_error", "conf_low", "conf_high",
    "conf_level", "p_value", "q_value", "detectable", "n_before", "n_after", "suppressed", "reading", "reason", "good",
]  # fmt: skip


def _check_responses(responses: pd.DataFrame, wave_col: str, *design_cols: str | None) -> None:
    check_columns(responses, [wave_col, *design_cols])
    if responses[wave_col].isna().any():
        raise ValueError(
            f"{int(responses[wave_col].isna().sum())} respondents have no `{wave_col}`; give every file its wave"
        )
    if "perspective" in responses and responses["perspective"].nunique() > 1:
        raise ValueError(
            "the answers of customers and staff must not be pooled; "
            'choose one, for example responses[responses["perspective"] == "customer"]'
        )
    if "survey" in responses:
        surveys = responses.groupby(wave_col, observed=True)["survey"].nunique()
        if (surveys > 1).any():
            raise ValueError(
                f"wave `{surveys.index[surveys > 1][0]}` belongs to several surveys, which must not be pooled; "
                'choose one, for example responses[responses["survey"] == "tracking"]'
            )


def _tracked(items: pd.DataFrame, responses: pd.DataFrame) -> Iterator[Tracked]:
    """The items with a scale that the table has a column for, in the order of `items`."""
    check_columns(items, list(_ITEM_COLUMNS))
    for row in items.to_dict("records"):
        if row["item"] in responses.columns and pd.notna(row["low"]) and pd.notna(row["high"]):
            yield as_tracked(row)


def as_tracked(row: dict[Any, Any]) -> Tracked:
    scale = (float(row["low"]), float(row["high"]))
    role, turned = row["role"], row.get("reversed") is True
    metric: Metric = "mean"
    if role == "loyalty" and scale == LTR_SCALE:
        metric = "nps"
    elif scale[1] - scale[0] == 1 or (role == "satisfaction" and scale[1] - scale[0] <= _WIDEST_BOXED):
        metric = "top_box"
    elif role == "effort":
        metric = "ces"
        turned = turned or row.get("high_is_easy") is False
    good = 1 if role in _HIGH_IS_GOOD else 0
    if role == "problem":
        good = 1 if turned else -1
    return Tracked(row["item"], metric, scale, turned, good)


def _in_order(responses: pd.DataFrame, wave_col: str) -> list[Any]:
    """The waves, oldest first."""
    waves = sorted(responses[wave_col].unique().tolist(), key=str)
    if "counted_at" not in responses:
        return waves
    newest = responses.groupby(wave_col, observed=True)["counted_at"].max()
    return sorted(waves, key=lambda wave: (pd.isna(newest[wave]), newest[wave].value))


def _has(part: pd.DataFrame, column: str | None) -> bool:
    return column is not None and bool(part[column].notna().any())


def measure_item(
    part: pd.DataFrame,
    tracked: Tracked,
    wave: Any,
    weights_col: str | None,
    cluster_col: str | None,
    strata_col: str | None = None,
) -> Measure:
    """One item in one wave, turned so that the good end is high where the study says which that is."""
    clusters = part[cluster_col] if cluster_col is not None and _has(part, cluster_col) else None
    try:
        given = part[tracked.item]
        whole = tracked.metric in ("nps", "top_box")
        answers = read_answers(
            given,
            tracked.scale,
            name=tracked.item,
            whole=whole,
            weights=None if weights_col is None else part[weights_col],
            clusters=clusters,
            strata=_strata(part, tracked.item, strata_col, clusters),
        )
    except ValueError as error:
        raise ValueError(f"wave {wave}, item `{tracked.item}`: {error}") from None
    answers = replace(answers, scores=orient(answers.scores, tracked.scale, reversed=tracked.turned))
    return measure(answers, tracked.metric, tracked.scale, top=tracked.top)


def _strata(part: pd.DataFrame, item: str, strata_col: str | None, clusters: pd.Series | None) -> pd.Series | None:
    """The stratum of each respondent; those in which a single respondent (or cluster) answered are one stratum together.

    A lonely unit has no spread of its own. Put with the others that are lonely it makes the error larger rather than smaller; one
    that stays alone joins the largest stratum.
    """
    if strata_col is None or not _has(part, strata_col):
        return None
    strata = part[strata_col].astype(object).where(part[strata_col].notna(), "no stratum").map(str)
    there = part[item].notna()
    unit = pd.Series(part.index, index=part.index).map(str)
    if clusters is not None:
        unit = clusters.astype(object).where(clusters.notna(), unit).map(str)
    units = unit[there].groupby(strata[there]).nunique()
    lonely = set(units.index[units < 2])
    if len(lonely) == 1:
        return strata.where(~strata.isin(lonely), str(units.idxmax()))
    return strata.where(~strata.isin(lonely), "strata with a single unit")


def _compared(tracked: Tracked, before: Measure, after: Measure, conf_level: float, min_base: int) -> dict[str, Any]:
    """One row of a comparison, without what needs the other rows."""
    bases = {"n_before": before.mean.n, "n_after": after.mean.n}
    about = {"item": tracked.item, "metric": tracked.metric, "unit": before.unit, "good": tracked.good, **bases}
    small = [n for n in bases.values() if 0 < n < min_base]
    estimates = {
        f"estimate_{when}": part.estimate if part.mean.n >= min_base else math.nan
        for when, part in (("before", before), ("after", after))
    }
    if small or 0 in bases.values():
        reason = f"n<{min_base}" if small else "nobody answered" + (" before" if before.mean.n == 0 else " after")
        return about | estimates | {"conf_level": conf_level, "suppressed": bool(small), "reason": reason}
    change = difference_of(before, after, label=tracked.item, conf_level=conf_level)
    return (
        about
        | estimates
        | {
            "difference": change.estimate,
            "std_error": change.std_error,
            "conf_low": change.conf_low,
            "conf_high": change.conf_high,
            "conf_level": conf_level,
            "p_value": change.p_value,
            "detectable": detectable_difference(
                change.std_error, conf_level=conf_level, df=difference_df(before, after)
            ),
            "suppressed": False,
            "reason": change.reason,
        }
    )


def label_of(item: str, about: Any) -> str:
    """What a reader sees of a question: its label in `about` (its row of the items), else its name."""
    return text_or_none(about.get("label")) or item.replace("_", " ").capitalize()


def text_or_none(value: Any) -> str | None:
    """A text that is there; None for an empty one and for a missing value."""
    return value if isinstance(value, str) and value else None


def newest_wave(rows: pd.DataFrame) -> str:
    """The wave with the newest row; the last one where rows have no moment."""
    return str(rows.groupby("wave")["counted_at"].max().idxmax() if "counted_at" in rows else rows["wave"].iloc[-1])


def reading_of(q_value: float, change: float, good: int, alpha: float) -> str:
    """What a tested difference means for customers."""
    if math.isnan(q_value):
        return "not tested"
    if q_value >= alpha:
        return "no clear change"
    if good == 0:
        return "changed"
    return "better" if change * good > 0 else "worse"


def _used(word: str, column: str | None, used: bool, parts: dict[Any, pd.DataFrame]) -> str:
    """Whether weights or clusters were used, and if not, why."""
    if used:
        return f"{word} used."
    lacking = [str(wave) for wave, part in parts.items() if column is not None and not _has(part, column)]
    return f"{word} not used: wave {' and '.join(lacking)} has none." if lacking else f"{word} not used."
