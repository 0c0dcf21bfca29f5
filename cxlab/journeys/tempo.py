"""How long does the journey take: from stage to stage, from end to end, and before each touchpoint?

`pace` says of each stage how many go on within a month and within three, how many leave, and how many are still there; in which
stage customers are by days since their start; how long journeys last; how long the waits at each touchpoint are; and what a gap,
the silence after which a new journey begins, does to the conclusions. Stages, ends and lengths are those of customers whose journey
begins in the log, at most so many, drawn at random; waits and gaps are of the whole log, counted by the engine that holds it.

A journey that has not ended counts as not ended yet, never as short: the median length is Kaplan–Meier's. Without `ends` or a gap
nothing says when a journey is over, and the length is that from the first to the last event.

What it does not say: who made a customer wait. The time before a touchpoint is also the time until the customer needed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from cxlab.data.portable import keep
from cxlab.inference import kaplan_meier, share_of
from cxlab.journeys.dropoff import DROPPED_OFF, LEFT, STILL_THERE, WENT_ON, occupancy, stage_spells, time_to_next_stage
from cxlab.journeys.gaps import GAPS, gap_diagnostic
from cxlab.journeys.gaps import _length as _gap_length
from cxlab.journeys.log import Journeys, moment_of
from cxlab.journeys.maps import CustomerJourneys, Shown, _checked
from cxlab.journeys.onward import _about, _figure, crowd_note, draw, unique_labels, without_crowd
from cxlab.problems import did_you_mean
from cxlab.wording import capital_text, describe, duration_text, inside_text, list_text, number_text

SOON, LATER = 30, 90
"""Days within which customers have gone on to a later stage, or left."""
MOST_DOTS = 200
_DAY = 86_400.0
_END, _OTHERS = "(end)", "all other stages"
_TOP_WAITS, _MOST_STAGES, _POINTS, _MOST_CURVES = 10, 7, 60, 4
_SAME = 1.0  # percentage points within which a conclusion is the same
_LONG_WAIT = 0.1  # of the usual length of a journey, from which on a wait stands up front
_NEARLY_ALL_GO = 98.0  # percent that go on from every stage: no news
_NEARLY_ALL = 0.9  # have left: a day that tells nothing of the others
_DRAWN = 0.99  # of the customers have left on the last day drawn
_LEAST_WATCHED = 0.1  # of the customers, below which a day is not drawn
_DAYS_DRAWN = range(3, 2 * LATER + 1, 3)
_MARKS = (365, 180, 90, 30, 7)
_FACTORS = {"half": 0.5, "whole": 1.0, "double": 2.0}
_HOURS_SHOWN = (1, 6, 24, 72, 168, 336, 720, 1_440, 2_160, 4_320)
_FIGURES = ["estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason"]
_STOPS = [
    "stage", "label", "soon", "later", "left", "still", "median_days", "median_low", "median_high", "went_on_soon", "went_on_later",
    "left_later", "still_later", "usual", *_FIGURES,
]  # fmt: skip
_DROPS = ["stage", "label", "days", *_FIGURES]
_REMAINED = ["label", "days", *_FIGURES]
_OCCUPANCY = ["days", "stage", "share", *_FIGURES]
_WAITS = [
    "touchpoint", "label", "n", "median_wait_before", "slow_wait_before", "median_wait_after", "slow_wait_after", "median_processing",
    "slow_processing", "median_idle", "slow_idle",
]  # fmt: skip
_TEXTS = ("before", "long_before", "after", "long_after", "processing", "idle")
_GAPS = ["label", "gap", "days", "in_use", "journeys", "per_customer", *_FIGURES]
_CONCLUSIONS = ["at", "label", "gap", "journeys", "per_customer", "change", "rule", *_FIGURES]


@dataclass(frozen=True)
class Pace:
    """`stops` has one row a stage: soon and later (percent that went on to a later stage within 30 and 90 days), left and still
    (percent that left, and are still there, after 90), median_days (Kaplan–Meier, leavers as censored) with its interval;
    estimate is `later`, n who entered the stage; went_on_soon … usual are the same as text. `drops` has one row a stage: estimate
    (percent that left within 90 days, without going on before). `remained` has one row a stage (the four with most customers) and
    number of days since it was entered: estimate (percent still there of the n who entered) with its interval. `occupied` has one
    row a number of days since the start and stage: share (0 to 1) and estimate (percent) of the n customers who were watched so
    long.

    `length` is one row: estimate (median days a journey lasts) with its interval, n journeys, n_open of them not ended, kind.
    `times` has one row a touchpoint: n events, waits before and after it, processing and idle time (medians and 90th percentiles),
    and the same as text. `dots` has one row an event of at most 200 journeys: row (1, 2, …, by start), timestamp, label.

    `gaps` has one row a gap: journeys, per_customer, estimate (percent of the n waits that are longer), in_use. `conclusions` has
    one row for half, the whole and double of the gap in use (else of the suggested one): journeys, change (percent), rule and
    estimate (percent of n cases that keep it)."""

    stops: pd.DataFrame
    drops: pd.DataFrame
    remained: pd.DataFrame
    occupied: pd.DataFrame
    length: pd.DataFrame
    times: pd.DataFrame
    dots: pd.DataFrame
    gaps: pd.DataFrame
    conclusions: pd.DataFrame
    suggestion: str
    gap: pd.Timedelta | None
    is_gap_used: bool
    labels: dict[str, str]
    crowd: str
    not_shown: tuple[str, ...]
    has_ends: bool
    is_leaving: bool
    is_staged: bool
    is_split: bool
    n_begun: int
    n_sampled: int
    n_journeys: int
    until: str
    conf_level: float
    min_base: int

    def leads(self) -> list[str]:
        """How long journeys last, and before which touchpoint most of the waiting lies."""
        days = float(self.length["estimate"].iloc[0]) if len(self.length) else math.nan
        row = self._longest_wait()
        if math.isnan(days):
            return []
        is_long = bool(row) and row["median_wait_before"] >= _LONG_WAIT * pd.Timedelta(days=days)
        return [self._length_words(), *([self._wait_words()] if is_long else [])]

    def sentences(self) -> list[str]:
        """From which stage fewest go on, and how long journeys last; without stages and ends less."""
        said = []
        if len(self.stops.dropna(subset=["estimate"])) > 1:
            said.append(self._stop_words())
        if len(self.drops):
            said.append(self._drop_words())
        if len(self.length):
            said.append(self._length_words())
        return said

    def stops_shown(self) -> Iterator[Shown]:
        """Of each stage, who went on, left and is still there."""
        if len(self.stops):
            known = self.stops.dropna(subset=["estimate"])
            yield {
                "name": "stops",
                "title": self._stop_words() if len(known) else f"Nobody was watched {LATER} days long in a stage.",
                "subtitle": f"Customers by stage: gone on to a later stage within {SOON} and {LATER} days, left, still there, and how "
                "long it takes to go on",
                "note": {
                    "Base": f"Customers who entered the stage, of those {self._begin_words()}",
                    "Median": f"Days to a later stage, Kaplan–Meier with who left as censored, {100 * self.conf_level:g}% interval",
                    "Stage": "The first time in each; a later stage may come after one in between was skipped",
                }
                | ({} if self.has_ends else {"Left": "Nothing says who left; they are still there"})
                | self._hidden(),
                "folded": bool(len(known) and (known["estimate"] >= _NEARLY_ALL_GO).all()),
            }, self.stops  # fmt: skip

    def drop_shown(self) -> Iterator[Shown]:
        """From which stage most leave."""
        if len(self.drops):
            who = "Customers who leave" if self.is_leaving else "Journeys that end"
            yield {
                "name": "drops",
                "title": self._drop_words(),
                "subtitle": f"{who} within {LATER} days of entering a stage, percent, {100 * self.conf_level:g}% interval",
                "alt": describe(
                    f"Dot plot by stage: {inside_text(who)} within {LATER} days", self.drops, label_col="label", unit="%",
                    min_base=self.min_base,
                ),
                "note": {
                    "Base": f"Customers who entered the stage, of those {self._begin_words()}",
                    "Left" if self.is_leaving else "Ended": "An end of the journey before a later stage; who was not watched so long "
                    "counts as long as he was",
                    "Test": "None between stages",
                }
                | self._hidden(),
            }, self.drops  # fmt: skip

    def remained_shown(self) -> Iterator[Shown]:
        """Curves of who is still in a stage, by days since entering it."""
        if len(self.remained):
            day = min(SOON, self.remained.groupby("label")["days"].max().min())  # to which all curves reach
            last = self.remained[self.remained["days"] == day]
            slowest = last.sort_values("estimate", ascending=False, kind="stable").to_dict("records")[0]
            yield {
                "name": "remained",
                "title": f"After {day:g} days {_figure(slowest)} of those who entered {inside_text(slowest['label'])} are still there"
                f"{', more than in any other stage' if (last['estimate'] < slowest['estimate']).sum() == len(last) - 1 > 0 else ''}.",
                "subtitle": f"Customers still in a stage, by days since they entered it, percent, {100 * self.conf_level:g}% interval",
                "alt": describe(f"Curves of who is still in a stage, after {day:g} days", last, label_col="label", unit="%",
                                min_base=self.min_base),
                "note": {
                    "Base": list_text(f"{row['label']} {row['n']:,}" for row in last.to_dict("records"))
                    + f" customers, of those {self._begin_words()}",
                    "Method": "Kaplan–Meier: who was not watched so long counts as long as he was; going on and leaving both end a stay",
                    "Not drawn": "The last stage, and stages with fewer customers than the four largest",
                },
            }, self.remained  # fmt: skip

    def occupancy_shown(self) -> Iterator[Shown]:
        """In which stage customers are by days since their start."""
        if self.occupied["days"].nunique() > 1:
            reached = self.occupied["days"]
            day = self._telling_day()
            here = self.occupied[reached == day].sort_values("estimate", ascending=False, kind="stable")
            most = here[here["stage"] != LEFT].to_dict("records")[0]
            gone = here[here["stage"] == LEFT].to_dict("records")
            said = f"After {number_text(day)} days {_figure(most)} of customers have got as far as {inside_text(most['stage'])}"
            said += (
                f", and {_about(gone[0]['estimate'])}% {'have left' if self.is_leaving else 'have ended'}"
                if gone
                else ""
            )
            yield {
                "name": "occupancy",
                "title": f"{said}.",
                "subtitle": "Share of customers in each stage by days since their first event",
                "alt": describe(f"Areas of customers by stage, {number_text(day)} days after their start", here, label_col="stage",
                                unit="%", min_base=self.min_base),
                "note": {
                    "Base": f"{int(self.occupied['n'].max()):,} customers {self._begin_words()}; {int(self.occupied['n'].min()):,} "
                    "of them were watched to the last day drawn",
                    "Stage": "The furthest that a customer has reached; going back is not seen",
                },
            }, self.occupied.replace({"stage": {} if self.is_leaving else {LEFT: "ended"}})  # fmt: skip

    def times_shown(self) -> Iterator[Shown]:
        """Waits before and after each touchpoint, and how long journeys last."""
        if len(self.times):
            title = f"The {len(self.times)} touchpoints with most events hold {self.times['n'].sum():,} events."
            if self._longest_wait():
                title = self._wait_words()
            note = {
                "Base": f"All events of the {len(self.times)} touchpoints with most events and at least {self.min_base}",
                "Wait": "Median, and what one in ten exceeds, to the next event of the customer; also the time until something is needed",
            }
            if len(self.length):
                note["Journey"] = f"{self._length_words()} Of customers {self._begin_words()}"
            note |= crowd_note(self.crowd, self.labels)
            yield {
                "name": "times",
                "title": title,
                "subtitle": "Waits by touchpoint: before it and after it"
                + (", how long it takes, and idle time until the next" if self.times["median_processing"].notna().any() else ""),
                "note": note,
            }, self.times  # fmt: skip

    def dots_shown(self) -> Iterator[Shown]:
        """Every event of some journeys as a dot."""
        if len(self.dots):
            days = (
                self.dots["timestamp"] - self.dots.groupby("row")["timestamp"].transform("min")
            ).dt.total_seconds() / _DAY
            drawn, middle = self.dots["row"].nunique(), _length(_DAY * float(days.median()))
            often = (
                self.dots["label"]
                .value_counts()
                .reset_index()
                .sort_values(["count", "label"], ascending=[False, True])
                .head(4)
            )
            often = often.assign(estimate=100 * often["count"] / len(self.dots))
            what = "stage" if self.is_staged else "touchpoint"
            whole = "journeys" if self.is_split else "customers"
            yield {
                "name": "dots",
                "title": f"Half of the events of {drawn} {whole} drawn at random lie within {middle} of their start.",
                "subtitle": f"Events of {drawn} {whole} by days since their start, a row each, by {what}; the earliest start on top",
                "alt": describe(f"Dots, one an event, by {what}, share of {len(self.dots):,} events", often, label_col="label", unit="%"),
                "note": {
                    "Base": f"{drawn} {whole}, drawn at random from {self.n_journeys:,} of customers {self._begin_words()}"
                    if self.is_split
                    else f"{drawn} customers, drawn at random from those {self._begin_words()}",
                    "Open": f"The log ends on {self.until}: late starters have fewer events",
                }
                | crowd_note(self.crowd, self.labels),
            }, self.dots  # fmt: skip

    def gap_shown(self) -> Iterator[Shown]:
        """How many journeys each gap makes, and the gap that the waits suggest."""
        if len(self.gaps):
            used = f"; in use is {_gap_text(self.gap)}" if self.gap is not None and self.is_gap_used else ""
            yield {
                "name": "gaps",
                "title": f"{self.suggestion.removesuffix('.')}{used}.",
                "subtitle": "Journeys by the silence after which a new one begins, and the share of waits that are longer, "
                f"{100 * self.conf_level:g}% interval",
                "alt": describe("Waits that are longer than a gap", self.gaps, label_col="label", unit="%", min_base=self.min_base),
                "note": {
                    "Base": f"{int(self.gaps['n'].iloc[0]):,} waits between neighbouring events of a customer",
                    "In use": _gap_text(self.gap) if self.is_gap_used and self.gap is not None else "None: a customer is one journey",
                },
            }, self.gaps  # fmt: skip

    def conclusions_shown(self) -> Iterator[Shown]:
        """What half and double the gap would have said."""
        if len(self.conclusions):
            half, here, double = self.conclusions.to_dict("records")
            which = "in use" if self.is_gap_used else "that waits suggest"
            gap = f"the gap of {here['label']} {which}"
            shares = [row["estimate"] for row in (half, here, double)]
            counts = half["journeys"], double["journeys"], here["journeys"]
            title = "With half {} there are {:,} journeys, with double {:,}, with it {:,}.".format(gap, *counts)
            if all(map(pd.notna, shares)):
                rule = f"“{capital_text(_plain(here['rule']))}”"
                if max(shares) - min(shares) < _SAME:
                    title = f"{rule} holds in {_figure(here)} of cases, and in as many with half or double {gap}."
                else:
                    title = (
                        f"{rule} holds in {_figure(here)} of cases with {gap}, in {_about(shares[0])}% with half and "
                        f"{_about(shares[2])}% with double."
                    )
            yield {
                "name": "gap_conclusions",
                "title": title,
                "subtitle": f"Journeys, and the share that keeps the rule that breaks most, by gap, {100 * self.conf_level:g}% interval",
                "note": {"Base": "The whole log, cut at each gap", "Test": "None: the same events, cut otherwise"},
            }, self.conclusions  # fmt: skip

    def _telling_day(self) -> float:
        """The longest of the usual times at which not nearly all have left; else the first day drawn on which some have."""
        reached = self.occupied["days"]
        marks = [float(reached[reached >= mark].min()) for mark in _MARKS if mark <= reached.max()]
        left = self.occupied[self.occupied["stage"] == LEFT].set_index("days")["share"]
        few = [day for day in marks if left.get(day, 0.0) < _NEARLY_ALL]
        return few[0] if few else float(reached[reached > 0].min())

    def _stop_words(self) -> str:
        rows = self.stops.dropna(subset=["estimate"]).sort_values("estimate", kind="stable").to_dict("records")
        low, high = rows[0], rows[-1]
        said = f"Within {LATER} days {_figure(low)} of those in {inside_text(low['label'])} go on to a later stage"
        if len(rows) > 1 and high["estimate"] > low["estimate"]:
            said += f", the fewest; from {inside_text(high['label'])} it is {_about(high['estimate'])}%"
        return f"{said}."

    def _drop_words(self) -> str:
        """The stage from which most leave, with the next where the two intervals meet. Where the end is the goal of all (closing, a
        decision), the last stage before it is no early end."""
        known = self.drops if self.is_leaving else self.drops[self.drops["stage"] != self.stops["stage"].iloc[-1]]
        rows = known.sort_values("estimate", ascending=False, kind="stable").to_dict("records")
        near = [
            row
            for row in rows[:1] + [row for row in rows[1:2] if row["conf_high"] >= rows[0]["conf_low"]]
            if row["estimate"] > 0
        ]
        if not near:
            return (
                f"Nobody was seen to leave within {LATER} days of entering a stage."
                if self.is_leaving
                else f"No journey was seen to end early within {LATER} days of entering a stage."
            )
        said = list_text(
            f"{inside_text(row['label'])} ({_figure(row).replace(' (', ', ').rstrip(')')})" for row in near
        )
        if not self.is_leaving:
            return f"Within {LATER} days of entering a stage journeys end early most from {said}."
        return f"Within {LATER} days of entering a stage most leave from {said}."

    def _longest_wait(self) -> Any:
        """The touchpoint with the longest usual wait before it; empty where no wait is known."""
        rows = self.times.dropna(subset=["median_wait_before"]) if len(self.times) else self.times
        if rows.empty:
            return {}
        return rows.sort_values("median_wait_before", ascending=False, kind="stable").to_dict("records")[0]

    def _wait_words(self) -> str:
        row = self._longest_wait()
        return (
            f"The longest wait lies before {inside_text(row['label'])}: half of the times it comes more than {row['before']} "
            f"after the step before, one in ten more than {row['long_before']}."
        )

    def _length_words(self) -> str:
        row = self.length.to_dict("records")[0]
        if math.isnan(row["estimate"]):
            return f"Fewer than half of {row['n']:,} journeys have ended: {row['n_open']:,} were still going on when the log ended."
        low, high = row["conf_low"], row["conf_high"]
        between = f" ({_span(low, high)})" if pd.notna(low) and pd.notna(high) else ""
        kind = {
            "ended": "From beginning to end half of journeys take",
            "seen": "From first to last event half of journeys take",
        }
        return f"{kind[row['kind']]} more than {_length(_DAY * row['estimate'])}{between}."

    def _begin_words(self) -> str:
        said = "whose journey begins in the log"
        if self.n_sampled < self.n_begun:
            said += f" ({self.n_sampled:,} of {self.n_begun:,}, drawn at random)"
        return said

    def _hidden(self) -> dict[str, str]:
        return (
            {"Not shown": f"{list_text(map(inside_text, self.not_shown))}: n<{self.min_base}"} if self.not_shown else {}
        )


def pace(
    way: CustomerJourneys,
    *,
    stage_of: Mapping[str, str],
    ends: Sequence[str] = (),
    observed_until: pd.Timestamp | str | None = None,
    max_customers: int = 20_000,
    random_state: Any = 0,
) -> Pace:
    """How long it takes from stage to stage and from end to end, and what the gap does.

    `stage_of` gives the stage of a touchpoint, stages in order (empty: nothing is said of stages). `ends` are the touchpoints at which
    a customer leaves; a stage that holds only ends is no stage to go on to. `observed_until` is when the data end, by default the last
    event. Stages and lengths rest on at most `max_customers` of the customers whose journey begins in the log, drawn at random.

    Raises ValueError for an end that is neither in the log nor in `stage_of`, and for `max_customers` below 1.
    """
    if int(max_customers) != max_customers or max_customers < 1:
        raise ValueError(f"`max_customers` must be a whole number above 0, got {max_customers!r}")
    log = way.journeys
    known = {*log.touchpoints, *stage_of}
    closing = [ends] if isinstance(ends, str) else list(dict.fromkeys(ends))
    for end in closing:
        if end not in known:
            raise ValueError(f"`ends`: there is no touchpoint `{end}`; {did_you_mean(end, sorted(known))}")
    until = moment_of(log.until(observed_until))
    rng = check_random_state(random_state)
    chosen, n_begun, n_sampled = draw(log, way.begun, max_customers, rng)
    mine = log.only(customers=chosen)
    labels = unique_labels(way)
    stops, drops, remained, occupied, hidden = _stages(way, mine, stage_of, closing, until, n_sampled)
    lasted, n_journeys = _lengths(way, mine, [end for end in closing if end in set(log.touchpoints)], until)
    whole = _whole(log)
    gap = None if log.gap is None else pd.Timedelta(microseconds=log.gap)
    gaps, suggestion, suggested = _gaps(way, whole, gap, rng)
    return Pace(
        stops=stops,
        drops=drops,
        remained=remained,
        occupied=occupied,
        length=lasted,
        times=_times(way, labels),
        dots=_dots(way, mine, stage_of, labels, rng),
        gaps=gaps,
        conclusions=_conclusions(way, whole, gap or suggested, until),
        suggestion=suggestion,
        gap=gap or suggested,
        is_gap_used=gap is not None,
        labels=labels,
        crowd=way.crowd,
        not_shown=hidden,
        has_ends=bool(closing),
        is_leaving=way.ends_in_leaving or not way.ends,
        is_staged=bool(stage_of),
        is_split=log.is_split,
        n_begun=n_begun,
        n_sampled=n_sampled,
        n_journeys=n_journeys,
        until=str(until.date()),
        conf_level=way.conf_level,
        min_base=way.min_base,
    )


def _stages(
    way: CustomerJourneys,
    log: Journeys,
    stage_of: Mapping[str, str],
    ends: Sequence[str],
    until: pd.Timestamp,
    customers: int,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Who went on, left and stayed, by stage and by day; and the stages with too few customers.

    The engine merges what follows each other in one stage, so that only changes of stage are written out; every end is one mark.
    """
    stops, drops, remained, occupied = (
        pd.DataFrame(columns=columns) for columns in (_STOPS, _DROPS, _REMAINED, _OCCUPANCY)
    )
    empty = stops, drops, remained, occupied, ()
    names = {_stage_label(stage): stage for stage in stage_of.values()}
    inner = {name: _stage_label(stage) for name, stage in stage_of.items() if name not in ends}
    order = [label for label in names if label in set(inner.values())]
    changes = log.stages(inner | dict.fromkeys(ends, _END)).to_frame() if order and customers >= way.min_base else None
    if changes is None or changes.empty:
        return empty
    spells = stage_spells(
        changes,
        {label: label for label in order} | ({_END: order[-1]} if ends else {}),
        order,
        ends=[_END] if ends else [],
        observed_until=until,
    )
    found = time_to_next_stage(spells, horizons=sorted({SOON, LATER, *_DAYS_DRAWN}), conf_level=way.conf_level)
    at: Any = found.table.set_index(["stage", "outcome", "days"])
    median: Any = found.medians.set_index("stage")
    rows, gone_rows, hidden = [], [], []
    for label, stage in ((label, names[label]) for label in order):
        n = int(median.loc[label, "n"])
        if n < way.min_base:
            hidden += [label] if n else []
            continue
        took = median.loc[label]
        cells = {
            name: at.loc[(label, outcome, days)]
            for name, outcome, days in (
                ("soon", WENT_ON, SOON), ("later", WENT_ON, LATER), ("left", DROPPED_OFF, LATER), ("still", STILL_THERE, LATER),
            )
        }  # fmt: skip
        rows.append(
            {"stage": stage, "label": label, **{name: cell["estimate"] for name, cell in cells.items()}}
            | {"median_days": took["estimate"], "median_low": took["conf_low"], "median_high": took["conf_high"]}
            | dict(
                zip(
                    ("went_on_soon", "went_on_later", "left_later", "still_later"),
                    map(_cell, cells.values()),
                    strict=True,
                )
            )
            | {"usual": _median_text(took)}
            | {name: cells["later"][name] for name in _FIGURES}
        )
        gone = cells["left"]
        if ends and not math.isnan(gone["estimate"]):
            gone_rows.append({"stage": stage, "label": label, "days": LATER} | {name: gone[name] for name in _FIGURES})
    stops = pd.DataFrame(rows, columns=_STOPS)
    return (
        stops,
        pd.DataFrame(gone_rows, columns=_DROPS),
        _remained(stops, found.table, order[-1], way.min_base),
        _occupied(way, spells, customers),
        tuple(hidden),
    )


