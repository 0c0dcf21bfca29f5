"""How far do customers come in so many days? The funnel from stage to stage, or along chosen touchpoints.

`stage_funnel` takes customers whose journey begins in the log, and who began early enough that their time was over when the data
ended: nobody is lost only because he came late. Without chosen touchpoints a customer counts in a stage who reached it or a later
one in time (the step that nearly nobody needs, such as a complaint, is then no loss); with them each touchpoint must come after
the one before, and who skips one is not counted further. Time runs from the first stage or touchpoint.

What it does not say: why they stopped, or that they are lost for good; after the time some go on (see `pace`). Intervals are
Wilson's for customers. Segments are compared at the last step alone, each with all others, corrected by Benjamini and Hochberg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import pandas as pd

from cxlab.data.portable import keep
from cxlab.inference import difference_row, share_of, with_readings
from cxlab.journeys.log import Journeys
from cxlab.journeys.maps import CustomerJourneys, Shown, largest_segments
from cxlab.journeys.onward import unique_labels
from cxlab.journeys.reconstruct import whole_micros
from cxlab.wording import (
    capital_text,
    describe,
    difference_text,
    duration_text,
    estimate_text,
    inside_text,
    interval_text,
)

TIMES = ("7d", "30d", "90d", "180d", "365d")
"""How long customers may have for the whole funnel."""
_NEARLY_ALL = 98.0  # percent that come to the last step: no news
_ENOUGH = 1 / 3  # of those who began, whose time must be over
_FIGURES = ["estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason"]
_STEPS = ["step", "label", "customers", "lost", *_FIGURES]
_SEGMENTS = ["segment", *_FIGURES, "difference", "difference_low", "difference_high", "p_value", "q_value", "reading"]


@dataclass(frozen=True)
class Funnel:
    """`table` has one row a step: step (its stage or touchpoint), label, customers who came so far, estimate (percent of the n who
    began), lost (percentage points since the step before). `segments` has one row a segment: estimate (percent of the n who
    began in it and came to the last step), difference (points to all others) with its interval, p_value, q_value and reading.
    `n_late` customers began too late to be judged."""

    table: pd.DataFrame
    segments: pd.DataFrame
    within: str
    is_chosen: bool
    n_late: int
    conf_level: float
    min_base: int

    def leads(self) -> list[str]:
        """How many come to the last step, and before which one most stop; nothing where nearly all come."""
        if self.table.empty or self.table["estimate"].iloc[-1] >= _NEARLY_ALL:
            return []
        loss = self._loss_words()
        return [f"{self._words().removesuffix('.')}; {loss[:1].lower()}{loss[1:]}."]

    def sentences(self) -> list[str]:
        """How many come to the last step."""
        return [self._words()] if len(self.table) else []

    def steps_shown(self) -> Iterator[Shown]:
        """The share of those who began that came to each step."""
        if len(self.table):
            rows = self.table
            yield {
                "name": "funnel",
                "title": self._words(),
                "subtitle": f"Customers who came to a {'touchpoint' if self.is_chosen else 'stage or a later one'} {self._time()}, "
                f"percent of those who began, {100 * self.conf_level:g}% interval",
                "alt": describe("Bars of how far customers come", rows, label_col="label", unit="%", min_base=self.min_base),
                "note": {
                    "Base": f"{rows['n'].iloc[0]:,} customers whose journey begins in the log; {self.n_late:,} more began too late for "
                    "their time to be over",
                    "Loss": self._loss_words(),
                }
                | ({"Order": "Each after the one before; who skips one is not counted further"} if self.is_chosen else {})
                | ({"Segments": self._segment_words()} if len(self.segments) else {}),
                "folded": bool(rows["estimate"].iloc[-1] >= _NEARLY_ALL),
            }, rows  # fmt: skip

    def segments_shown(self) -> Iterator[Shown]:
        """The share that comes to the last step, by segment."""
        judged = self.segments[self.segments["n"] >= self.min_base]
        if len(judged) > 1:
            yield {
                "name": "funnel_segments",
                "title": self._segment_words(),
                "subtitle": f"Customers who came to {inside_text(self.table['label'].iloc[-1])} {self._time()}, percent of those who "
                "began",
                "alt": describe(
                    "Dot plot of who comes to the last step", judged, label_col="segment", unit="%", min_base=self.min_base
                ),
                "note": {
                    "Base": "Customers of the segment whose journey begins in the log, and whose time is over",
                    "Test": f"{len(judged)} segments against all others, Benjamini–Hochberg",
                },
                "folded": not (self.segments["reading"] == "changed").any(),
            }, self.segments  # fmt: skip

    def _words(self) -> str:
        last = self.table.to_dict("records")[-1]
        span = interval_text(last["conf_low"], last["conf_high"], "%")
        return (
            f"{capital_text(self._time())} {estimate_text(last['estimate'], '%')} ({span}) of {last['n']:,} customers come from "
            f"{inside_text(self.table['label'].iloc[0])} as far as {inside_text(last['label'])}."
        )

    def _loss_words(self) -> str:
        row = self.table.iloc[1:].sort_values("lost", ascending=False, kind="stable").to_dict("records")[0]
        if row["lost"] < 1:
            return "Before no step more than 1 of 100 stop"
        return f"Most stop before {inside_text(row['label'])}, {row['lost']:.0f} of 100 who began"

    def _segment_words(self) -> str:
        apart = self.segments[self.segments["reading"] == "changed"].to_dict("records")
        last = inside_text(self.table["label"].iloc[-1])
        if not apart:
            return f"No segment clearly differs from the others in how many come to {last}."
        row = max(apart, key=lambda x: abs(x["difference"]))
        size = difference_text(row["difference"], "%", row["difference_low"], row["difference_high"])
        return f"Of {row['segment']} {estimate_text(row['estimate'], '%')} come to {last}: {size} against all others."

    def _time(self) -> str:
        return duration_text(f"within {self.within}")


def stage_funnel(
    way: CustomerJourneys,
    *,
    steps: str | Sequence[str] = (),
    within: str = "",
    observed_until: pd.Timestamp | None = None,
) -> Funnel:
    """How many customers come so far within a time ("90d"; empty: the longest of `TIMES` that is over for a third of those who
    began, so that a renewal after a year is seen where the log is long enough).

    `steps` are touchpoints in order (a sequence, or a text with commas between); without them the stages that are in the log,
    except the last one if it ends journeys. `observed_until` is the end of what was watched, by default the last event. Where
    there are fewer than two steps, or fewer customers than `way.min_base` whose time is over, the tables are empty.

    Raises ValueError for a touchpoint that is not in the log, fewer than two of them, and a time that is none.
    """
    chosen = [name.strip() for name in steps.split(",") if name.strip()] if isinstance(steps, str) else list(steps)
    if len(chosen) == 1:
        raise ValueError(f"a funnel needs two touchpoints or more, got `{chosen[0]}`; name those that come after it")
    log = way.journeys
    codes = [log.code(name) for name in chosen]  # refuses an unknown one by name
    until = log.until(observed_until)
    labels, order = unique_labels(way), _order(way)
    names = chosen or order
    if len(names) < 2:
        return _nothing(way, within, bool(chosen))
    own = log.table.semi_join(way.begun, "c")
    within = within or _longest(own, until)
    window = whole_micros(within)
    reached = _reached_in_turn(own, codes, window) if chosen else _reached(own, way, order, window)
    reached = keep(log.backend, reached)
    decided = reached.filter(reached.begun <= until - window)
    counts = decided.group_by("depth").agg(m=decided.count()).to_pandas().set_index("depth")["m"]
    came = [int(counts[counts.index >= depth].sum()) for depth in range(len(names))]
    if came[0] < way.min_base:
        return _nothing(way, within, bool(chosen))
    rows = [
        {"step": name, "label": labels[name] if chosen else capital_text(name.replace("_", " ")), "customers": customers}
        | {"lost": 100 * (before - customers) / came[0]}
        | share_of(customers, came[0], conf_level=way.conf_level)
        for name, customers, before in zip(names, came, [came[0], *came], strict=False)
    ]  # fmt: skip
    return Funnel(
        table=pd.DataFrame(rows, columns=_STEPS),
        segments=_by_segment(way, log, decided, len(names) - 1),
        within=within,
        is_chosen=bool(chosen),
        n_late=int(reached.count().to_pandas()) - came[0],
        conf_level=way.conf_level,
        min_base=way.min_base,
    )


def _longest(t: ibis.Table, until: int) -> str:
    """The longest time that is over for enough of those who began; the shortest where there is none."""
    first = t.group_by("c").agg(begun=t.t.min())
    over = {within: (first.begun <= until - whole_micros(within)).cast("int64").sum() for within in TIMES}
    found: Any = first.agg(m=first.count(), **over).to_pandas().fillna(0).iloc[0]
    enough = [within for within in TIMES if found[within] >= _ENOUGH * found["m"]]
    return enough[-1] if enough else TIMES[0]


def _nothing(way: CustomerJourneys, within: str, is_chosen: bool) -> Funnel:
    empty = pd.DataFrame(columns=_STEPS), pd.DataFrame(columns=_SEGMENTS)
    return Funnel(*empty, within, is_chosen, 0, way.conf_level, way.min_base)


def _order(way: CustomerJourneys) -> list[str]:
    """The stages that are in the log, without one that ends journeys."""
    known = set(way.journeys.touchpoints)
    stages = list(
        dict.fromkeys(stage for name, stage in way.stage_of.items() if name in known and name not in way.ends)
    )
    placed = list(dict.fromkeys(way.stage_of.values()))
    return sorted(stages, key=placed.index)


def _reached(t: ibis.Table, way: CustomerJourneys, order: Sequence[str], window: int) -> ibis.Table:
    """One row a customer who was in the first stage or a later one: begun (µs), depth (the furthest stage in time, 0 the first)."""
    pairs = [(place, order.index(way.stage_of[name])) for place, name in enumerate(way.journeys.names)
             if way.stage_of.get(name) in order and name not in way.ends]  # fmt: skip
    t = t.mutate(stage=t.a.cases(*pairs, else_=None))
    t = t.filter(t.stage.notnull())
    first = t.group_by("c").agg(begun=t.t.min())
    timed = t.inner_join(first, "c")
    timed = timed.filter(timed.t - timed.begun <= window)
    return timed.group_by("c").agg(begun=timed.begun.min(), depth=timed.stage.max().cast("int64"))


def _reached_in_turn(t: ibis.Table, codes: Sequence[int], window: int) -> ibis.Table:
    """One row a customer with the first touchpoint: begun (µs), depth (the last touchpoint reached in turn and in time)."""
    t = t.mutate(place=t.pos if "journey" not in t.columns else t.journey.cast("int64") * _PLACES + t.pos)
    first = t.filter(t.a == codes[0])
    reached = first.group_by("c").agg(after=first.place.min(), begun=first.t.min())
    whole = reached.select("c", "begun", depth=ibis.literal(0, "int64"))
    for depth, code in enumerate(codes[1:], 1):
        here = t.filter(t.a == code).inner_join(reached, "c")
        here = here.filter((here.place > here.after) & (here.t - here.begun <= window))
        reached = here.group_by("c").agg(after=here.place.min(), begun=here.begun.min())
        whole = whole.union(reached.select("c", "begun", depth=ibis.literal(depth, "int64")))
    return whole.group_by("c").agg(begun=whole.begun.min(), depth=whole.depth.max())


_PLACES = 1 << 40


def _by_segment(way: CustomerJourneys, log: Journeys, decided: ibis.Table, last: int) -> pd.DataFrame:
    if not way.segment_col:
        return pd.DataFrame(columns=_SEGMENTS)
    own = log.with_segment(way.segment_col, decided)
    found = own.group_by(way.segment_col).agg(n=own.count(), came=(own.depth >= last).cast("int64").sum()).to_pandas()
    counts = {str(row[way.segment_col]): (int(row["came"]), int(row["n"])) for row in found.to_dict("records")}
    rows = [_segment_row(way, name, counts) for name in largest_segments(log, way.segment_col) if name in counts]
    return with_readings(pd.DataFrame(rows, columns=_SEGMENTS), way.conf_level)


def _segment_row(way: CustomerJourneys, name: str, counts: Mapping[str, tuple[int, int]]) -> dict[str, Any]:
    came, n = counts[name]
    all_came, all_n = (sum(pair[at] for pair in counts.values()) for at in (0, 1))
    mine = share_of(came, n, conf_level=way.conf_level)
    others = share_of(all_came - came, all_n - n, conf_level=way.conf_level)
    gap = difference_row(others, mine, min_base=way.min_base)
    difference, low, high, p_value = (gap[key] for key in ("difference", "conf_low", "conf_high", "p_value"))
    return (
        {"segment": name}
        | mine
        | {"difference": difference, "difference_low": low, "difference_high": high, "p_value": p_value}
    )
