"""How often is a theme mentioned, period by period; what rises or falls by more than chance and habit; what was never said before?

`theme_trends` counts: one row is one theme and period (week, month, quarter, year). `theme_alerts` judges the newest period of every
series: one row is one theme (and measure: how often it is mentioned, how often those who mention it are unhappy). `first_appearances`
finds codebook themes and words that were hardly known before: one row is one of them.

Alerts are made for a machine that looks at every period. A series is judged by `cxlab.inference.recent_steps`: the newest level against
all periods before, which differ by more than chance. People count, not comments: a customer who writes five times in a period counts
once in it. q is Benjamini–Hochberg over all series of a look, and a look is held to a level at which a year of looks is expected to
raise `alarms_per_year` false ones where nothing changes (0.5 with 12 looks: 4%; with 52 looks: 1%, so the weekly look waits for clearer
signs). Measured false alarms and power stand in `benchmarks/voice_alerts.py`.

Small bases. A period with fewer comments than `min_base` has no share in `theme_trends`, and a reason. For alerts such periods are put
together with those before them until enough people are in each, and `merged` says so; none is thrown away.

It is not said why, and not that customers changed: a new question, another mix of sources, a season do the same. Comments without a date
are in no period.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse, stats

from cxlab.inference import benjamini_hochberg, share_of, share_row
from cxlab.inference.intervals import check_conf_level
from cxlab.inference.permutation import Codes, cluster_codes
from cxlab.inference.recent_steps import RecentStep, recent_step
from cxlab.period import LENGTHS, Length, Period

Every = Length
Measure = Literal["mentions", "negative"]
LOOKS = {"week": 52, "month": 12, "quarter": 4, "year": 1}
"""Looks of a year, where every period is looked at once."""
RECENT = {"week": 13, "month": 6, "quarter": 3, "year": 2}
"""How many periods a change counts as news."""
BASELINE = {"week": 104, "month": 36, "quarter": 16, "year": 10}
"""How many periods are looked at, the newest included."""
TRENDS = [
    "theme", "measure", "period", "n_mentions", "people", "people_with", "estimate", "std_error", "conf_low", "conf_high", "conf_level",
    "n", "unit", "reason",
]  # fmt: skip
ALERTS = [
    "theme", "measure", "alert", "direction", "period", "since", "earliest", "latest", "older", "before", "before_low", "before_high",
    "now", "now_low", "now_high", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "extra", "n_before", "n", "p_value",
    "q_value", "level", "merged", "groups", "unit", "reason",
]  # fmt: skip
APPEARANCES = [
    "kind", "name", "terms", "first", "estimate", "conf_low", "conf_high", "conf_level", "n_mentions", "n", "before", "n_mentions_before",
    "n_before", "p_value", "q_value", "examples",
]  # fmt: skip
_PLACEHOLDER = r"\[[A-Z]+\]"
_TOKEN = r"(?u)\b[^\W\d_][\w'’-]*\w\b"  # a word of two letters or more


def theme_trends(
    assignments: pd.DataFrame,
    comments: pd.DataFrame,
    *,
    every: Every = "month",
    date_col: str = "counted_at",
    customer_col: str = "customer_id",
    by: str | None = None,
    negative_col: str | None = None,
    themes: Sequence[str] | None = None,
    until: str | None = None,
    timezone: str = "UTC",
    min_base: int = 30,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """The share of comments that mention a theme, for every period from the first with a comment to the last (or `until`).

    `assignments` has one row a mention (text_id, theme), `comments` one row a comment that could be scored, indexed by text_id, with a
    date and where known a customer (several comments of one count as a cluster; one without is a customer of its own). `by` names a
    column of comments whose groups are counted apart. `negative_col` is a column of assignments, or else of comments, that is True or
    "negative" where the feeling is: then the share negative of comments that mention the theme is a measure of its own.

    One row a theme, measure and period (and group): n (comments; of measure negative those that mention the theme), n_mentions, people
    and people_with (each customer once a period), estimate (percent) with interval, reason. Shares on fewer than `min_base` comments are
    NaN with a reason. `themes` adds themes that nobody mentions.

    >>> comments = pd.DataFrame({"counted_at": pd.to_datetime(["2026-01-05", "2026-01-20", "2026-03-02"])}, index=[7, 8, 9])
    >>> mentions = pd.DataFrame({"text_id": [8, 9], "theme": "bill"})
    >>> theme_trends(mentions, comments, min_base=1)[["period", "n_mentions", "n", "reason"]].to_numpy().tolist()
    [['2026-01', 1, 2, ''], ['2026-02', 0, 0, 'no comments'], ['2026-03', 1, 1, 'a single unit shows no spread']]
    """
    check_conf_level(conf_level)
    for column in [date_col, *filter(None, [by])]:
        if column not in comments:
            raise ValueError(f"`comments` has no column `{column}`; it has {', '.join(map(str, comments.columns))}")
    if comments.index.has_duplicates:
        raise ValueError(
            f"`comments` holds text {comments.index[comments.index.duplicated()][0]!r} twice; index it by text_id"
        )
    periods = _periods(_days(comments[date_col], timezone), _every(every), until)
    people = cluster_codes(len(comments), comments.get(customer_col))
    names = list(dict.fromkeys([*(themes or []), *assignments["theme"]]))
    groups: list[tuple[dict[str, Any], npt.NDArray[np.bool_]]] = [({}, np.ones(len(comments), dtype=bool))]
    if by is not None:
        known = comments[by].to_numpy(dtype=object)
        groups = [({"group": group}, known == group) for group in sorted(comments[by].dropna().unique(), key=str)]
    at = _Places(periods, people)
    rows: list[dict[str, Any]] = []
    for theme in names:
        own = assignments[assignments["theme"] == theme]
        mention = comments.index.isin(own["text_id"])
        negative = None if negative_col is None else _negative(own, comments, negative_col)
        for group, inside in groups:
            head = {**group, "theme": theme}
            rows += at.rows(head | {"measure": "mentions"}, mention, inside, min_base, conf_level)
            if negative is not None:
                told = inside & mention & ~np.isnan(negative)
                rows += at.rows(head | {"measure": "negative"}, negative == 1, told, min_base, conf_level)
    return pd.DataFrame(rows, columns=[*(["group"] if by is not None else []), *TRENDS])


def theme_alerts(
    trends: pd.DataFrame,
    *,
    by: pd.DataFrame | None = None,
    alarms_per_year: float = 0.5,
    recent: int | None = None,
    baseline: int | None = None,
    min_base: int = 30,
    n_sim: int = 2000,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> pd.DataFrame:
    """What the newest period of `theme_trends` says: one row a theme and measure, judged or with a reason.

    alert (q is below `level`, the level of this look), direction ("up", "down", "" without an alert), period (the newest), since (the
    first period of the present run) with the plausible starts earliest to latest (`older`: it may have begun before the `recent` periods
    that were looked at), before and now (percent of people) with intervals, estimate (now − before, percentage points) with interval,
    extra (percentage points by which periods differ beyond chance), n_before and n (people of both levels), p_value, q_value.

    `by` are the trends of groups (`theme_trends(..., by=...)`): `groups` are those in which an alert's measure moved in its direction
    from the same start on (q over alerts and groups below 1 − `conf_level`), the largest change first. None says that it is no one group.
    `recent` and `baseline` are how many periods a change counts as news, and how many periods are looked at in all (RECENT and BASELINE).
    `alarms_per_year` is how many looks of a year may raise a false alarm where nothing changes. Estimates of alerts are a little too
    large: what luck made larger is found more easily.
    """
    check_conf_level(conf_level)
    if not alarms_per_year > 0:
        raise ValueError(
            f"`alarms_per_year` must be above 0, got {alarms_per_year!r}; 0.5 is one false alarm in two years"
        )
    if trends.empty:
        return pd.DataFrame(columns=ALERTS)
    length = Period.parse(str(trends["period"].iloc[0])).length
    level = min(1 - conf_level, alarms_per_year / LOOKS[length])
    news, kept = RECENT[length] if recent is None else recent, BASELINE[length] if baseline is None else baseline
    rows: list[dict[str, Any]] = []
    series: list[_Series] = []
    for number, ((theme, measure), part) in enumerate(trends.groupby(["theme", "measure"], sort=False)):
        one = _Series.of(part, min_base, kept)
        found = one.step(news, None, n_sim, conf_level, [random_state, number])
        series.append(one)
        rows.append({"theme": theme, "measure": measure, "level": level, "groups": []} | one.told(found))
    table = pd.DataFrame(rows)
    table["q_value"] = benjamini_hochberg(table["p_value"].to_numpy(dtype=float))
    table["alert"] = table["q_value"] < level
    up = np.where(table["estimate"] > 0, "up", "down")
    table["direction"] = np.where(table["alert"], up, "")
    if by is not None and table["alert"].any():
        _groups(table, series, by, min_base, kept, n_sim, conf_level, random_state)
    return table[ALERTS]


def first_appearances(
    comments: pd.DataFrame,
    assignments: pd.DataFrame | None = None,
    *,
    since: str | date,
    text_col: str = "text",
    date_col: str = "counted_at",
    customer_col: str = "customer_id",
    timezone: str = "UTC",
    rare: float = 0.002,
    min_people: int = 5,
    n_most: int = 20,
    stop_words: Sequence[str] | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Themes and words of comments from `since` on (a period or a day) that were hardly known before.

    `comments` as for `theme_trends`, with their masked texts; `assignments` their mentions of the codebook. One row a theme (kind
    "theme") or group of words ("words": `terms`, pairs included, that stand in the same comments, the clearest first; words of the
    comments of a new theme are its own terms). first is the day of the first comment since then, estimate the percent of people who say
    it now (n_mentions of n) with interval, before the percent that did (n_mentions_before of n_before), examples up to three positions
    in `comments`, each by another person.

    Listed is what at most `rare` of the people said before, at least `min_people` say now, and whose rise is clear: one-sided p of the
    people now among all who ever said it (binomial given their sum), q over all themes, or over all words and pairs that `min_people`
    people ever used, whether they rose or not. `stop_words` are left out (default: English ones); `n_most` limits the groups of words.
    """
    check_conf_level(conf_level)
    for column in (text_col, date_col):
        if column not in comments:
            raise ValueError(f"`comments` has no column `{column}`; it has {', '.join(map(str, comments.columns))}")
    days = _days(comments[date_col], timezone)
    start = since if isinstance(since, date) else _start(since, timezone)
    dated = days.notna().to_numpy()
    now = dated & np.array([day >= start if there else False for day, there in zip(days, dated, strict=True)])
    told = comments[text_col].notna().to_numpy() & dated
    people = cluster_codes(len(comments), comments.get(customer_col))
    window = _Window(people, now & told, told & ~now, days.to_numpy(dtype=object), conf_level)
    if window.n == 0 or window.n_before == 0:
        return pd.DataFrame(columns=APPEARANCES)
    rows: list[dict[str, Any]] = []
    new_themes: list[tuple[dict[str, Any], set[int]]] = []
    if assignments is not None and len(assignments):
        names = list(dict.fromkeys(assignments["theme"]))
        flags = sparse.csc_matrix(
            np.column_stack(
                [comments.index.isin(assignments.loc[assignments["theme"] == name, "text_id"]) for name in names]
            )
        )
        for j in window.rises(flags, rare, min_people):
            row = window.row("theme", names[j], flags, j)
            new_themes.append((row, window.people_now(flags, j)))
            rows.append(row)
    words, terms = _words(comments[text_col].where(told), min_people, stop_words)
    apart: list[tuple[dict[str, Any], set[int]]] = []
    for j in window.rises(words, rare, min_people):
        own = window.people_now(words, j)
        home = next((row for row, theirs in [*new_themes, *apart] if 2 * len(own & theirs) >= len(own)), None)
        if home is not None:
            home["terms"].append(terms[j])
        elif len(apart) < n_most:
            row = window.row("words", terms[j], words, j)
            row["terms"].append(terms[j])
            apart.append((row, own))
            rows.append(row)
    return pd.DataFrame(rows, columns=APPEARANCES)


