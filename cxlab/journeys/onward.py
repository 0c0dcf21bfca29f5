"""Where do customers go next, which few journeys stand for all, what comes again, and what comes first?

`ways` asks the engine that holds the log, and keeps small tables: what lies two steps before and four after one touchpoint (the
anchor, the first time it is met), the journeys that stand for all (`representatives`), how often touchpoints come again, and which of
two comes first. A touchpoint that holds more than half of all events (`crowd`) hides the steps between the others: it is left out
there, and the notes say so. What comes first, and which journeys stand for all, is asked only of customers whose journey begins in
the log; the others were on their way before anybody looked.

What it does not say: that one touchpoint leads to the next. "(end)" is where the log holds no further step, and a customer of last
week has few of them; whoever was watched longer can come again more often. Intervals are Wilson's and take journeys as independent;
where a customer has several (a log that was split) they are too short.
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

from cxlab.data.portable import upload
from cxlab.inference import share_of
from cxlab.journeys.edges import END, START
from cxlab.journeys.gaps import _length
from cxlab.journeys.log import Journeys
from cxlab.journeys.maps import CustomerJourneys, Shown, largest_segments
from cxlab.journeys.representatives import representatives
from cxlab.journeys.rules import parse
from cxlab.wording import (
    capital_text,
    describe,
    estimate_text,
    finer,
    inside_text,
    interval_text,
    list_text,
    number_text,
)

BEFORE, AFTER_FLOW, AFTER_MATRIX = 2, 3, 4  # steps; the titles say "fourth"
EVERYBODY, OTHERS = "All", "all others"
_TOP_MATRIX, _TOP_LOOPS, _TOP_PAIRS, _TOP_SEGMENTS, _TOP_EXITS, _TOP_APART = 10, 8, 8, 4, 8, 6
_MOST_STEPS, _TITLE_STEPS = 9, 6
_MOST_PATHS = (
    800  # compared with each other; all 1,309 of a real log stood for others as well, to 0.0001 of the mean distance
)
_FIGURES = ["estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason"]
_FLOW = ["step", "from_touchpoint", "to_touchpoint", "from_label", "to_label", "journeys", "share", *_FIGURES]
_MATRIX = ["label", "step", "step_label", "journeys", *_FIGURES]
_REPRESENTATIVES = [
    "segment", "representative", "path", "steps", "journeys", "same", "mean_distance", "differ", "refound", "paths",
    "paths_compared", *_FIGURES,
]  # fmt: skip
_EXITS = ["from_touchpoint", "to_touchpoint", "label", "to_label", "steps", *_FIGURES]
_LOOPS = [
    "touchpoint", "label", "events", "again", "share_of_events", "at_once", "returns", "median_return", "usual", *_FIGURES,
]  # fmt: skip
_PAIRS = ["touchpoint", "other", "label", "other_label", "times_first", "against", *_FIGURES]
_OFTEN = 10.0  # percent of the journeys with a touchpoint, in which it comes again, to stand up front
_FEWEST, _FIXED, _ALWAYS = 1.0, 90.0, 99.0  # percent of journeys: it comes again, two come in one order, nearly always


@dataclass(frozen=True)
class Ways:
    """`flow` has one row a ribbon: step (of its left end, 0 is the anchor), from_touchpoint, to_touchpoint and their labels,
    journeys, share (0 to 1) and estimate (percent) of the n journeys with the anchor. `step_matrix` has one row a label and step:
    journeys there, estimate (percent of the n journeys with the anchor; the shares of a step add up to 100).

    `representatives` has one row a segment ("All": everybody) and journey that stands for others: representative (1, 2, …), path
    (text), steps, estimate (percent of the n journeys nearest to it), journeys, same (that took exactly this path), mean_distance
    (0 to 1) and differ (percent): the share of steps in which a journey differs from the one that stands for it; refound; the
    distinct paths, and paths_compared, the sample of them that representatives were chosen from.
    `loops` has one row a touchpoint: estimate (percent of the n journeys with it, in which it comes again), events, again (events
    that are not the first of their journey) and their share_of_events (percent), of these at_once and returns (after something
    else), median_return of the returns, and usual, the same as text. Those below 1% are left out.
    `precedence` has one row a pair: n journeys with both, times_first and estimate (percent) in which `touchpoint` comes first,
    against (it clearly does, though its stage is a later one); with itself a touchpoint has no estimate.

    `exits` has one row a pair of the touchpoints that are left most often: estimate (percent of the n steps away from `from_touchpoint`,
    those back to itself among them), steps. `apart` has one row a step and pair of segments (the `_TOP_SEGMENTS` with most customers):
    difference (points by which `segment_b` goes on that way more often than `segment_a`), tested over customers, q_value over all.

    Figures on fewer than `min_base` journeys are in none of them; in `precedence` such a pair is empty, with the reason."""

    anchor: str
    exits: pd.DataFrame
    apart: pd.DataFrame
    flow: pd.DataFrame
    step_matrix: pd.DataFrame
    representatives: pd.DataFrame
    loops: pd.DataFrame
    precedence: pd.DataFrame
    labels: dict[str, str]
    crowd: str
    is_staged: bool
    is_split: bool
    left_out: tuple[str, ...]
    n_begun: int
    n_sampled: int
    conf_level: float
    min_base: int

    def leads(self) -> list[str]:
        """What comes back most, where it does so in a tenth of the journeys; what follows itself may be two entries for one contact."""
        back = self.loops[(self.loops["returns"] > self.loops["at_once"]) & (self.loops["estimate"] >= _OFTEN)]
        return [self._again_words(back.to_dict("records")[0])] if len(back) else []

    def sentences(self) -> list[str]:
        """Where customers go from the anchor, and what comes again most; without enough journeys nothing."""
        said = []
        if len(self.flow):
            said.append(self._next_words())
        if len(self.loops):
            said.append(self._again_words())
        return said

    def exits_shown(self) -> Iterator[Shown]:
        """Where customers go next from the touchpoints that they leave most often."""
        if len(self.exits):
            most = self.exits.sort_values("estimate", ascending=False, kind="stable").to_dict("records")[0]
            yield {
                "name": "exits",
                "title": f"The surest step leads from {inside_text(most['label'])} to {inside_text(most['to_label'])}: "
                f"{_figure(most)} of all steps from there.",
                "subtitle": "Steps from the row to the column, percent of all steps from the row",
                "alt": describe(
                    "Field of steps from one touchpoint to the next", self.exits, label_col="to_label", series_col="label",
                    unit="%", min_base=self.min_base,
                ),
                "note": {
                    "Base": f"Steps from the {self.exits['label'].nunique()} touchpoints that are left most often, "
                    f"{self.exits['n'].min():,} to {self.exits['n'].max():,}",
                    "Not drawn": "Steps back to the same touchpoint and to rarer ones: a row does not add up to 100",
                }
                | self._left_out(),
            }, self.exits  # fmt: skip

    def apart_shown(self) -> Iterator[Shown]:
        """The steps that two segments take clearly more or less often, the surest first; without one nothing is drawn."""
        if len(self.apart):
            clear = self.apart[self.apart["reading"] == "changed"]
            rows = clear.head(_TOP_APART) if len(clear) else self.apart.head(3)
            title = f"None of {len(self.apart):,} steps is clearly taken more often by one segment than by another."
            if len(clear):
                row = clear.to_dict("records")[0]
                more, less = ("segment_b", "segment_a") if row["difference"] > 0 else ("segment_a", "segment_b")
                title = (
                    f"{len(clear)} of {len(self.apart):,} steps are clearly taken more often by one segment than by another; most surely "
                    f"that from {inside_text(row['from_label'])} to {inside_text(row['to_label'])}, by “{row[more]}” more than by "
                    f"“{row[less]}”."
                )
            yield {
                "name": "segment_steps",
                "title": title,
                "subtitle": "Of all steps from a touchpoint the share that leads to the next: the second segment less the first, points, "
                f"{100 * self.conf_level:g}% interval",
                "alt": describe("Differences of steps between segments", rows, label_col="label", unit="%", difference=True,
                                estimate_col="difference", min_base=self.min_base),
                "note": {
                    "Base": "Beside a name: steps of both segments from that touchpoint",
                    "Test": f"{len(self.apart):,} steps and pairs of the {_TOP_SEGMENTS} largest segments, over customers, not steps; "
                    "Benjamini–Hochberg",
                }
                | self._left_out(),
                "folded": clear.empty,
            }, rows.reset_index(drop=True)  # fmt: skip

    def flow_shown(self) -> Iterator[Shown]:
        """Two steps before and three after the anchor, as ribbons."""
        if len(self.flow):
            exits = self.flow[self.flow["step"] == 0]
            yield {
                "name": "flow",
                "title": self._next_words(),
                "subtitle": f"Two steps before and three after the first time at {self._anchor_words()}: share of the journeys with it",
                "alt": describe(
                    f"Flow around {self._anchor_words()}, next step", exits.head(6), label_col="to_label", unit="%",
                    min_base=self.min_base,
                ),
                "note": self._base_of_anchor(),
            }, self.flow  # fmt: skip

    def step_matrix_shown(self) -> Iterator[Shown]:
        """What lies so many steps before and after the anchor."""
        if len(self.step_matrix):
            steps = self.step_matrix["step"]
            last = self.step_matrix[steps == steps.max()]
            over = float(last.loc[last["label"] == END, "estimate"].sum())
            there = last[~last["label"].isin([END, OTHERS])].sort_values("estimate", ascending=False, kind="stable")
            most: dict[Any, Any] = there.to_dict("records")[0] if len(there) else {"estimate": 0.0}
            said = [f"{_about(over)}% of journeys have no fourth step after {self._anchor_words()}"] if over else []
            if most["estimate"] > 0:
                whose = "" if said else f" after {self._anchor_words()}"
                said.append(
                    f"the fourth{whose} is most often {inside_text(most['label'])}, for {_about(most['estimate'])}%"
                )
            yield {
                "name": "step_matrix",
                "title": capital_text("; ".join(said)) + ".",
                "subtitle": f"Touchpoint so many steps before (−) or after (+) the first time at {self._anchor_words()}, percent",
                "alt": describe(
                    f"Field of touchpoints by step from {self._anchor_words()}", self.step_matrix, label_col="label",
                    series_col="step_label", unit="%", min_base=self.min_base,
                ),
                "note": self._base_of_anchor(),
            }, self.step_matrix  # fmt: skip

    def representatives_shown(self) -> Iterator[Shown]:
        """The journeys that stand for all, and for the largest segments."""
        rows = self.representatives
        if len(rows):
            own = rows.head(int((rows["segment"] == rows["segment"].iloc[0]).sum())).to_dict(
                "records"
            )  # everybody stands first
            whole = sum(row["mean_distance"] * row["journeys"] for row in own) / own[0]["n"]
            title = f"“{path_text(own[0]['path'].split(' → '), _TITLE_STEPS)}” stands for {_figure(own[0])} of journeys"
            if own[0]["mean_distance"] > 0:
                title += f", which differ from it in {_about(own[0]['differ'])}% of their steps"
            note = {
                "Base": f"{own[0]['n']:,} journeys that begin in the log"
                + (
                    f", of {self.n_sampled:,} of {self.n_begun:,} customers, drawn at random"
                    if self._is_sampled()
                    else ""
                ),
                "Method": f"Each goes to the nearest of {len(own)} by edit distance; on average {_about(100 * whole)}% of steps differ",
                "Open": "A journey that still goes on counts with the steps it has so far",
            }
            if own[0]["paths_compared"] < own[0]["paths"]:
                note["Method"] += (
                    f"; chosen from {own[0]['paths_compared']:,} of {own[0]['paths']:,} paths, frequent ones first"
                )
            if rows["segment"].nunique() > 1:
                note["Segments"] = f"The {_TOP_SEGMENTS} with most customers"
            if self.left_out:
                note["Not shown"] = f"{list_text(self.left_out)}: fewer than {self.min_base} journeys begin in the log"
            yield {
                "name": "representatives",
                "title": f"{title}.",
                "subtitle": f"Journeys as {'stages' if self.is_staged else 'touchpoints'} in order, repeats merged, and the share of "
                f"journeys that each stands for, {100 * self.conf_level:g}% interval",
                "note": note | self._left_out(),
            }, rows  # fmt: skip

    def loops_shown(self) -> Iterator[Shown]:
        """Touchpoints that come again, those that come again most often first."""
        if len(self.loops):
            at_once, again = int(self.loops["at_once"].sum()), int(self.loops["again"].sum())
            yield {
                "name": "loops",
                "title": self._again_words(),
                "subtitle": f"Share of the journeys with a touchpoint in which it comes again, {100 * self.conf_level:g}% interval",
                "alt": describe(
                    "Dot plot of the share of journeys in which a touchpoint comes again", self.loops, label_col="label", unit="%",
                    min_base=self.min_base,
                ),
                "note": {
                    "Base": "Journeys with the touchpoint" + ("" if self.is_split else "; a customer is one journey"),
                    "At once": f"{at_once:,} of {again:,} times it follows itself, which may be two entries for one contact",
                    "Time": "Of returns after something else that the log holds; who was watched longer can come again more often",
                    "Not shown": f"Touchpoints that come again in under {_FEWEST:g}% of journeys, and n<{self.min_base}",
                }
                | self._left_out(),
            }, self.loops  # fmt: skip

    def precedence_shown(self) -> Iterator[Shown]:
        """Which of two touchpoints comes first; the earliest stands first."""
        known = self.precedence[self.precedence["estimate"].notna()]
        if len(known):
            against = (
                known[known["against"]].sort_values("times_first", ascending=False, kind="stable").to_dict("records")
            )
            if against:
                row = against[0]
                title = (
                    f"Against the order of the stages, {inside_text(row['label'])} comes before {inside_text(row['other_label'])} in "
                    f"{_figure(row)} of {row['n']:,} journeys with both."
                )
            else:
                title = _settled_words(known)
            yield {
                "name": "precedence",
                "title": title,
                "subtitle": "Share of the journeys with both in which the row comes before the column, percent"
                + ("; a frame: clearly first, though its stage is later" if known["against"].any() else ""),
                "alt": describe(
                    "Field of which of two touchpoints comes first", known, label_col="other_label", series_col="label", unit="%",
                    min_base=self.min_base,
                ),
                "note": {
                    "Base": f"Journeys that begin in the log and hold both, {known['n'].min():,} to {known['n'].max():,}",
                    "First": "The first time at each; at the same moment the order of the file decides",
                },
            }, self.precedence  # fmt: skip

    def _next_words(self) -> str:
        """Where customers go from the anchor, and for how many nothing follows."""
        exits = self.flow[self.flow["step"] == 0].to_dict("records")
        ways = [row for row in exits if row["to_touchpoint"] != END]
        over = sum(row["estimate"] for row in exits if row["to_touchpoint"] == END)
        if not ways:
            return f"After {self._anchor_words()} nothing follows in the log."
        said = f"After {self._anchor_words()} {_figure(ways[0])} of journeys go on to {self._place(ways[0])}"
        if len(ways) > 1 and ways[1]["estimate"] >= 1:
            said += f", {number_text(ways[1]['estimate'])}% to {self._place(ways[1])}"
        return f"{said}; for {_about(over)}% {self._nothing()} follows." if over else f"{said}."

    def _again_words(self, row: Mapping[Any, Any] | None = None) -> str:
        row = self.loops.to_dict("records")[0] if row is None else row
        return (
            f"{capital_text(inside_text(row['label']))} comes again in {_figure(row)} of the journeys that have it: "
            f"{number_text(row['share_of_events'])}% of its {row['events']:,} events are not the first of their journey"
            + (", most of them at once." if row["at_once"] > row["returns"] else ".")
        )

    def _place(self, row: Mapping[Any, Any]) -> str:
        again = row["to_touchpoint"] == self.anchor
        return f"{self._anchor_words()} again" if again else inside_text(row["to_label"])

    def _anchor_words(self) -> str:
        return inside_text(self.labels[self.anchor])

    def _is_sampled(self) -> bool:
        return self.n_sampled < self.n_begun

    def _nothing(self) -> str:
        return (
            f"nothing but {inside_text(self.labels[self.crowd])}"
            if self.crowd and self.anchor != self.crowd
            else "nothing"
        )

    def _left_out(self) -> dict[str, str]:
        return crowd_note(self.crowd, self.labels)

    def _base_of_anchor(self) -> dict[str, str]:
        return {
            "Base": f"{int(self.flow['n'].iloc[0]):,} journeys with {self._anchor_words()}"
            + ("" if self.is_split else "; a customer is one journey"),
            "Ends": f"{START} and {END}: the log holds nothing earlier or later of them",
        } | (self._left_out() if self.anchor != self.crowd else {})


def ways(
    way: CustomerJourneys,
    *,
    anchor: str = "",
    stage_of: Mapping[str, str],
    k: int = 3,
    max_customers: int = 20_000,
    random_state: Any = 0,
) -> Ways:
    """Where customers go next, the k journeys that stand for all, what comes again, and what comes first.

    `anchor` is the touchpoint to look around; without it the one at the beginning of the rule that breaks most, else the most frequent
    one that is not the crowd. `stage_of` gives the stage of a touchpoint, stages in order; it may be empty. Journeys that stand for
    all are looked for among at most `max_customers` customers, drawn at random.

    Raises ValueError for an anchor that is not in the log, and for `k` or `max_customers` below 1.
    """
    for name, number in (("k", k), ("max_customers", max_customers)):
        if int(number) != number or number < 1:
            raise ValueError(f"`{name}` must be a whole number above 0, got {number!r}")
    log = way.journeys
    at = anchor or _anchor(way)
    log.code(at)  # refuses an unknown one by name
    labels = unique_labels(way)
    chosen, n_begun, n_sampled = draw(log, way.begun, max_customers, random_state)
    rest = without_crowd(way)
    around = log if at == way.crowd else rest
    stood_for, left_out = _representatives(way, rest.only(customers=chosen), stage_of, labels, k, random_state)
    return Ways(
        anchor=at,
        exits=_exits(way, labels),
        apart=_apart(way, rest, labels),
        flow=_flow(way, around, at, labels),
        step_matrix=_matrix(way, around, at, labels),
        representatives=stood_for,
        loops=_loops(way, labels),
        precedence=_precedence(way, stage_of, labels),
        labels=labels,
        crowd=way.crowd,
        is_staged=bool(stage_of),
        is_split=log.is_split,
        left_out=left_out,
        n_begun=n_begun,
        n_sampled=n_sampled,
        conf_level=way.conf_level,
        min_base=way.min_base,
    )


def crowd_note(crowd: str, labels: Mapping[str, str]) -> dict[str, str]:
    """What a note says of the touchpoint that is left out; without one nothing."""
    return {"Left out": f"{capital_text(inside_text(labels[crowd]))}, which holds most events"} if crowd else {}


def without_crowd(way: CustomerJourneys) -> Journeys:
    """The journeys without the touchpoint that holds most events, where there is one."""
    log = way.journeys
    return log.only([name for name in log.touchpoints if name != way.crowd]) if way.crowd else log


def unique_labels(way: CustomerJourneys) -> dict[str, str]:
    """The label of each touchpoint of the log; two that share one have their name behind it."""
    labels = {name: way.labels[name] for name in way.journeys.touchpoints}
    often = pd.Series(labels, dtype=object).value_counts()
    return {name: f"{label} ({name})" if often[label] > 1 else label for name, label in labels.items()}


def draw(log: Journeys, customers: ibis.Table, most: int, random_state: Any) -> tuple[ibis.Table, int, int]:
    """At most so many of some customers (an Ibis table with a column `c`), drawn at random; how many there were, and are."""
    places = np.sort(customers.to_pandas()["c"].to_numpy())
    if len(places) <= most:
        return customers, len(places), len(places)
    picked = check_random_state(random_state).choice(len(places), int(most), replace=False)
    return upload(log.backend, pd.DataFrame({"c": places[np.sort(picked)]})), len(places), int(most)


def _anchor(way: CustomerJourneys) -> str:
    """The touchpoint at the beginning of the rule that breaks most, else the most frequent one that is not the crowd."""
    judged = way.rules[(way.rules["n"] >= way.min_base) & (way.rules["broken"] > 0)] if len(way.rules) else way.rules
    for rule in judged.sort_values("estimate", kind="stable")["rule"] if len(judged) else []:
        first = str(parse(rule, way.journeys.touchpoints)[1]["a"])
        if first != way.crowd:
            return first
    often = way.journeys.often()["touchpoint"]
    return str(often[often != way.crowd].iloc[0])


def _exits(way: CustomerJourneys, labels: Mapping[str, str]) -> pd.DataFrame:
    """One row a pair of the touchpoints that are left most often, also where nobody took that step."""
    steps = way.handovers
    bases = (100 * steps["n"] / steps["share"]).round().groupby(steps["from_touchpoint"]).first().astype("int64")
    left = bases[bases >= way.min_base].rename("n").reset_index()
    names = list(
        left.sort_values(["n", "from_touchpoint"], ascending=[False, True])["from_touchpoint"].head(_TOP_EXITS)
    )
    if len(names) < 2:
        return pd.DataFrame(columns=_EXITS)
    taken = steps.set_index(["from_touchpoint", "to_touchpoint"])["n"].to_dict()
    rows = [
        {"from_touchpoint": a, "to_touchpoint": b, "label": labels[a], "to_label": labels[b], "steps": int(taken.get((a, b), 0))}
        | share_of(int(taken.get((a, b), 0)), int(bases[a]), conf_level=way.conf_level)
        for a in names for b in names if a != b
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=_EXITS)


def _apart(way: CustomerJourneys, log: Journeys, labels: Mapping[str, str]) -> pd.DataFrame:
    """One row a step and pair of segments, the surest difference first."""
    columns = ["from_touchpoint", "to_touchpoint", "segment_a", "segment_b", "from_label", "to_label", "label", "difference", "std_error",
               "conf_low", "conf_high", "conf_level", "n", "unit", "p_value", "q_value", "reading", "reason"]  # fmt: skip
    if not way.segment_col:
        return pd.DataFrame(columns=columns)
    chosen = largest_segments(way.journeys, way.segment_col)[:_TOP_SEGMENTS]
    points = ["difference", "std_error", "conf_low", "conf_high"]
    found = log.compare(way.segment_col, segments=chosen, conf_level=way.conf_level)
    found = found.rename(columns={"estimate": "difference"})
    found[points] *= 100
    found["from_label"], found["to_label"] = (found[name].map(labels) for name in ("from_touchpoint", "to_touchpoint"))
    steps = [f"{a} → {inside_text(b)}" for a, b in zip(found["from_label"], found["to_label"], strict=True)]
    pairs = zip(steps, found["segment_b"], found["segment_a"], strict=True)
    found["label"] = [f"{step}: {b} less {a}" for step, b, a in pairs]
    found["reading"] = np.where(found["q_value"] < 1 - way.conf_level, "changed", "no clear change")
    return found.assign(unit="%", reason="")[columns]


def _flow(way: CustomerJourneys, log: Journeys, anchor: str, labels: Mapping[str, str]) -> pd.DataFrame:
    found = log.flow(anchor, before=BEFORE, after=AFTER_FLOW)
    n = int(found.loc[found["step"] == 0, "n"].sum())
    if n < way.min_base:
        return pd.DataFrame(columns=_FLOW)
    rows = [
        {
            "step": row["step"], "from_touchpoint": row["from_touchpoint"], "to_touchpoint": row["to_touchpoint"],
            "from_label": labels.get(row["from_touchpoint"], row["from_touchpoint"]),
            "to_label": labels.get(row["to_touchpoint"], row["to_touchpoint"]), "journeys": int(row["n"]), "share": row["share"],
        }
        | share_of(int(row["n"]), n, conf_level=way.conf_level)
        for row in found.to_dict("records")
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=_FLOW)


def _matrix(way: CustomerJourneys, log: Journeys, anchor: str, labels: Mapping[str, str]) -> pd.DataFrame:
    """One row a label and step but 0, where everybody is at the anchor. The largest touchpoints have a row, the others share one."""
    found = log.step_matrix(anchor, before=BEFORE, after=AFTER_MATRIX)
    n = int(found.loc[found["step"] == 0, "n"].sum())
    if n < way.min_base:
        return pd.DataFrame(columns=_MATRIX)
    found = found[found["step"] != 0]
    inner = found[~found["touchpoint"].isin([START, END])]
    sizes = inner.groupby("touchpoint")["n"].sum().reset_index()
    ordered = list(sizes.sort_values(["n", "touchpoint"], ascending=[False, True])["touchpoint"])
    few = ordered if len(ordered) <= _TOP_MATRIX + 1 else ordered[:_TOP_MATRIX]
    named = {name: labels[name] if name in few else OTHERS for name in ordered} | {START: START, END: END}
    placed = found["touchpoint"].map(named)
    counts: dict[Any, Any] = found.groupby([placed, found["step"]])["n"].sum().to_dict()
    names = [named[name] for name in few] + [name for name in (OTHERS, START, END) if name in set(placed)]
    rows = [
        {"label": name, "step": step, "step_label": number_text(step, signed=True), "journeys": int(counts.get((name, step), 0))}
        | share_of(int(counts.get((name, step), 0)), n, conf_level=way.conf_level)
        for name in names
        for step in (*range(-BEFORE, 0), *range(1, AFTER_MATRIX + 1))
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=_MATRIX)


def _representatives(
    way: CustomerJourneys,
    log: Journeys,
    stage_of: Mapping[str, str],
    labels: Mapping[str, str],
    k: int,
    random_state: Any,
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The journeys that stand for everybody and for the largest segments, and the segments with too few journeys."""
    staged = {name: stage.replace("_", " ") for name, stage in stage_of.items()}
    merged = log.stages(staged or {name: inside_text(label) for name, label in labels.items()})
    parts = [(EVERYBODY, merged.variants())]
    if by := way.segment_col:
        own = merged.variants(by)
        parts += [(name, own[own[by] == name]) for name in largest_segments(way.journeys, by)[:_TOP_SEGMENTS]]
    rows: list[Any] = []
    left_out = []
    for segment, paths in parts:
        if paths["n"].sum() < way.min_base:
            left_out += [segment] if segment != EVERYBODY else []
            continue
        found = representatives(
            paths[["variant", "n"]], k=min(k, len(paths)), max_paths=max(_MOST_PATHS, k), conf_level=way.conf_level,
            random_state=random_state,
        )  # fmt: skip
        rows += [
            {**row, "segment": segment, "path": path_text(row["path"]), "differ": 100 * row["mean_distance"]}
            | {"paths": found.n_paths, "paths_compared": found.n_sampled}
            for row in found.table.to_dict("records")
        ]
    return pd.DataFrame(rows, columns=_REPRESENTATIVES), tuple(left_out)


