"""The questions that only an event survey has: who was asked after which contact, how soon they answered, and who waits for a call.

An event survey asks about one contact, soon after it. So its answers depend on when they were given, its base on which events
led to an invitation, and its welcome on how often one customer is asked. One row of `responses` is one answer, of `events` one
contact, of `invitations` one message to one customer. Times are moments (`datetime64`), lags are `Timedelta`, a lag is always
the time of the answer minus the time of the event. Rows that cannot be used are left out and counted, never dropped silently.

What none of this says: that memory fades because late answers differ from early ones. Who answers late is somebody else than
who answers early, and the same person was not asked twice. Coverage says which events led to an invitation, not whether those
asked resemble the rest. A contact rule that is kept does not prove that customers feel left in peace: other senders write, too.

Intervals of shares are Wilson's, of means Student's (`cxlab.survey.metrics`); the slope over the lag is least squares with
HC3 errors (MacKinnon & White, *Journal of Econometrics* 29, 1985) or errors clustered by customer or account.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.estimates import share_row
from cxlab.inference.intervals import Estimate, Floats, check_conf_level, check_weights, critical_value, two_sided_p
from cxlab.inference.sentences import base
from cxlab.period import LENGTHS, Length, labels_of
from cxlab.problems import did_you_mean
from cxlab.survey.metrics import Metric, check_top, measure, survey_estimate
from cxlab.survey.respondents import check_columns, read_answers
from cxlab.survey.scales import Scale, check_ends
from cxlab.wording import MIN_BASE, SURVEY_WORDS, estimate_text, interval_text, list_text, number_text, p_text

Negative = Literal["refuse", "leave_out"]
_DAY, _HOUR, _MINUTE = pd.Timedelta(days=1), pd.Timedelta(hours=1), pd.Timedelta(minutes=1)
EDGES = (_HOUR, _DAY, 3 * _DAY, 7 * _DAY)
_NO_KEY, _NO_EVENT, _NO_ANSWER_TIME, _NO_EVENT_TIME, _NEGATIVE = (
    "no event is named", "the event is not in the log", "no time of the answer", "no time of the event",
    "answered before the event",
)  # fmt: skip


# ------------------------------------------------------------------------------------------------------------ the lag


@dataclass(frozen=True)
class AnswerLags:
    """How long after the event each answer came. `frame` has one row a response, in the order and with the index of the
    responses: the key of the event, submitted_at, event_at, lag (NaT for none) and reason (why there is none)."""

    frame: pd.DataFrame

    @property
    def lag(self) -> pd.Series:
        return self.frame["lag"]

    @property
    def n(self) -> int:
        """Responses with a lag."""
        return int(self.lag.notna().sum())

    @property
    def missing(self) -> dict[str, int]:
        """How many responses have no lag, by reason."""
        counts = self.frame.loc[self.lag.isna(), "reason"].value_counts()
        return {str(reason): int(count) for reason, count in counts.items()}

    def to_frame(self) -> pd.DataFrame:
        return self.frame.copy()

    def headline(self) -> str:
        """The median and the ninth decile of the lag, and what was left out."""
        without = sum(self.missing.values())
        left = f"; {without:,} {_plural(without, 'has', 'have')} no lag" if without else ""
        if self.n == 0:
            return f"No answer can be placed after its event{left}."
        seconds = self.lag.dt.total_seconds()
        half, most = (spoken(pd.Timedelta(seconds=float(seconds.quantile(q)))) for q in (0.5, 0.9))
        return f"Half of the answers came within {half} of the event, nine in ten within {most} ({base(self.n)}){left}."


def answer_lag(
    responses: pd.DataFrame,
    events: pd.DataFrame,
    *,
    key: str = "event_id",
    submitted_col: str = "submitted_at",
    event_time_col: str = "timestamp",
    negative: Negative = "refuse",
) -> AnswerLags:
    """How long after its event each response was submitted.

    An answer from before its event means that a time, a time zone or a key is wrong, so it is refused; with
    `negative="leave_out"` it has no lag, and is counted. Raises ValueError also for an event that is in the log twice, and
    for times that are no moments or of which one knows its time zone and the other does not.

    >>> day = pd.Timestamp("2026-07-01 09:00")
    >>> responses = pd.DataFrame({"event_id": ["a", "b"], "submitted_at": [day + pd.Timedelta("2h"), day]})
    >>> events = pd.DataFrame({"event_id": ["a"], "timestamp": [day]})
    >>> lags = answer_lag(responses, events)
    >>> lags.lag.tolist()[0], lags.missing
    (Timedelta('0 days 02:00:00'), {'the event is not in the log': 1})
    """
    if negative not in get_args(Negative):
        raise ValueError(f"`negative` must be refuse or leave_out, got {negative!r}")
    check_columns(responses, [key, submitted_col])
    check_columns(events, [key, event_time_col])
    submitted, happened = _moments(responses, submitted_col), _moments(events, event_time_col)
    submitted, happened = _same_clock(submitted, submitted_col, happened, event_time_col)
    log = happened.set_axis(events[key].to_numpy())
    log = log[log.index.notna()]
    if log.index.has_duplicates:
        twice = log.index[log.index.duplicated()]
        raise ValueError(
            f"`{key}` {twice[0]} is {int((log.index == twice[0]).sum())} times in the events ({twice.nunique()} such keys); "
            "keep one row an event, or the lag is not certain"
        )
    named = responses[key]
    event_at = pd.Series(log.reindex(named.to_numpy()).array, index=responses.index)
    lag = submitted - event_at
    reason = pd.Series(
        np.select(
            [named.isna(), ~named.isin(log.index), submitted.isna(), event_at.isna(), lag < pd.Timedelta(0)],
            [_NO_KEY, _NO_EVENT, _NO_ANSWER_TIME, _NO_EVENT_TIME, _NEGATIVE],
            default="",
        ),
        index=responses.index,
        dtype=object,
    )
    early = (reason == _NEGATIVE).to_numpy()
    if early.any() and negative == "refuse":
        at = int(np.flatnonzero(early)[0])
        raise ValueError(
            f"{int(early.sum())} answers came before their event; the first: {_who(responses, at)} was submitted "
            f"{submitted.iloc[at]}, its event {named.iloc[at]} happened {event_at.iloc[at]}; mend the times (time zones?) or "
            'the keys, or say negative="leave_out"'
        )
    frame = pd.DataFrame(
        {key: named, "submitted_at": submitted, "event_at": event_at, "lag": lag.mask(reason != ""), "reason": reason}
    )
    return AnswerLags(frame)


def lag_bands(
    lags: pd.Series,
    scores: Any,
    scale: Scale,
    *,
    edges: Sequence[pd.Timedelta] = EDGES,
    top: int = 2,
    weights: Any = None,
    clusters: Any = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row a band of the lag and measure: satisfied customers (the `top` best answers, percent) and the mean score.

    A band reaches from the edge before it (not included) to its own (included); the last has no end. Columns: band, metric
    ("top_box", "mean"), estimate, std_error, conf_low, conf_high, conf_level, n (scored), n_responses (in the band, scored
    or not), share_responses (of all with a lag, percent), unit, reason. Responses without a lag are in no band. Raises
    ValueError for negative lags, lags that are no durations, and edges that do not rise.
    """
    check_conf_level(conf_level)
    ends, limits = check_ends(scale), _edges(edges)
    check_top(top, ends)
    given = _durations(lags)
    answers = pd.Series(_beside(scores, given, "scores"), index=given.index)
    whole = read_answers(answers, ends, name="scores", whole=True, weights=weights, clusters=clusters)
    place = np.column_stack([given > limit for limit in limits]).sum(axis=1)
    place[given.isna().to_numpy()] = -1
    scored = place[answers.notna().to_numpy()]
    n_placed = int((place >= 0).sum())
    metrics: tuple[Metric, ...] = ("top_box", "mean")
    rows: list[dict[str, Any]] = []
    for number, band in enumerate(_band_names(limits)):
        mine, size = scored == number, int((place == number).sum())
        own = replace(
            whole, scores=whole.scores[mine], weights=whole.weights[mine], n_missing=size - int(mine.sum()),
            clusters=None if whole.clusters is None else whole.clusters[mine],
        )  # fmt: skip
        beside = {"band": band, "n_responses": size, "share_responses": 100 * size / n_placed if n_placed else math.nan}
        for metric in metrics:
            stated = asdict(survey_estimate(measure(own, metric, ends, top=top), band, conf_level))
            rows.append(stated | beside | {"metric": metric})
    return pd.DataFrame(rows)[_BAND_COLUMNS]