class _Places:
    """In which period each comment lies, and whose it is."""

    def __init__(self, periods: tuple[list[str], Codes], people: Codes) -> None:
        self.labels, self.period = periods
        self.people = people

    def rows(
        self,
        head: dict[str, Any],
        flags: npt.NDArray[np.bool_],
        inside: npt.NDArray[np.bool_],
        min_base: int,
        conf_level: float,
    ) -> list[dict[str, Any]]:
        """One row a period: how many of the comments inside are flagged."""
        chosen = np.flatnonzero(inside & (self.period >= 0))
        chosen = chosen[np.argsort(self.period[chosen], kind="stable")]
        ends = np.searchsorted(self.period[chosen], np.arange(len(self.labels) + 1))
        made = []
        for i, label in enumerate(self.labels):
            here = chosen[ends[i] : ends[i + 1]]
            own, whose = flags[here], self.people[here]
            everybody = len(np.unique(whose))
            if everybody == len(here):
                row = share_of(int(own.sum()), len(here), conf_level=conf_level)
            else:
                row = share_row(own, clusters=whose, conf_level=conf_level)
            if len(here) == 0:
                row["reason"] = "no comments"
            elif len(here) < min_base:
                row |= dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), math.nan)
                row["reason"] = f"n<{min_base}"
            counts = {"n_mentions": int(own.sum()), "people": everybody, "people_with": len(np.unique(whose[own]))}
            made.append(head | {"period": label} | counts | row)
        return made