def path_text(path: Sequence[Any], most: int = _MOST_STEPS) -> str:
    """A journey as text: its first steps.

    >>> path_text(["awareness", "purchase"]), path_text("abcdefghijk")
    ('awareness → purchase', 'a → b → c → d → e → f → g → h → i → …')
    """
    return " → ".join(map(str, path[:most])) + (" → …" if len(path) > most else "")


def _loops(way: CustomerJourneys, labels: Mapping[str, str]) -> pd.DataFrame:
    """Touchpoints that come again on a sufficient base, those with most events that are not the first on top."""
    found = way.journeys.loops()
    found = found.assign(again=found["repeats"] + found["returns"])
    often = (found["again"] > 0) & (100 * found["share_again"] >= _FEWEST)
    found = found[(found["journeys"] >= way.min_base) & often & (found["touchpoint"] != way.crowd)]
    found = found.sort_values(["again", "touchpoint"], ascending=[False, True]).head(_TOP_LOOPS)
    rows = []
    for row in found.to_dict("records"):
        n, again, returns = int(row["journeys"]), int(row["again"]), int(row["returns"])
        known = returns >= way.min_base
        wait = row["median_return"] if known else pd.NaT
        few = f"n<{way.min_base}" if returns else "only at once"
        about = {
            "touchpoint": row["touchpoint"], "label": labels[row["touchpoint"]], "events": n + again, "again": again,
            "share_of_events": 100 * again / (n + again), "at_once": int(row["repeats"]), "returns": returns, "median_return": wait,
            "usual": _length(wait.total_seconds()) if known else few,
        }  # fmt: skip
        rows.append(about | share_of(round(row["share_again"] * n), n, conf_level=way.conf_level))
    return pd.DataFrame(rows, columns=_LOOPS)