def _remained(stops: pd.DataFrame, shares: pd.DataFrame, last: str, min_base: int) -> pd.DataFrame:
    """The curves of who is still there, of the largest stages that have a next one, as long as enough customers were watched."""
    going = stops[stops["label"] != last]
    largest = going.sort_values(["n", "label"], ascending=[False, True]).head(_MOST_CURVES)["label"]
    still = shares[(shares["outcome"] == STILL_THERE) & shares["estimate"].notna()]
    gone = still["estimate"] == 0  # nobody is left: nobody can be at risk, and still it is known
    still = still[(still["n_at_risk"] >= min_base) | gone].rename(columns={"stage": "label"})
    parts = [still[still["label"] == label] for label in going.loc[going["label"].isin(largest), "label"]]
    return pd.concat(parts, ignore_index=True)[_REMAINED] if parts else pd.DataFrame(columns=_REMAINED)


def _occupied(way: CustomerJourneys, spells: Any, customers: int) -> pd.DataFrame:
    """Stages by day, as far as enough customers were watched; the smallest stages are joined where there are more than seven."""
    start = spells.table.groupby("customer_id")["entered"].min()
    watched = ((spells.table["observed_until"].max() - start).dt.total_seconds() / _DAY).sort_values().to_list()
    least = max(way.min_base, math.ceil(_LEAST_WATCHED * customers))
    if len(watched) < least:
        return pd.DataFrame(columns=_OCCUPANCY)
    last = math.floor(watched[-least])
    if "left_at" in spells.table:
        gone = (spells.table.groupby("customer_id")["left_at"].min() - start).dt.total_seconds() / _DAY
        if gone.notna().mean() >= _DRAWN:
            last = min(
                last, max(math.ceil(float(gone.fillna(math.inf).quantile(_DRAWN, interpolation="higher"))), _MARKS[-1])
            )
    days = [*np.round(np.linspace(0, last, _POINTS + 1)), *(mark for mark in _MARKS if mark <= last)]
    found = occupancy(spells, days=days, conf_level=way.conf_level)
    names = [name for name in dict.fromkeys(found["stage"]) if name != LEFT]
    largest = found.groupby("stage")["estimate"].max()
    room = _MOST_STAGES - int((found["stage"] == LEFT).any())
    kept = names if len(names) <= room else sorted(names, key=lambda name: (-largest[name], name))[: room - 1]
    said = {name: name if name in kept else _OTHERS for name in names} | {LEFT: LEFT}
    place = {name: at for at, name in enumerate([*(name for name in names if name in kept), _OTHERS, LEFT])}
    counts = found.assign(stage=found["stage"].map(said)).groupby(["days", "stage"], as_index=False)
    rows = [
        {"days": row["days"], "stage": row["stage"], "share": row["customers"] / row["n"]}
        | share_of(int(row["customers"]), int(row["n"]), conf_level=way.conf_level)
        for row in counts.agg(customers=("customers", "sum"), n=("n", "first")).to_dict("records")
    ]
    table = pd.DataFrame(rows, columns=_OCCUPANCY).assign(place=lambda x: x["stage"].map(place))
    return table.sort_values(["days", "place"], ignore_index=True)[_OCCUPANCY]