class _Series:
    """The people of one series, oldest period first, small periods put together with those before them."""

    def __init__(self, blocks: list[tuple[str, str, int, int]], merged: bool, min_base: int) -> None:
        self.blocks, self.merged, self.min_base = blocks, merged, min_base

    @classmethod
    def of(cls, part: pd.DataFrame, min_base: int, kept: int) -> _Series:
        rows = part.sort_values("period", key=lambda labels: labels.map(_first_day), kind="stable")
        blocks: list[tuple[str, str, int, int]] = []
        merged = False
        first, last, count, base = "", "", 0, 0
        for label, with_, people in zip(
            rows["period"][::-1], rows["people_with"][::-1], rows["people"][::-1], strict=True
        ):
            merged = merged or base > 0
            first, last, count, base = label, last or label, count + int(with_), base + int(people)
            if base >= max(min_base, 1):
                blocks.append((first, last, count, base))
                first, last, count, base = "", "", 0, 0
        if base and blocks:
            _, last, more, rest = blocks.pop()
            blocks.append((first, last, count + more, base + rest))
            merged = True
        return cls(blocks[:kept][::-1], merged, min_base)

    def step(self, recent: int, since: str | None, n_sim: int, conf_level: float, seed: list[int]) -> RecentStep:
        if not self.blocks:
            return RecentStep.undefined(f"n<{self.min_base} in all periods together", conf_level)
        counts, bases = [block[2] for block in self.blocks], [block[3] for block in self.blocks]
        start = None if since is None else self.position(since)
        return recent_step(
            counts, bases, recent=recent, since=start, n_sim=n_sim, conf_level=conf_level,
            random_state=np.random.default_rng(seed),
        )  # fmt: skip

    def position(self, label: str) -> int:
        """The first block that ends in this period or later."""
        day = _first_day(label)
        return next((i for i, block in enumerate(self.blocks) if _first_day(block[1]) >= day), len(self.blocks) - 1)

    def told(self, found: RecentStep) -> dict[str, Any]:
        """The fields of an alert; places as the labels of periods, shares in percent."""

        def label(place: int) -> str:
            return self.blocks[place][0] if place >= 0 else ""

        percent = {
            name: 100 * getattr(found, name)
            for name in ("before", "before_low", "before_high", "now", "now_low", "now_high", "estimate", "std_error", "conf_low",
                         "conf_high", "extra")
        }  # fmt: skip
        newest = self.blocks[-1] if self.blocks else ("", "", 0, 0)
        return percent | {
            "period": newest[1] if newest[0] == newest[1] else f"{newest[0]} to {newest[1]}", "since": label(found.since),
            "earliest": label(found.earliest), "latest": label(found.latest), "older": found.open, "conf_level": found.conf_level,
            "n_before": found.n_before, "n": found.n or newest[3], "p_value": found.p_value, "merged": self.merged, "unit": "%",
            "reason": found.reason,
        }  # fmt: skip


