"""What does a theme go with in loyalty: how many points of the score would be more, or less, without those who mention it?

`theme_impact` is the plain figure: the score of all less the score of those who do not mention the theme, so a theme that costs is
below zero. It equals the share that mentions it times how far its mentioners lie from the others. `adjusted_impact` takes all themes
together, beside what else is known of respondents (least squares): the effect of a mention, given the others, times the share. Themes
travel together; the plain figures of two of them count the same unhappy people twice, the adjusted ones do not. `worst_themes` says it.

One row is one theme (with `by` one group and theme). The unit is that of the score: points of NPS (promoters 9 and 10 less detractors 0
to 6, in percent), or what was answered for `mean`. A respondent counts once, however often a theme is mentioned; who gave no score is in
no base. Too small a base gives NaN and a reason, never 0.

How sure. The error of `theme_impact` is linearised, by cluster where clusters are given. Its test shuffles the mentions among
respondents (`cxlab.inference.permutation`) and compares the studentised difference with that of the shuffles: exact for a theme that is
mentioned at random. A bootstrap of respondents is not: of themes that say nothing and are mentioned by ten people of 200 of whom nine in
ten give a 10, it called 40 to 50% (`benchmarks/voice_impact.py`). The interval ends on the side of zero where that test does, and on
the other side where the shuffles or Student's t end, whichever is farther. Errors of `adjusted_impact` leave out one respondent or
cluster at a time, so that the share and the effect vary together.

It is no cause, and no forecast of what solving a problem brings: who writes about bills may be unhappy for another reason, and who does
not write is not here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse, stats

from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import Floats, check_conf_level, check_weights, critical_value, two_sided_p
from cxlab.inference.permutation import Codes, cluster_codes, permutation_p, shuffles
from cxlab.inference.regression import LeastSquares, least_squares
from cxlab.wording import capital_text, decimals_of, number_text, period_text

METRICS = ("nps", "mean")
COLUMNS = [
    "theme", "n", "n_all", "share", "score_with", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "p_value", "q_value",
    "reason",
]  # fmt: skip
WORST = [
    "theme", "label", "estimate", "conf_low", "conf_high", "conf_level", "q_value", "n", "n_all", "share", "direction", "since",
    "earliest", "latest", "older", "before", "now", "negative_before", "negative_now", "differs", "costs_most", "costs_most_by",
    "sentence",
]  # fmt: skip
_FIGURES = ("estimate", "std_error", "conf_low", "conf_high", "p_value")


def theme_impact(
    assignments: pd.DataFrame,
    scores: pd.Series,
    *,
    metric: str = "nps",
    by: pd.Series | None = None,
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    min_base: int = 1,
    n_boot: int = 1000,
    conf_level: float = 0.95,
    random_state: int | None = 0,
) -> pd.DataFrame:
    """What the score of all would lose without those who mention a theme: estimate = score of all − score of the others.

    `assignments` has one row a mention (text_id, theme). `scores` has one value a respondent, indexed by text_id: 0 to 10 for metric nps
    (in points), any number for mean. `by` is a segment or touchpoint of each respondent, `weights` and `clusters` (the customer, the
    account) likewise: a Series with the index of `scores`, or one entry a respondent in its order. `n_boot` is the number of shuffles.

    One row a theme: n (respondents who mention it), n_all (all with a score), share (percent who mention it), score_with (the score of
    those who do), estimate with its interval, p_value, q_value (Benjamini–Hochberg over all rows), reason. With `by` one row a group and
    theme; differs_p tests whether what a theme goes with is the same in all groups (Welch), differs_q corrects that for the number of
    themes. Respondents without a group are in no row.

    A theme that fewer than `min_base` respondents mention, or do not mention, has a reason instead of figures: pages give the study's own
    base here. Raises ValueError for an unknown metric, answers off 0 to 10 for nps, respondents that are there twice, too few shuffles.

    >>> scores = pd.Series([10, 9, 8, 0, 6], index=list("abcde"))
    >>> mentions = pd.DataFrame({"text_id": ["d", "e"], "theme": "bill"})
    >>> theme_impact(mentions, scores)[["theme", "n", "estimate"]].round(1).to_dict("records")
    [{'theme': 'bill', 'n': 2, 'estimate': -66.7}]
    """
    check_conf_level(conf_level)
    if int(n_boot) != n_boot or n_boot + 1 < 2 / (1 - conf_level) - 1e-9:
        least = math.ceil(2 / (1 - conf_level) - 1e-9) - 1
        raise ValueError(f"`n_boot` must be at least {least} for conf_level={conf_level:g}, got {n_boot!r}")
    known = _Scores.read(scores, metric, weights, clusters)
    themes = list(dict.fromkeys(assignments["theme"]))
    mentions = _mention_matrix(assignments, themes, known.index)
    rng = np.random.default_rng(random_state)
    if by is None:
        return _with_q(_plain(known, mentions, themes, min_base, n_boot, conf_level, rng))[COLUMNS]
    groups = _aligned(by, scores, "by")[known.place]
    names = _sorted(groups)
    parts = {
        name: _plain(known.of(groups == name), mentions[groups == name], themes, min_base, n_boot, conf_level, rng)
        for name in names
    }
    table = pd.concat([part.assign(group=name) for name, part in parts.items()], ignore_index=True) if parts else None
    if table is None:
        return pd.DataFrame(columns=["group", *COLUMNS, "differs_p", "differs_q"])
    table = _with_q(table).sort_values("theme", key=lambda column: column.map(themes.index), kind="stable")
    differs = pd.Series({theme: _differs(table, theme, known, mentions, groups, themes) for theme in themes})
    corrected = pd.Series(benjamini_hochberg(differs), index=differs.index)
    table["differs_p"], table["differs_q"] = table["theme"].map(differs), table["theme"].map(corrected)
    return table[["group", *COLUMNS, "differs_p", "differs_q"]].reset_index(drop=True)


def adjusted_impact(
    assignments: pd.DataFrame,
    scores: pd.Series,
    *,
    metric: str = "nps",
    controls: pd.DataFrame | pd.Series | None = None,
    parents: Mapping[str, str | None] | None = None,
    level: Literal["top", "leaves"] = "top",
    weights: npt.ArrayLike | None = None,
    clusters: npt.ArrayLike | None = None,
    min_base: int = 1,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """What a theme goes with, given the other themes: effect of a mention × share that mentions it = points of the score.

    All themes stand in one model of least squares, beside `controls` (one column a segment, touchpoint or wave, indexed like `scores`;
    a text column by its values, a missing entry as a value of its own; a number as it is, with a mark where it is missing). The estimates
    and the score of those who mention nothing, at average controls, add up to the score of all.

    `parents` says which theme is a part of which (`{theme.name: theme.parent for theme in codebook.themes}`). Both in one model would
    halve the figure between them, so one level is chosen: "top" counts each theme as the highest one above it, "leaves" leaves out those
    that have a part which is mentioned. The others are kept as rows, with the reason.

    The columns of `theme_impact`, and before `estimate` effect (of one mention) with effect_low and effect_high, last vif (how much the
    variance of the effect grows because the theme travels with others). A theme that others add up to has no figure; its reason names
    them. Raises ValueError as `theme_impact` does.

    >>> scores = pd.Series([9.0, 8, 9, 8, 5, 4, 2, 3])
    >>> mentions = pd.DataFrame({"text_id": [4, 5, 6, 7, 6, 7], "theme": ["bill"] * 4 + ["fee"] * 2})
    >>> found = adjusted_impact(mentions, scores, metric="mean")
    >>> found[["theme", "effect", "share", "estimate"]].round(3).to_dict("records")[1]
    {'theme': 'fee', 'effect': -2.0, 'share': 25.0, 'estimate': -0.5}
    """
    check_conf_level(conf_level)
    if level not in ("top", "leaves"):
        raise ValueError(f"`level` must be top or leaves, got {level!r}")
    known = _Scores.read(scores, metric, weights, clusters)
    at_level, elsewhere = _one_level(assignments, parents or {}, level)
    themes = list(dict.fromkeys(at_level["theme"]))
    mentions = _mention_matrix(at_level, themes, known.index)
    rows = [known.base(mentions[:, j], theme, min_base, conf_level) for j, theme in enumerate(themes)]
    inside = [j for j, row in enumerate(rows) if not row["reason"]]
    beside, names = _control_columns(controls, scores, known)
    for row in rows:
        row |= dict.fromkeys(("estimate", "effect", "effect_low", "effect_high", "vif"), math.nan)
    if inside and len(known.y) > len(inside) + beside.shape[1] + 1:
        x = np.column_stack([np.ones(len(known.y)), mentions[:, inside], beside])
        fit = least_squares(x, known.y, weights=known.w, clusters=known.units)
        labels = ["the constant", *(themes[j] for j in inside), *names]
        for place, j in enumerate(inside, start=1):
            rows[j] |= _adjusted(fit, place, x, known, labels, conf_level)
    else:
        for j in inside:
            rows[j]["reason"] = "fewer respondents than columns of the model"
    for theme, reason in elsewhere.items():
        own = np.isin(known.index, assignments.loc[assignments["theme"] == theme, "text_id"])
        rows.append(known.base(own.astype(float), theme, 1, conf_level) | {"estimate": math.nan, "reason": reason})
    columns = [*COLUMNS[:5], "effect", "effect_low", "effect_high", *COLUMNS[5:], "vif"]
    return _with_q(pd.DataFrame(rows, columns=[column for column in columns if column != "q_value"]))[columns]


def worst_themes(
    impact: pd.DataFrame,
    alerts: pd.DataFrame | None = None,
    by_segment: pd.DataFrame | None = None,
    *,
    n: int = 3,
    labels: Mapping[str, str] | None = None,
    parents: Mapping[str, str | None] | None = None,
    score: str = "the NPS",
    unit: str = "points",
) -> pd.DataFrame:
    """The themes that hurt most: what they cost, since when, for whom.

    `impact` is `theme_impact` (or `adjusted_impact`) of all, `alerts` is `theme_alerts` (with the whole history as `recent` and
    `baseline` where "since when" may lie years back), `by_segment` is `theme_impact` with `by`. Only themes that clearly cost (q below
    1 − conf_level, estimate below 0) are named, the costliest first; with `parents` no theme beside one above or below it. `score` and
    `unit` are words for the score: ("the mean rating", "1 to 10").

    One row a theme: theme, label, estimate with interval, q_value, n (people who mention it), n_all, share (percent), direction
    ("up" or "down" where an alert says that people mention it more or less often), since with earliest, latest and older, before and now
    (percent of people), negative_before and negative_now (percent of those who mention it, where an alert says that they are unhappier),
    differs (whether what it costs clearly differs between groups; missing where that is not tested), costs_most (the group in which it
    costs most, where it differs), costs_most_by, sentence.
    """
    clear = impact[(impact["q_value"] < 1 - impact["conf_level"]) & (impact["estimate"] < 0)]
    rows: list[dict[str, Any]] = []
    for row in clear.sort_values("estimate", kind="stable").to_dict("records"):
        theme = row["theme"]
        family = [theme, *_above(theme, parents or {})]
        if len(rows) == n:
            break
        if any(made["theme"] in family or theme in _above(made["theme"], parents or {}) for made in rows):
            continue
        kept = ("theme", "estimate", "conf_low", "conf_high", "conf_level", "q_value", "n", "n_all", "share")
        made = {name: row[name] for name in kept} | {"label": (labels or {}).get(theme, str(theme))}
        made |= _when(theme, alerts) | _for_whom(theme, by_segment)
        rows.append(made | {"sentence": _sentence(made, score, unit)})
    return pd.DataFrame(rows, columns=WORST)


class _Scores:
    """Respondents with a score: in the unit of the metric, with weights and the number of each one's unit."""

    def __init__(self, index: pd.Index, place: Codes, y: Floats, w: Floats, units: Codes) -> None:
        self.index, self.place, self.y, self.w = index, place, y, w
        self.units = np.unique(units, return_inverse=True)[1]
        self.n_units = int(self.units.max(initial=-1)) + 1
        self.level = float((w * y).sum() / w.sum()) if len(y) else math.nan
        self.alone = np.bincount(self.units)[self.units] == 1 if len(y) else np.zeros(0, dtype=bool)
        together = np.flatnonzero(~self.alone)
        self.together = together[np.argsort(self.units[together], kind="stable")]  # those of one unit side by side

    @classmethod
    def read(
        cls, scores: pd.Series, metric: str, weights: npt.ArrayLike | None, clusters: npt.ArrayLike | None
    ) -> _Scores:
        if metric not in METRICS:
            raise ValueError(f"`metric` must be nps or mean, got {metric!r}")
        if scores.index.has_duplicates:
            twice = scores.index[scores.index.duplicated()][0]
            raise ValueError(f"`scores` holds respondent {twice!r} twice; a respondent counts once")
        answers = pd.to_numeric(scores, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
        lost = np.isnan(answers) & scores.notna().to_numpy()
        if lost.any():
            raise ValueError(f"`scores` must be numbers, got {scores[lost].iloc[0]!r} of {scores.index[lost][0]!r}")
        place = np.flatnonzero(~np.isnan(answers))
        y = answers[place]
        if metric == "nps":
            off = (y < 0) | (y > 10)
            if off.any():
                raise ValueError(f"NPS is made from answers 0 to 10, got {y[off][0]:g}; `metric` mean takes any number")
            y = 100.0 * (y >= 9) - 100.0 * (y <= 6)
        w = np.ones(len(y)) if weights is None else check_weights(_aligned(weights, scores, "weights")[place], len(y))
        units = cluster_codes(len(y), None if clusters is None else _aligned(clusters, scores, "clusters")[place])
        return cls(scores.index[place], place, y, w, units)

    def of(self, chosen: npt.NDArray[np.bool_]) -> _Scores:
        """A part of the respondents."""
        return _Scores(self.index[chosen], self.place[chosen], self.y[chosen], self.w[chosen], self.units[chosen])

    def units_of(self, who: Floats) -> int:
        return len(np.unique(self.units[who > 0]))

    def base(self, mention: Floats, theme: Any, min_base: int, conf_level: float) -> dict[str, Any]:
        """The row of a theme before it has figures; a reason where it can have none."""
        n, of_all = int(mention.sum()), len(self.y)
        own, rest = self.units_of(mention), self.units_of(1 - mention)
        what = "respondent" if self.alone.all() else "customer or account"
        reason = ""
        if n == 0:
            reason = "nobody with a score mentions it"
        elif n == of_all:
            reason = "everybody with a score mentions it"
        elif n < min_base:
            reason = f"n<{min_base}"
        elif of_all - n < min_base:
            reason = f"fewer than {min_base} do not mention it"
        elif min(own, rest) < 2:
            reason = f"a single {what} {'mentions' if own < 2 else 'does not mention'} it"
        elif np.ptp(self.y) == 0:
            reason = "every score is the same"
        shown = min(n, of_all - n) >= min_base
        weight = float((self.w * mention).sum())
        estimate = float(self.costs(mention[:, None])[0][0]) if shown and 0 < n < of_all else math.nan
        return {
            "theme": theme, "n": n, "n_all": of_all,
            "share": 100 * weight / self.w.sum() if of_all else math.nan,
            "score_with": float((self.w * mention * self.y).sum() / weight) if shown and weight > 0 else math.nan,
            **dict.fromkeys(_FIGURES, math.nan), "estimate": estimate, "conf_level": conf_level, "reason": reason,
        }  # fmt: skip

    @cached_property
    def parts(self) -> Floats:
        """Of each respondent what is summed over those who mention a theme."""
        w2, c = self.w**2, self.y - self.level
        return np.column_stack([self.w, self.w * c, w2, w2 * c, w2 * c * c])

    def costs(self, mentions: Floats) -> tuple[Floats, Floats]:
        """Of each column of mentions: the score of all less that of the others, and its linearised error."""
        return self._costs(self.parts[self.alone].T @ mentions[self.alone], mentions[self.together])

    def shuffled(self, mentions: Floats, n_boot: int, rng: np.random.Generator) -> Floats:
        """Shuffles × columns of mentions: the estimate in units of its error, where the mentions are handed out at random."""
        drawn = np.full((n_boot, mentions.shape[1]), math.nan)
        by_theme = sparse.csr_matrix(mentions[self.alone].T)
        for i, order in enumerate(shuffles(self.units, n_boot, rng)):
            # of respondents on their own the scores change places and not the mentions: the same, and only mentions are read
            sums = np.asarray((by_theme @ self.parts[order[self.alone]]).T)
            cost, error = self._costs(sums, mentions[order[self.together]])
            np.divide(cost, error, out=drawn[i], where=error > 0)
        return drawn

    def _costs(self, sums: Floats, mentions: Floats) -> tuple[Floats, Floats]:
        """`costs` from the sums of `parts` over those on their own who mention each theme, and the mentions of the others."""
        total, whole = self.w.sum(), self.parts[self.alone].sum(axis=0)
        own = self.parts[self.together, :2].T @ mentions
        with np.errstate(divide="ignore", invalid="ignore"):
            others = total - sums[0] - own[0]
            gap = -(sums[1] + own[1]) / others  # of the others from all, as the deviations of all add up to 0
            zero, one, two = whole[2:, None] - sums[2:]
            variance = whole[4] / total**2 - 2 * (two - gap * one) / (total * others)
            variance += (two - 2 * gap * one + gap**2 * zero) / others**2
            if len(mentions):
                variance += (self._influence(self.together, mentions, gap, others) ** 2).sum(axis=0)
        return -gap, np.sqrt(np.maximum(variance, 0) * self.n_units / max(self.n_units - 1, 1))

    def influence(self, mentions: Floats) -> Floats:
        """Units × columns of mentions: what each unit adds to the estimate, linearised."""
        order = np.argsort(self.units, kind="stable")
        others = self.w.sum() - self.w @ mentions
        return self._influence(order, mentions[order], -self.costs(mentions)[0], others)

    def _influence(self, rows: Codes, mentions: Floats, gap: Floats, others: Floats) -> Floats:
        """The same of some rows, in the order of their units."""
        w, wc = self.w[rows, None], self.parts[rows, 1, None]
        each = wc * (1 / self.w.sum() - 1 / others) + w * (gap / others) + mentions * (wc / others - w * (gap / others))
        starts = np.flatnonzero(np.diff(self.units[rows], prepend=-1))
        return np.add.reduceat(each, starts, axis=0)


def _plain(
    known: _Scores,
    mentions: Floats,
    themes: list[Any],
    min_base: int,
    n_boot: int,
    conf_level: float,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """The rows of one group of respondents, without q."""
    rows = [known.base(mentions[:, j], theme, min_base, conf_level) for j, theme in enumerate(themes)]
    inside = [j for j, row in enumerate(rows) if not row["reason"]]
    if inside:
        own = mentions[:, inside]
        estimates, errors = known.costs(own)
        drawn = known.shuffled(own, n_boot, rng)
        for place, j in enumerate(inside):
            smaller = min(known.units_of(own[:, place]), known.units_of(1 - own[:, place]))
            rows[j] |= _tested(float(estimates[place]), float(errors[place]), drawn[:, place], smaller - 1, conf_level)
    return pd.DataFrame(rows, columns=[column for column in COLUMNS if column != "q_value"])


def _tested(estimate: float, error: float, drawn: Floats, df: int, conf_level: float) -> dict[str, Any]:
    """Interval and p of one estimate beside those of shuffled mentions, each in units of its own error."""
    draws = np.sort(drawn[~np.isnan(drawn)])
    k = int((1 - conf_level) / 2 * (len(draws) + 1) + 1e-9)
    if not error > 0 or k < 1:
        return {"estimate": estimate, "reason": "its mentions show no spread"}
    slack = 1e-9 * max(
        abs(estimate / error), 1.0
    )  # as in the test: a draw that is the same but for rounding reaches as far
    low, high = max(-float(draws[k - 1]), 0.0) + slack, max(float(draws[-k]), 0.0) + slack
    far = critical_value(conf_level, df)
    below, above = (max(high, far), low) if estimate < 0 else (high, max(low, far))
    return {
        "estimate": estimate, "std_error": error, "conf_low": estimate - below * error, "conf_high": estimate + above * error,
        "p_value": permutation_p(estimate / error, draws, df),
    }  # fmt: skip


def _differs(
    table: pd.DataFrame, theme: Any, known: _Scores, mentions: Floats, groups: npt.NDArray[Any], themes: list[Any]
) -> float:
    """p of the estimates of a theme being the same in all groups: Welch (1951), with the covariance of groups that share clusters."""
    rows = table[(table["theme"] == theme) & (table["std_error"] > 0)]
    if len(rows) < 2:
        return math.nan
    j = themes.index(theme)
    parts, df = np.zeros((known.n_units, len(rows))), np.zeros(len(rows))
    for i, name in enumerate(rows["group"]):
        chosen = np.asarray(groups == name, dtype=bool)
        part, own = known.of(chosen), mentions[chosen][:, [j]]
        units = np.unique(known.units[chosen])
        parts[units, i] = part.influence(own)[:, 0] * math.sqrt(len(units) / (len(units) - 1))
        df[i] = min(part.units_of(own[:, 0]), part.units_of(1 - own[:, 0])) - 1
    return _welch(rows["estimate"].to_numpy(), parts.T @ parts, df)


def _welch(estimates: Floats, covariance: Floats, df: Floats) -> float:
    k = len(estimates)
    contrast = np.eye(k)[1:] - np.eye(k)[:1]
    apart = contrast @ estimates
    try:
        statistic = float(apart @ np.linalg.solve(contrast @ covariance @ contrast.T, apart)) / (k - 1)
    except np.linalg.LinAlgError:
        return math.nan
    u = 1 / np.diag(covariance)
    spread = float(((1 - u / u.sum()) ** 2 / df).sum())
    return float(stats.f.sf(statistic / (1 + 2 * (k - 2) / (k**2 - 1) * spread), k - 1, (k**2 - 1) / (3 * spread)))


def _adjusted(
    fit: LeastSquares, place: int, x: Floats, known: _Scores, labels: list[Any], conf_level: float
) -> dict[str, Any]:
    """The figures of one theme in the model of all."""
    if fit.alike[place]:
        others = [str(labels[k]) for k in fit.alike[place] if k != place] or ["the constant"]
        return {"reason": "cannot be told apart from " + " and ".join(others)}
    mention = x[:, place]
    weight = np.bincount(fit.units, known.w)
    own = np.bincount(fit.units, known.w * mention)
    share = own.sum() / weight.sum()
    share_without = (own.sum() - own) / (weight.sum() - weight)
    effect, without = float(fit.coefficients[place]), fit.without[:, place]
    estimate = effect * share
    error = float(np.sqrt(((without * share_without - estimate) ** 2).sum()))
    df = min(known.units_of(mention), known.units_of(1 - mention)) - 1
    half = critical_value(conf_level, df)
    reach = half * float(fit.std_errors[place])
    if not error > 0:
        return {"effect": effect, "estimate": estimate, "reason": "the model leaves no differences"}
    return {
        "effect": effect, "effect_low": effect - reach, "effect_high": effect + reach, "estimate": estimate, "std_error": error,
        "conf_low": estimate - half * error, "conf_high": estimate + half * error, "p_value": two_sided_p(estimate / error, df),
        "vif": float(fit.inflation[place]),
    }  # fmt: skip


def _mention_matrix(assignments: pd.DataFrame, themes: list[Any], index: pd.Index) -> Floats:
    """Respondents × themes: 1 where one mentions it."""
    if index.empty or not themes:
        return np.zeros((len(index), len(themes)))
    row = index.get_indexer(pd.Index(assignments["text_id"]))
    column = pd.Index(themes).get_indexer(pd.Index(assignments["theme"]))
    mentions = np.zeros((len(index), len(themes)))
    mentions[row[row >= 0], column[row >= 0]] = 1
    return mentions


def _aligned(given: npt.ArrayLike, scores: pd.Series, name: str) -> npt.NDArray[Any]:
    """One entry for each respondent of `scores`."""
    if isinstance(given, pd.Series):
        if given.index.has_duplicates:
            raise ValueError(
                f"`{name}` holds respondent {given.index[given.index.duplicated()][0]!r} twice; give one entry each"
            )
        return given.reindex(scores.index).to_numpy(dtype=object)
    values = np.asarray(given, dtype=object)
    if values.shape != (len(scores),):
        raise ValueError(
            f"`{name}` has {len(values)} entries for {len(scores)} respondents; give one each, or a Series"
        )
    return values


def _sorted(groups: npt.NDArray[Any]) -> list[Any]:
    names = list(dict.fromkeys(groups[~pd.isna(groups)]))
    try:
        return sorted(names)
    except TypeError:  # numbers and words together
        return sorted(names, key=str)


def _with_q(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(q_value=benjamini_hochberg(table["p_value"].to_numpy(dtype=float)))


def _one_level(
    assignments: pd.DataFrame, parents: Mapping[str, str | None], level: str
) -> tuple[pd.DataFrame, dict[Any, str]]:
    """Mentions of one level of the codebook, and why each other theme is not in the model."""
    chains = {theme: _above(theme, parents) for theme in dict.fromkeys(assignments["theme"])}
    if level == "top":
        top = {theme: (chain[-1] if chain else theme) for theme, chain in chains.items()}
        elsewhere = {theme: f"counted as {top[theme]}" for theme, chain in chains.items() if chain}
        return assignments.assign(theme=assignments["theme"].map(top)), elsewhere
    parts: dict[Any, list[str]] = {}
    for theme, chain in chains.items():
        for above in chain:
            parts.setdefault(above, []).append(str(theme))
    elsewhere = {theme: "its parts are counted: " + ", ".join(parts[theme]) for theme in chains if theme in parts}
    return assignments[~assignments["theme"].isin(list(elsewhere))], elsewhere


def _above(theme: Any, parents: Mapping[str, str | None]) -> list[Any]:
    """The themes above a theme, the nearest first."""
    chain: list[Any] = []
    while (above := parents.get(chain[-1] if chain else theme)) is not None:
        if above in (theme, *chain):
            raise ValueError(f"`parents` goes in a circle: {' → '.join(map(str, [theme, *chain, above]))}")
        chain.append(above)
    return chain


def _control_columns(
    controls: pd.DataFrame | pd.Series | None, scores: pd.Series, known: _Scores
) -> tuple[Floats, list[str]]:
    """The controls as columns of numbers, one less than there are values, and their names."""
    columns: list[npt.NDArray[Any]] = []
    names: list[str] = []
    frame = pd.DataFrame() if controls is None else pd.DataFrame(controls)
    for name in frame:
        values = pd.Series(_aligned(frame[name], scores, str(name))[known.place])
        lacking = values.isna()
        if pd.api.types.is_numeric_dtype(frame[name]) and not pd.api.types.is_bool_dtype(frame[name]):
            numbers = values.astype(float)
            columns.append(numbers.fillna(numbers.mean() if numbers.notna().any() else 0).to_numpy(dtype=float))
            names.append(str(name))
            if lacking.any():
                columns.append(lacking.to_numpy(dtype=float))
                names.append(f"{name} missing")
        else:
            words = values.where(~lacking, "missing").astype(str)
            for value in sorted(words.unique())[1:]:
                columns.append((words == value).to_numpy(dtype=float))
                names.append(f"{name} {value}")
    return (np.column_stack(columns).astype(float) if columns else np.zeros((len(known.y), 0))), names


def _when(theme: Any, alerts: pd.DataFrame | None) -> dict[str, Any]:
    """What the alerts say of a theme."""
    told: dict[str, Any] = {"direction": "", "since": "", "earliest": "", "latest": "", "older": False, "tested": False}
    told |= dict.fromkeys(("before", "now", "negative_before", "negative_now"), math.nan)
    if alerts is None:
        return told
    for row in alerts[alerts["theme"] == theme].to_dict("records"):
        if row["measure"] == "mentions":
            told["tested"] = not math.isnan(row["p_value"])
            told |= {"before": row["before"], "now": row["now"]}
            if row["alert"]:
                told |= {name: row[name] for name in ("direction", "since", "earliest", "latest", "older")}
        elif row["alert"] and row["direction"] == "up":
            told |= {"negative_before": row["before"], "negative_now": row["now"]}
    return told


def _for_whom(theme: Any, by_segment: pd.DataFrame | None) -> dict[str, Any]:
    """Whether what a theme costs differs between groups, and where it costs most."""
    rows = None if by_segment is None else by_segment[(by_segment["theme"] == theme) & by_segment["p_value"].notna()]
    if rows is None or rows.empty or rows["differs_q"].isna().all():
        return {"differs": None, "costs_most": "", "costs_most_by": math.nan}
    differs = bool(rows["differs_q"].iloc[0] < 1 - rows["conf_level"].iloc[0])
    worst: Any = rows.loc[rows["estimate"].idxmin()]
    if not differs or not worst["estimate"] < 0:
        return {"differs": differs, "costs_most": "", "costs_most_by": math.nan}
    return {"differs": True, "costs_most": str(worst["group"]), "costs_most_by": float(worst["estimate"])}


def _sentence(row: Mapping[str, Any], score: str, unit: str) -> str:
    """The answer in words: what it costs, how many say it, since when, for whom."""
    usual = decimals_of(unit, row["estimate"])
    places = usual + int(row["conf_high"] - row["conf_low"] < 1.5 * 10**-usual)
    lost = number_text(-row["estimate"], places)
    amount = f"{lost} {'point' if lost == '1' else 'points'}" if unit == "points" else f"{lost} of a point"
    if unit != "points" and -row["estimate"] >= 1:
        amount = f"{lost} points"
    ends = f"{number_text(-row['conf_high'], places)} to {number_text(-row['conf_low'], places)}"
    share = number_text(row["share"], 0 if row["share"] >= 10 else 1)
    said = [
        f"{capital_text(row['label'])}: without those who mention it, {score} would be {amount} higher ({ends}); {row['n']:,} of "
        f"{row['n_all']:,} people do ({share}%)."
    ]
    if row["direction"]:
        begun = period_text(row["since"]) + (" or before" if row["older"] else "")
        if not row["older"] and row["earliest"] != row["latest"]:
            begun += f" (plausible starts: {period_text(row['earliest'])} to {period_text(row['latest'])})"
        more = "more" if row["direction"] == "up" else "less"
        said.append(
            f"It is mentioned {more} since {begun}: by {_percent(row['now'])} of people, before by {_percent(row['before'])}."
        )
    elif row["tested"]:
        said.append(
            f"How often it is mentioned has not clearly changed: by {_percent(row['now'])} of people lately, "
            f"by {_percent(row['before'])} before."
        )
    if not math.isnan(row["negative_now"]):
        said.append(
            f"Those who mention it are unhappier: {_percent(row['negative_now'])} of them, before {_percent(row['negative_before'])}."
        )
    if row["costs_most"]:
        most = number_text(-row["costs_most_by"], places)
        said.append(f"It costs most in {row['costs_most']} ({most}).")
    elif row["differs"] is False:
        said.append("What it costs does not clearly differ between groups.")
    return " ".join(said)


def _percent(share: float) -> str:
    return f"{number_text(share, 0 if share >= 10 else 1)}%"