def _lengths(
    way: CustomerJourneys, log: Journeys, ends: Sequence[str], until: pd.Timestamp
) -> tuple[pd.DataFrame, int]:
    """The median length of a journey, and how many journeys there are. Who has not met an end is known not to have ended until the
    data end; a journey that was cut by a gap is known to last until its last event."""
    found = log.durations(ends=ends or None, observed_until=until, anywhere=True)
    found = found[found["start"] <= until]
    if len(found) < way.min_base:
        return pd.DataFrame(), len(found)
    is_known = bool(found["censored"].notna().all())
    is_open = found["censored"].fillna(False).to_numpy(dtype=bool)
    stop = found["end"].where(~pd.Series(is_open, index=found.index), until) if log.gap is None else found["end"]
    curve = kaplan_meier((stop - found["start"]).dt.total_seconds() / _DAY, ~is_open, conf_level=way.conf_level)
    low, high = curve.median_interval
    reason = "fewer than half have ended so far" if math.isnan(curve.median) else ""
    row = {"estimate": curve.median, "std_error": math.nan, "conf_low": low, "conf_high": high, "conf_level": way.conf_level,
           "n": len(found), "unit": "days", "reason": reason, "n_open": int(is_open.sum()),
           "kind": "ended" if is_known else "seen"}  # fmt: skip
    return pd.DataFrame([row]), len(found)