def _groups(
    table: pd.DataFrame,
    series: list[_Series],
    by: pd.DataFrame,
    min_base: int,
    kept: int,
    n_sim: int,
    conf_level: float,
    random_state: int,
) -> None:
    """Writes into `groups` of each alert where it moved from the same start on."""
    tests: list[tuple[int, Any, RecentStep]] = []
    for i in np.flatnonzero(table["alert"]).tolist():
        mine = (by["theme"] == table["theme"].iloc[i]) & (by["measure"] == table["measure"].iloc[i])
        for number, (group, part) in enumerate(by[mine].groupby("group", sort=True)):
            one = _Series.of(part, min_base, kept)
            seed = [random_state, len(series) + i, number]
            tests.append((i, group, one.step(1, str(table["since"].iloc[i]), n_sim, conf_level, seed)))
    q = benjamini_hochberg([test.p_value for _, _, test in tests])
    lists: list[list[tuple[float, Any]]] = [[] for _ in range(len(table))]
    for (i, group, test), own in zip(tests, q, strict=True):
        if own < 1 - conf_level and np.sign(test.estimate) == np.sign(table["estimate"].iloc[i]):
            lists[i].append((-abs(test.estimate), group))
    table["groups"] = [
        [group for _, group in sorted(found, key=lambda pair: (pair[0], str(pair[1])))] for found in lists
    ]