_BAND_COLUMNS = [
    "band", "metric", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "n_responses",
    "share_responses", "unit", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class LagDecay(Estimate):
    """How much higher the score is per doubling of the lag (points of the scores; negative: late answers are lower).

    `n_missing` responses lack a score, a lag or a touchpoint, or have the weight 0; `n_alone` are the only ones of their
    touchpoint and say nothing; `n_floored` were answered faster than the shortest lag and count as that. `df` are the degrees
    of freedom.
    """

    _: KW_ONLY
    p_value: float = math.nan
    df: float = math.nan
    n_missing: int = 0
    n_alone: int = 0
    n_floored: int = 0
    n_touchpoints: int = 0
    clustered: bool = False

    def headline(self) -> str:
        """The slope, and why it is no proof that memory fades."""
        within = " at the same touchpoint" if self.n_touchpoints > 1 else ""
        if math.isnan(self.estimate) or math.isnan(self.conf_low):
            return (
                f"Whether scores change with the time to the answer cannot be stated: {self.reason} ({base(self.n)})."
            )
        level = "" if math.isclose(self.conf_level, 0.95) else f", {100 * self.conf_level:g}% interval"
        beside = f"p {p_text(self.p_value)}, {base(self.n)}{level}); who answers late differs from who answers early"
        if self.conf_low <= 0 <= self.conf_high:
            value, low, high = (
                number_text(end, 2, signed=True) for end in (self.estimate, self.conf_low, self.conf_high)
            )
            return (
                f"Scores do not clearly change with the time to the answer{within}: {value} points when it doubles "
                f"({low} to {high}, {beside}."
            )
        side = "lower" if self.estimate < 0 else "higher"
        least, most = sorted((abs(self.conf_low), abs(self.conf_high)))
        return (
            f"Answers that come twice as late are {number_text(abs(self.estimate), 2)} points {side}{within} "
            f"({number_text(least, 2)} to {number_text(most, 2)}, {beside}, so the delay need not be the reason."
        )


def lag_decay(
    scores: Any,
    lags: pd.Series,
    touchpoints: Any = None,
    weights: Any = None,
    clusters: Any = None,
    conf_level: float = 0.95,
    *,
    shortest: pd.Timedelta = _MINUTE,
) -> LagDecay:
    """The slope of the score over the logarithm of the lag in days, among answers about the same touchpoint.

    Least squares with an intercept a touchpoint, reported per doubling of the lag; errors are HC3, or clustered where
    `clusters` are given (an answer without one is a cluster of its own). A lag below `shortest` counts as `shortest`: the
    logarithm of nothing is not defined. Where lags or scores do not vary the slope is NaN, with the reason. Raises
    ValueError for negative lags, lags that are no durations, and scores that are no numbers.
    """
    import statsmodels.api as sm

    check_conf_level(conf_level)
    floor = _duration(shortest, "shortest") / _DAY
    given = _durations(lags)
    y, days = _numbers(_beside(scores, given, "scores"), "scores"), given.dt.total_seconds().to_numpy() / 86_400
    touchpoint = np.zeros(len(given)) if touchpoints is None else _beside(touchpoints, given, "touchpoints")
    known = ~np.isnan(y) & ~np.isnan(days) & ~pd.isna(touchpoint)
    w = np.ones(len(given))
    if weights is not None:
        w[known] = check_weights(_beside(weights, given, "weights")[known], int(known.sum()))
        known &= w > 0
    own = pd.Series(touchpoint[known])
    alone = (own.map(own.value_counts()) < 2).to_numpy() if touchpoints is not None else np.zeros(len(own), dtype=bool)
    rows = np.flatnonzero(known)[~alone]
    y, w, days = y[rows], w[rows], days[rows]
    codes, names = pd.factorize(touchpoint[rows])
    units = None if clusters is None else _cluster_codes(_beside(clusters, given, "clusters")[rows])
    counts: dict[str, Any] = {
        "n_missing": int((~known).sum()), "n_alone": int(alone.sum()), "n_floored": int((days < floor).sum()),
        "n_touchpoints": 0 if touchpoints is None else len(names), "clustered": clusters is not None,
        "label": "The slope of the score per doubling of the lag",
    }  # fmt: skip
    own_intercept = np.equal.outer(codes, np.arange(len(names))).astype(float)
    design = np.column_stack([np.log2(np.maximum(days, floor)), own_intercept])
    if reason := _why_no_slope(design, y, w, codes, units):
        return LagDecay(math.nan, math.nan, math.nan, math.nan, conf_level, len(rows), reason=reason, **counts)
    errors: dict[str, Any] = (
        {"cov_type": "HC3"} if units is None else {"cov_type": "cluster", "cov_kwds": {"groups": units}}
    )
    fit = sm.WLS(y, design, weights=w).fit(use_t=True, **errors)
    slope, error = float(fit.params[0]), float(fit.bse[0])
    df = float(len(y) - design.shape[1] if units is None else units.max())
    if error < 1e-9:
        nan, reason = math.nan, "every score lies on the line"
        return LagDecay(slope, nan, nan, nan, conf_level, len(rows), reason=reason, df=df, **counts)
    half = critical_value(conf_level, df) * error
    return LagDecay(
        slope, error, slope - half, slope + half, conf_level, len(rows), p_value=two_sided_p(slope / error, df), df=df,
        **counts,
    )  # fmt: skip


def _why_no_slope(
    design: Floats, y: Floats, w: Floats, codes: npt.NDArray[np.intp], units: npt.NDArray[np.intp] | None
) -> str:
    """Why there is no slope, or no error of it; empty where there is one."""
    if len(y) == 0:
        return "no answer has a score and a lag"
    size, within = np.bincount(codes), " within any touchpoint" if design.shape[1] > 2 else ""
    for word, values in (("lag", design[:, 0]), ("score", y)):
        if np.abs(values - (np.bincount(codes, weights=values) / size)[codes]).max() < 1e-9:
            return f"the {word} does not vary{within}"
    if len(y) <= design.shape[1]:
        return f"{len(y)} answers are too few"
    if units is not None:
        return "all answers come from one cluster" if units.max() < 1 else ""
    leverage = (np.linalg.qr(design * np.sqrt(w)[:, None])[0] ** 2).sum(axis=1)
    return "a single answer decides the slope" if leverage.max() > 1 - 1e-9 else ""


# ------------------------------------------------------------------------------------------- who was asked, how often


@dataclass(frozen=True)
class Coverage:
    """Which eligible events led to an invitation. `frame` has one row a touchpoint and period: touchpoint, period, invited,
    estimate (percent of the eligible) with std_error, conf_low, conf_high, conf_level, n (eligible), unit, reason.

    `overall` is the same for all of them. `n_repeated` invitations were for an event that already had one, `n_elsewhere` for
    none of the eligible, `n_unnamed` name no event; none of these counts. `n_left_out` eligible events have no key, touchpoint
    or time.
    """

    frame: pd.DataFrame
    overall: Estimate
    invited: int
    n_repeated: int
    n_elsewhere: int
    n_unnamed: int
    n_left_out: int

    def to_frame(self) -> pd.DataFrame:
        return self.frame.copy()

    def headline(self) -> str:
        """The share invited, and where it is lowest among the cells with a base of 30."""
        if self.overall.n == 0:
            return "Coverage cannot be stated: no event is eligible (n 0)."
        all_ = _percent(self.overall.estimate, self.overall.conf_low, self.overall.conf_high)
        said = f"{self.invited:,} of {self.overall.n:,} eligible events led to an invitation: {all_}"
        large = self.frame[self.frame["n"] >= MIN_BASE]
        if len(large) > 1:
            least: Any = large.sort_values("estimate", kind="stable").iloc[0]
            share = _percent(least["estimate"], least["conf_low"], least["conf_high"])
            said += f"; least for {least['touchpoint']} in {least['period']}: {share}, {base(int(least['n']))}"
        return said + "."


def coverage(
    invitations: pd.DataFrame,
    eligible: pd.DataFrame,
    *,
    key: str = "event_id",
    touchpoint_col: str = "touchpoint",
    at_col: str = "timestamp",
    length: Length = "month",
    timezone: str = "UTC",
    conf_level: float = 0.95,
) -> Coverage:
    """The share of eligible events that led to an invitation, by touchpoint and by the period in which they happened.

    `eligible` has one row an event that the survey's own rule allows to ask about, `invitations` one row a message; `key`
    links them. Periods are weeks, months, quarters or years in `timezone`. The interval reads the share as what the
    sampling would do again, although every event of the period was counted. Raises ValueError for a key that is twice
    among the eligible.
    """
    check_conf_level(conf_level)
    if length not in LENGTHS:
        raise ValueError(f"`length` must be a length of a period, got {length!r}; {did_you_mean(str(length), LENGTHS)}")
    check_columns(invitations, [key])
    check_columns(eligible, [key, touchpoint_col, at_col])
    times = _moments(eligible, at_col)
    usable = (eligible[key].notna() & eligible[touchpoint_col].notna() & times.notna()).to_numpy()
    frame = eligible[usable]
    if frame[key].duplicated().any():
        twice = frame.loc[frame[key].duplicated(), key].iloc[0]
        raise ValueError(
            f"`{key}` {twice} is {int((frame[key] == twice).sum())} times among the eligible; keep one row an event"
        )
    named = invitations[key].dropna()
    hit = frame[key].isin(named).to_numpy()
    local = times[usable] if times.dt.tz is None else times[usable].dt.tz_convert(timezone)
    days = local.dt.date
    periods = labels_of(days, length, timezone)
    cells = pd.DataFrame({"touchpoint": frame[touchpoint_col], "period": periods, "hit": hit})
    rows = [
        {"touchpoint": touchpoint, "period": period, "invited": int(part["hit"].sum())}
        | share_row(part["hit"], conf_level=conf_level)
        for (touchpoint, period), part in cells.groupby(["touchpoint", "period"], sort=True, observed=True)
    ]
    whole = share_row(hit, conf_level=conf_level)
    known = named[named.isin(frame[key])]
    return Coverage(
        pd.DataFrame(rows, columns=_COVERAGE_COLUMNS), Estimate(**whole, label="Coverage"), int(hit.sum()),
        int(known.duplicated().sum()), int((~named.isin(frame[key])).sum()), int(invitations[key].isna().sum()),
        int((~usable).sum()),
    )  # fmt: skip


_COVERAGE_COLUMNS = [
    "touchpoint", "period", "invited", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class ContactRule:
    """Which invitations came too soon after another. `frame` has one row an invitation, on the index of the invitations,
    customer by customer in the order of time: customer_id, invited_at, survey, place (1 for an invitation that counts, k for
    the k-th since then), days_since and after (days since, and survey of, the invitation that counts before it), breaks.

    `by_survey` has one row a survey: survey, n, n_breaking, share (percent). All invitations were counted, so there is no
    interval. `n_left_out` invitations have no customer or no time.
    """

    frame: pd.DataFrame
    by_survey: pd.DataFrame
    days: float
    n_left_out: int

    @property
    def n(self) -> int:
        return len(self.frame)

    @property
    def n_breaking(self) -> int:
        return int(self.frame["breaks"].sum())

    @property
    def n_customers(self) -> int:
        """Customers who were invited at all."""
        return int(self.frame["customer_id"].nunique())

    @property
    def n_affected(self) -> int:
        """Customers with an invitation too many."""
        return int(self.frame.loc[self.frame["breaks"], "customer_id"].nunique())

    def to_frame(self) -> pd.DataFrame:
        """One row a survey; single customers are in `frame` alone."""
        return self.by_survey.copy()

    def headline(self) -> str:
        """How many invitations broke the rule, and for how many customers."""
        rule = f"one invitation per {self.days:g} {_plural(self.days, 'day', 'days')}"
        left = f"; {self.n_left_out:,} without customer or time are not checked" if self.n_left_out else ""
        if self.n == 0:
            return f"Whether {rule} was kept cannot be stated: no invitation has a customer and a time{left}."
        if self.n_breaking == 0:
            return f"Of {self.n:,} invitations none broke the rule of {rule}{left}."
        broke = self.by_survey[self.by_survey["n_breaking"] > 0].sort_values(
            "n_breaking", ascending=False, kind="stable"
        )
        counted = zip(broke["survey"], broke["n_breaking"], strict=True)
        whose = list_text(f"{SURVEY_WORDS.get(survey, survey)} {int(count):,}" for survey, count in counted)
        named = f" ({whose})" if len(self.by_survey) > 1 else ""
        return (
            f"Of {self.n:,} invitations {self.n_breaking:,} broke the rule of {rule}{named}; "
            f"{self.n_affected:,} of {self.n_customers:,} customers were asked too often{left}."
        )


def contact_rule(
    invitations: pd.DataFrame,
    *,
    days: float,
    customer_col: str = "customer_id",
    at_col: str = "invited_at",
    survey_col: str = "survey",
) -> ContactRule:
    """Check the rule of one invitation per `days` days and customer, over all surveys together.

    A customer's first invitation counts. A later one breaks the rule where it comes less than `days` days after the one
    before that counts; otherwise it counts itself. What broke the rule does not count: had it not been sent, the next would
    have been in order. Invitations at the same moment are taken in the order of their surveys. A table without `survey_col`
    is one survey. Raises ValueError for days that are no number above 0.
    """
    if isinstance(days, bool) or not isinstance(days, (int, float, np.number)) or not 0 < days < math.inf:
        raise ValueError(f"`days` must be a number of days above 0, got {days!r}; once a quarter is about 90")
    check_columns(invitations, [customer_col, at_col])
    times = _moments(invitations, at_col)
    survey = invitations[survey_col] if survey_col in invitations else pd.Series("all", index=invitations.index)
    known = (invitations[customer_col].notna() & times.notna()).to_numpy()
    table = pd.DataFrame(
        {
            "customer_id": invitations[customer_col],
            "invited_at": times,
            "survey": survey.astype(object).fillna("not said"),
        }
    )[known]
    who = pd.factorize(table["customer_id"])[0]
    moments = table["invited_at"].dt.as_unit("ns").astype("int64").to_numpy()
    order = np.lexsort((pd.factorize(table["survey"].astype(str), sort=True)[0], moments, who))
    table, who, moments = table.iloc[order], who[order], moments[order]
    place, before = _walk(who, moments, round(days * _DAY.as_unit("ns").value))
    follows = before >= 0
    frame = table.assign(
        place=place,
        days_since=np.where(follows, (moments - moments[before]) / _DAY.as_unit("ns").value, math.nan),
        after=pd.Series(table["survey"].to_numpy()[before], index=table.index, dtype=object).where(follows, None),
        breaks=place > 1,
    )
    by_survey = frame.groupby("survey", sort=True)["breaks"].agg(n="size", n_breaking="sum").reset_index()
    by_survey["share"] = 100 * by_survey["n_breaking"] / by_survey["n"]
    return ContactRule(frame, by_survey, float(days), int((~known).sum()))


def _walk(
    who: npt.NDArray[np.intp], moments: npt.NDArray[np.int64], shortest: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """For each invitation, customer by customer in the order of time: its place since the last that counts, and that one."""
    place, before = np.ones(len(who), dtype=np.intp), np.full(len(who), -1, dtype=np.intp)
    counts = 0
    for i in range(1, len(who)):
        if who[i] == who[i - 1]:
            before[i] = counts
            if moments[i] - moments[counts] < shortest:
                place[i] = place[i - 1] + 1
                continue
        counts = i
    return place, before


# ---------------------------------------------------------------------------------------------------- who waits for a call


@dataclass(frozen=True)
class AlertQueue:
    """Unhappy answers that wait for a call. `frame` names persons and belongs into the restricted/ lists of a report only.

    One row a response, the first due first: customer_id, response_id, submitted_at, score, due, overdue, hours_left (negative
    once overdue). An answer without a time has no due and stands at the top. `n_uncallable` unhappy answers have no customer,
    `n_unscored` responses have no score, `n_later` came after `now` and are not looked at. `n_undated` of the queue have no time.
    """

    frame: pd.DataFrame
    now: pd.Timestamp
    within: pd.Timedelta
    n_uncallable: int
    n_unscored: int
    n_later: int

    @property
    def n(self) -> int:
        return len(self.frame)

    @property
    def n_overdue(self) -> int:
        return int(self.frame["overdue"].sum())

    @property
    def n_undated(self) -> int:
        return int(self.frame["submitted_at"].isna().sum())

    def to_frame(self) -> pd.DataFrame:
        """The list of persons: for restricted/ only."""
        return self.frame.copy()

    def headline(self) -> str:
        """How many wait and how many too long; it names nobody."""
        beside = f"; {self.n_uncallable:,} more cannot be called: no customer is known" if self.n_uncallable else ""
        if self.n == 0:
            return f"No unhappy answer waits for a call{beside}."
        people = int(self.frame["customer_id"].nunique())
        return (
            f"{self.n:,} unhappy {_plural(self.n, 'answer waits', 'answers wait')} for a call ({people:,} "
            f"{_plural(people, 'customer', 'customers')}), {self.n_overdue:,} of them longer than {spoken(self.within)}{beside}."
        )


def alert_queue(
    responses: pd.DataFrame,
    *,
    score_col: str,
    at_most: float,
    now: pd.Timestamp,
    within: pd.Timedelta,
    submitted_col: str = "submitted_at",
    customer_col: str = "customer_id",
    id_col: str = "response_id",
) -> AlertQueue:
    """The unhappy responses (score `at_most` or lower) that wait for a call, due `within` a time after they were submitted.

    This is a list of persons. It belongs into the restricted/ lists of a report only, never into a page, a table or an
    export. `responses` are those that nobody has dealt with: leave out whoever was called already. Raises ValueError for a
    response that is there twice, scores that are no numbers, and a duration without a unit.
    """
    check_columns(responses, [score_col, submitted_col, customer_col, id_col])
    if isinstance(at_most, bool) or not isinstance(at_most, (int, float, np.number)) or math.isnan(at_most):
        raise ValueError(f"`at_most` must be the highest unhappy score, got {at_most!r}; a detractor is 6 or lower")
    if not isinstance(now, pd.Timestamp):
        raise ValueError(f'`now` must be a moment, got {now!r}; write pd.Timestamp("2026-07-01 09:00", tz="UTC")')
    allowed, moment = _duration(within, "within"), now
    submitted, _ = _same_clock(_moments(responses, submitted_col), submitted_col, pd.Series([moment]), "now")
    scores = _numbers(responses[score_col].to_numpy(), score_col)
    later = (submitted > moment).to_numpy()
    unhappy = (scores <= at_most) & ~later
    callable_ = responses[customer_col].notna().to_numpy()
    chosen = unhappy & callable_
    ids = responses.loc[chosen, id_col]
    if ids.isna().any() or ids.duplicated().any():
        what = f"{int(ids.isna().sum())} have none"
        if ids.notna().all():
            what = f"{ids[ids.duplicated()].iloc[0]} is there twice"
        raise ValueError(f"`{id_col}` must name each unhappy response once, {what}; one response is one call")
    due = submitted[chosen] + allowed
    queue = pd.DataFrame(
        {
            "customer_id": responses.loc[chosen, customer_col], "response_id": ids, "submitted_at": submitted[chosen],
            "score": scores[chosen], "due": due, "overdue": due < moment, "hours_left": (due - moment) / _HOUR,
        }
    )  # fmt: skip
    queue = queue.sort_values(["due", "response_id"], na_position="first", kind="stable", ignore_index=True)
    return AlertQueue(
        queue, moment, allowed, n_uncallable=int((unhappy & ~callable_).sum()),
        n_unscored=int((np.isnan(scores) & ~later).sum()), n_later=int(later.sum()),
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------------------------- guards


def _moments(frame: pd.DataFrame, column: str) -> pd.Series:
    times = frame[column]
    if not pd.api.types.is_datetime64_any_dtype(times.dtype):
        if times.isna().all():
            return pd.to_datetime(times)
        first = times.dropna().iloc[0]
        raise ValueError(
            f"`{column}` must hold moments (datetime64), got {first!r}; read it with pd.to_datetime, with its format"
        )
    return times


def _same_clock(first: pd.Series, first_col: str, second: pd.Series, second_col: str) -> tuple[pd.Series, pd.Series]:
    """Both as they are; refused where one knows its time zone and the other does not. A column without times has any."""
    if (first.dt.tz is None) == (second.dt.tz is None):
        return first, second
    if first.isna().all():
        return pd.Series(pd.NaT, index=first.index, dtype=second.dtype), second
    if second.isna().all():
        return first, pd.Series(pd.NaT, index=second.index, dtype=first.dtype)
    aware, bare = (second_col, first_col) if first.dt.tz is None else (first_col, second_col)
    raise ValueError(
        f"`{aware}` has a time zone ({first.dt.tz or second.dt.tz}) and `{bare}` has none, so they cannot be compared; "
        f"give `{bare}` its zone with tz_localize"
    )


def _durations(lags: Any) -> pd.Series:
    """Lags as durations, none negative."""
    given = lags if isinstance(lags, pd.Series) else pd.Series(lags)
    if not pd.api.types.is_timedelta64_dtype(given.dtype):
        if len(given) and given.notna().any():
            first = given.dropna().iloc[0]
            raise ValueError(
                f"`lags` must hold durations (Timedelta), got {first!r}, which has no unit; take them from `answer_lag`"
            )
        return pd.Series(pd.NaT, index=given.index, dtype="timedelta64[ns]")
    early = (given < pd.Timedelta(0)).to_numpy()
    if early.any():
        raise ValueError(
            f"{int(early.sum())} lags are negative, the first {given[early].iloc[0]}; an answer cannot come before its event: "
            'mend the times, or leave them out with answer_lag(…, negative="leave_out")'
        )
    return given


def _duration(given: Any, name: str) -> pd.Timedelta:
    """One duration above 0; a bare number has no unit."""
    if isinstance(given, (int, float, np.number)):
        raise ValueError(f'`{name}` must be a duration with its unit, got {given!r}; write pd.Timedelta("{given:g}h")')
    try:
        made = pd.Timedelta(given)
    except (TypeError, ValueError):
        raise ValueError(f'`{name}` must be a duration, got {given!r}; write pd.Timedelta("24h")') from None
    if pd.isna(made) or not made > pd.Timedelta(0):
        raise ValueError(f"`{name}` must be longer than nothing, got {given!r}")
    return made


def _edges(edges: Iterable[Any]) -> list[pd.Timedelta]:
    limits = [_duration(edge, "edges") for edge in edges]
    if not limits:
        raise ValueError("`edges` is empty; give at least one end of a band")
    for before, after in pairwise(limits):
        if not after > before:
            raise ValueError(f"`edges` must rise, got {spoken(after)} after {spoken(before)}")
    return limits


def _band_names(limits: list[pd.Timedelta]) -> list[str]:
    names = [spoken(limit) for limit in limits]
    between = [f"{low} to {high}" for low, high in pairwise(names)]
    return [f"within {names[0]}", *between, f"longer than {names[-1]}"]


def _numbers(given: npt.NDArray[Any], name: str) -> Floats:
    column = pd.Series(given)
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    lost = column.notna().to_numpy() & ~np.isfinite(values)
    if lost.any():
        raise ValueError(f"`{name}` holds {column[lost].iloc[0]!r}, which is no number; recode it or leave it out")
    return values


def _beside(given: Any, lags: pd.Series, name: str) -> npt.NDArray[Any]:
    """A column that runs beside the lags, as an array."""
    if isinstance(given, pd.Series) and not given.index.equals(lags.index):
        raise ValueError(
            f"`{name}` has another index than the lags, so it is not certain whose they are; take both from one table"
        )
    column = np.asarray(given)
    if column.shape != (len(lags),):
        raise ValueError(f"`{name}` must be one column of {len(lags)} values, one a response, got shape {column.shape}")
    return column


def _cluster_codes(clusters: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    codes: npt.NDArray[np.intp] = pd.factorize(clusters)[0]
    alone = codes < 0
    codes[alone] = codes.max(initial=-1) + 1 + np.arange(alone.sum())
    return codes


def _who(responses: pd.DataFrame, at: int) -> str:
    """The name of a response for whoever has to find it."""
    return f"response {responses['response_id'].iloc[at] if 'response_id' in responses else responses.index[at]}"


def spoken(duration: pd.Timedelta) -> str:
    """A duration in words: minutes below an hour, hours below two days, then days; a day is a day."""
    word, unit = ("minute", _MINUTE) if duration < _HOUR else ("hour", _HOUR) if duration < 2 * _DAY else ("day", _DAY)
    if duration == _DAY:
        word, unit = "day", _DAY
    text = f"{duration / unit:.1f}".removesuffix(".0")
    return f"{text} {word if text == '1' else word + 's'}"


def _percent(estimate: float, low: float, high: float) -> str:
    return f"{estimate_text(estimate, '%')} ({interval_text(low, high, '%')})"


def _plural(n: float, one: str, many: str) -> str:
    return one if n == 1 else many