def _times(way: CustomerJourneys, labels: Mapping[str, str]) -> pd.DataFrame:
    found = without_crowd(way).times()
    found = found[found["n"] >= way.min_base].head(_TOP_WAITS).reset_index(drop=True)
    found = found.assign(label=found["touchpoint"].map(labels))[_WAITS]
    columns = (
        "median_wait_before",
        "slow_wait_before",
        "median_wait_after",
        "slow_wait_after",
        "median_processing",
        "median_idle",
    )
    for text, column in zip(_TEXTS, columns, strict=True):
        found[text] = ["not known" if pd.isna(wait) else _length(wait.total_seconds()) for wait in found[column]]
    return found


def _dots(
    way: CustomerJourneys, log: Journeys, stage_of: Mapping[str, str], labels: Mapping[str, str], rng: Any
) -> pd.DataFrame:
    """The events of journeys drawn at random, without the names of customers."""
    columns = ["row", "timestamp", "label"]
    names = [name for name in log.touchpoints if name != way.crowd and (not stage_of or name in stage_of)]
    rest = log.only(names)
    every = (
        rest.table.filter(rest.table.pos == 0).select(*rest.keys).to_pandas().sort_values(rest.keys, ignore_index=True)
    )
    if len(every) < way.min_base or not names:
        return pd.DataFrame(columns=columns)
    drawn = every
    if len(every) > MOST_DOTS:
        drawn = every.iloc[np.sort(rng.choice(len(every), MOST_DOTS, replace=False))]
    mine = rest.table.filter(rest.table.c.isin(sorted({int(c) for c in drawn["c"]}))).to_pandas()
    mine = mine.merge(drawn, on=rest.keys).sort_values([*rest.keys, "pos"], ignore_index=True)
    begun = mine.groupby(rest.keys)["t"].transform("min")
    order = (
        mine.assign(begun=begun)[["begun", *rest.keys]]
        .drop_duplicates()
        .sort_values(["begun", *rest.keys], ignore_index=True)
    )
    mine = mine.merge(order.assign(row=np.arange(1, len(order) + 1)), on=rest.keys)
    touched = pd.Series(rest.names[mine["a"].to_numpy(dtype="int64")], dtype=object)
    said = {name: _stage_label(stage_of[name]) if stage_of else labels[name] for name in names}
    table = pd.DataFrame(
        {
            "row": mine["row"],
            "timestamp": pd.to_datetime(mine["t"], unit="us", utc=True),
            "label": touched.map(said),
            "pos": mine["pos"],
        }
    )
    return table.sort_values(["row", "pos"], ignore_index=True)[columns]