class _Window:
    """People who wrote now and before; a column of `flags` (comments × things) says which comments hold a thing."""

    def __init__(
        self,
        people: Codes,
        now: npt.NDArray[np.bool_],
        before: npt.NDArray[np.bool_],
        days: npt.NDArray[Any],
        conf_level: float,
    ) -> None:
        self.people, self.now, self.days, self.conf_level = people, np.flatnonzero(now), days, conf_level
        self.before = np.flatnonzero(before)
        self.n, self.n_before = len(np.unique(people[now])), len(np.unique(people[before]))

    def counted(self, flags: sparse.csc_matrix, rows: Codes) -> npt.NDArray[np.int64]:
        """People with each thing, among the comments of these rows."""
        part = flags.tocsr()[rows].tocoo()
        size = int(self.people.max(initial=0)) + 1
        own = np.unique(part.col.astype(np.int64) * size + self.people[rows[part.row]])
        return np.bincount(own // size, minlength=flags.shape[1])

    def rises(self, flags: sparse.csc_matrix, rare: float, min_people: int) -> list[int]:
        """The columns that are new, the clearest first."""
        self.with_now, self.with_before = self.counted(flags, self.now), self.counted(flags, self.before)
        both = self.with_now + self.with_before
        tested = both >= min_people
        chance = self.n / (self.n + self.n_before)
        self.p = np.where(tested, stats.binom.sf(self.with_now - 1, np.maximum(both, 1), chance), np.nan)
        self.q = benjamini_hochberg(self.p)
        new = (
            (self.q < 1 - self.conf_level) & (self.with_now >= min_people) & (self.with_before <= rare * self.n_before)
        )
        order = np.lexsort((-self.with_now, self.p))
        return [int(j) for j in order if new[j]]

    def comments_now(self, flags: sparse.csc_matrix, j: int) -> Codes:
        rows = self.now[flags[:, [j]].toarray().ravel()[self.now] > 0]
        return rows[np.argsort(np.array([self.days[row].toordinal() for row in rows]), kind="stable")]

    def people_now(self, flags: sparse.csc_matrix, j: int) -> set[int]:
        return set(self.people[self.comments_now(flags, j)].tolist())

    def row(self, kind: str, name: str, flags: sparse.csc_matrix, j: int) -> dict[str, Any]:
        rows = self.comments_now(flags, j)
        told = share_of(int(self.with_now[j]), self.n, conf_level=self.conf_level)
        first_of_each = rows[np.sort(np.unique(self.people[rows], return_index=True)[1])]
        return {
            "kind": kind, "name": name, "terms": [], "first": self.days[rows[0]], "estimate": told["estimate"],
            "conf_low": told["conf_low"], "conf_high": told["conf_high"], "conf_level": self.conf_level,
            "n_mentions": int(self.with_now[j]), "n": self.n, "before": 100 * self.with_before[j] / self.n_before,
            "n_mentions_before": int(self.with_before[j]), "n_before": self.n_before, "p_value": float(self.p[j]),
            "q_value": float(self.q[j]), "examples": [int(row) for row in first_of_each[:3]],
        }  # fmt: skip


def _words(texts: pd.Series, min_people: int, stop_words: Sequence[str] | None) -> tuple[sparse.csc_matrix, list[str]]:
    """Comments × words and pairs of words that stand in enough comments."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    idle = sorted(ENGLISH_STOP_WORDS if stop_words is None else stop_words)
    counter = CountVectorizer(
        token_pattern=_TOKEN, ngram_range=(1, 2), stop_words=idle, min_df=min_people, binary=True, dtype=np.int32
    )
    plain = texts.fillna("").astype(str).str.replace(_PLACEHOLDER, " ", regex=True)
    try:
        flags = counter.fit_transform(plain)
    except ValueError:  # no word is left
        return sparse.csc_matrix((len(texts), 0)), []
    return flags.tocsc(), [str(term) for term in counter.get_feature_names_out()]


def _every(every: str) -> Every:
    if every not in LENGTHS:
        raise ValueError(f"`every` must be week, month, quarter or year, got {every!r}")
    return every


def _days(moments: pd.Series, timezone: str) -> pd.Series:
    """The day of each moment where the study is; a moment without a time zone stays on its day."""
    if not pd.api.types.is_datetime64_any_dtype(moments.dtype):
        lost = moments.dropna().map(lambda value: not isinstance(value, date))
        if lost.any():
            raise ValueError(
                f"`{moments.name}` must hold moments or days, got {moments.dropna()[lost].iloc[0]!r}; use pd.to_datetime"
            )
        return moments.map(lambda value: value.date() if isinstance(value, pd.Timestamp) else value)
    return (moments.dt.tz_convert(timezone) if moments.dt.tz is not None else moments).dt.date


def _start(label: str, timezone: str) -> date:
    try:
        return date.fromisoformat(label)
    except ValueError:
        return Period.parse(label, timezone).first


def _periods(days: pd.Series, every: Every, until: str | None) -> tuple[list[str], Codes]:
    """The labels of all periods, and the number of that of each day (−1 without a day or after the last)."""
    known = sorted(days.dropna().unique())
    if not known:
        return [], np.full(len(days), -1)
    end = known[-1] if until is None else Period.parse(until).after - timedelta(days=1)
    labels = [period.label for period in Period.containing(known[0], every).up_to(Period.containing(end, every))]
    number = {label: i for i, label in enumerate(labels)}
    of_day = {day: number.get(Period.containing(day, every).label, -1) for day in known}
    return labels, np.array([of_day.get(day, -1) for day in days], dtype=np.intp)


def _first_day(label: str) -> date:
    return Period.parse(str(label)).first


def _negative(own: pd.DataFrame, comments: pd.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """1 where a comment is negative about the theme, 0 where it is not, NaN where that is not known."""
    if column in own:
        told = own[["text_id", column]].dropna()
        bad = _is_negative(told[column])
        bad.index = pd.Index(told["text_id"])
        return bad.groupby(level=0).max().reindex(comments.index).to_numpy(dtype=float)
    if column not in comments:
        raise ValueError(f"neither `assignments` nor `comments` has a column `{column}`")
    return _is_negative(comments[column]).where(comments[column].notna()).to_numpy(dtype=float)


def _is_negative(told: pd.Series) -> pd.Series:
    return told.map(lambda value: float(value is True or value == "negative" or value == 1)).astype(float)