def _precedence(way: CustomerJourneys, stage_of: Mapping[str, str], labels: Mapping[str, str]) -> pd.DataFrame:
    """Pairs of the touchpoints that most customers meet; rows and columns begin with the one that comes first most often."""
    order = list(dict.fromkeys(stage_of.values()))
    log = way.journeys.only(customers=way.begun)
    top = list(log.reach()["touchpoint"].head(_TOP_PAIRS))
    found = log.only(top).precedence()
    rows = []
    for row in found.to_dict("records"):
        first, n = int(row["n_before"]), int(row["n"])
        figures = share_of(first, n, conf_level=way.conf_level)
        if n < way.min_base:
            figures |= dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), math.nan)
            figures["reason"], first = f"n<{way.min_base}", 0
        stages = [stage_of.get(row[key]) for key in ("touchpoint", "other")]
        later = None not in stages and order.index(str(stages[0])) > order.index(str(stages[1]))
        about = {"touchpoint": row["touchpoint"], "other": row["other"], "times_first": first}
        rows.append(about | {"against": later and bool(figures["conf_low"] > 50)} | figures)
    itself = share_of(0, 0, conf_level=way.conf_level) | {"reason": "–", "times_first": 0, "against": False}
    rows += [{"touchpoint": name, "other": name} | itself for name in top]
    table = pd.DataFrame(rows)
    table = table.assign(label=table["touchpoint"].map(labels), other_label=table["other"].map(labels))
    first_of = table.groupby("touchpoint")["estimate"].mean().fillna(-1.0)
    place = {name: at for at, name in enumerate(sorted(first_of.index, key=lambda name: (-first_of[name], name)))}
    return table.sort_values(["touchpoint", "other"], key=lambda names: names.map(place), ignore_index=True)[_PAIRS]