def _whole(log: Journeys) -> Journeys:
    """The same log before it was split."""
    if not log.is_split:
        return log
    t = log.table
    order = ibis.window(group_by="c", order_by=["journey", "pos"])
    t = t.mutate(
        pos=ibis.row_number().over(order).cast("int32"), nx=t.a.lead().over(order), wait=t.t.lead().over(order) - t.t
    )
    return Journeys(log.source, log.people, log.names, keep(log.backend, t.drop("journey")))


def _gaps(
    way: CustomerJourneys, log: Journeys, gap: pd.Timedelta | None, rng: Any
) -> tuple[pd.DataFrame, str, pd.Timedelta | None]:
    """Journeys by gap, counted by the engine; what the waits suggest in words, and the gap."""
    customers = int(log.table.c.nunique().to_pandas())
    total = log.n_events - customers
    if total < way.min_base:
        return pd.DataFrame(columns=_GAPS), "", None
    waits = log.waits()
    classes = pd.DataFrame({"log_low": np.log(waits["low"]), "log_high": np.log(waits["high"]), "n": waits["n"]})
    if zero := total - int(waits["n"].sum()):
        first = float(classes["log_low"].min()) if len(classes) else 0.0
        classes = pd.concat([pd.DataFrame({"log_low": [-math.inf], "log_high": [first], "n": [zero]}), classes])
    found = gap_diagnostic(classes, customers=customers, gaps=GAPS, conf_level=way.conf_level, random_state=rng)
    looked = sorted({*(pd.Timedelta(hours=hours) for hours in _HOURS_SHOWN), *([gap] if gap is not None else [])})
    rows = []
    for row in log.n_journeys_at(looked).to_dict("records"):
        longer = int(row["journeys"]) - customers
        rows.append(
            {"label": _gap_text(row["gap"]), "gap": row["gap"], "days": row["gap"].total_seconds() / _DAY, "in_use": row["gap"] == gap,
             "journeys": int(row["journeys"]), "per_customer": row["journeys"] / customers}
            | share_of(longer, total, conf_level=way.conf_level)
        )  # fmt: skip
    if found.gap is None:
        return pd.DataFrame(rows, columns=_GAPS), found.headline(), None
    own = found.suggestion.to_dict("records")[0]
    journeys = int(log.n_journeys_at([found.gap])["journeys"].iloc[0])
    said = (
        f"Waits suggest a gap of {_gap_text(found.gap)} ({_span(own['conf_low'], own['conf_high'])}), which makes {journeys:,} journeys, "
        f"{journeys / customers:.1f} a customer."
    )
    return pd.DataFrame(rows, columns=_GAPS), said, found.gap


def _conclusions(way: CustomerJourneys, log: Journeys, gap: pd.Timedelta | None, until: pd.Timestamp) -> pd.DataFrame:
    """Journeys, and the rule that breaks most, at half, the whole and double of a gap."""
    if gap is None:
        return pd.DataFrame(columns=_CONCLUSIONS)
    judged = way.rules[way.rules["n"] >= way.min_base] if len(way.rules) else way.rules
    worst = list(judged.sort_values("estimate", kind="stable")["rule"].head(1)) if len(judged) else []
    customers = int(log.table.c.nunique().to_pandas())
    rows = []
    for at, factor in _FACTORS.items():
        cut = log.split(gap * factor)
        row = {"at": at, "label": _gap_text(gap * factor), "gap": gap * factor, "journeys": cut.n_journeys,
               "per_customer": cut.n_journeys / customers, "rule": worst[0] if worst else ""}  # fmt: skip
        figures = share_of(0, 0, conf_level=way.conf_level) | {"reason": "no rule can be judged"}
        if worst:
            kept = _checked(cut, way.begun, worst, until, way.conf_level)[0].to_dict("records")[0]
            figures = share_of(int(kept["n"] - kept["broken"]), int(kept["n"]), conf_level=way.conf_level)
            if kept["n"] < way.min_base:
                figures |= dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), math.nan)
                figures["reason"] = f"n<{way.min_base}"
        rows.append(row | figures)
    table = pd.DataFrame(rows)
    here = int(table.loc[table["at"] == "whole", "journeys"].iloc[0])
    return table.assign(change=100 * (table["journeys"] / here - 1))[_CONCLUSIONS]