def _settled_words(known: pd.DataFrame) -> str:
    """How many pairs come in one order nearly always, and which is the least settled."""
    rows = known[(known["estimate"] > 50) | ((known["estimate"] == 50) & (known["touchpoint"] < known["other"]))]
    row = rows.sort_values(["estimate", "n"], ascending=[True, False], kind="stable").to_dict("records")[0]
    fixed = int((rows["estimate"] >= _FIXED).sum())
    if row["estimate"] >= _ALWAYS:
        return f"All {len(rows)} pairs of touchpoints come in one order in at least {math.floor(row['estimate'])}% of journeys."
    return (
        f"{fixed} of {len(rows)} pairs of touchpoints come in one order in at least {_FIXED:g}% of journeys; least settled, "
        f"{inside_text(row['label'])} comes before {inside_text(row['other_label'])} in {_figure(row)}."
    )


def _about(percent: float) -> str:
    """A percentage in a sentence: a few of many are not called none.

    >>> _about(0.2), _about(0.0), _about(38.6)
    ('under 1', '0', '39')
    """
    return "under 1" if 0 < percent < 0.5 else number_text(percent)


def _figure(row: Mapping[Any, Any]) -> str:
    """A share with its interval: 38% (37 to 40%)."""
    low, high = row["conf_low"], row["conf_high"]
    more = finer("%", low, high)
    said = estimate_text(row["estimate"], "%", more=more)
    return said if pd.isna(low) or pd.isna(high) else f"{said} ({interval_text(low, high, '%', more=more)})"