def _stage_label(stage: str) -> str:
    return capital_text(stage.replace("_", " "))


def _cell(row: Any) -> str:
    """A share with its interval, or why there is none."""
    return str(row["reason"]) if math.isnan(row["estimate"]) else _figure(row)


def _median_text(row: Any) -> str:
    """Days with their interval, or why there are none."""
    if math.isnan(row["estimate"]):
        return str(row["reason"])
    low, high = row["conf_low"], row["conf_high"]
    known = pd.notna(low) and pd.notna(high)
    return _length(_DAY * row["estimate"]) + (f" ({_span(low, high)})" if known else "")


def _length(seconds: float) -> str:
    """A wait in words.

    >>> _length(0), _length(1), _length(3_600), _length(40 * 86_400)
    ('no time', '1 second', '60 minutes', '40 days')
    """
    said = _gap_length(round(seconds, 1) if seconds < 2 else seconds)
    return {"0 seconds": "no time", "1 seconds": "1 second"}.get(said, said)


def _span(low: float, high: float) -> str:
    """From so many days to so many, in the unit of the longer.

    >>> _span(2.84, 2.93), _span(152.0, 168.8), _span(0.1, 0.2)
    ('2.8 to 2.9 days', '152 to 169 days', '2.4 to 4.8 hours')
    """
    for size, name in ((1.0, "days"), (1 / 24, "hours"), (1 / 1_440, "minutes")):
        if high >= 2 * size:
            decimals = 0 if high >= 10 * size else 1
            return f"{number_text(low / size, decimals)} to {number_text(high / size, decimals)} {name}"
    return f"{number_text(low * _DAY)} to {number_text(high * _DAY)} seconds"


def _gap_text(gap: pd.Timedelta) -> str:
    return "1 hour" if gap == pd.Timedelta(hours=1) else _length(gap.total_seconds())


def _plain(rule: str) -> str:
    return duration_text(rule.replace("_", " "))
