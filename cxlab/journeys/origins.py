"""Where does a break of the designed journey come from: after which touchpoint, on which step, in which segment?

`break_origins` takes the rules about what follows what. Of each customer the first case counts that is decided (B came in time, or
its time is over), so that no customer counts twice. The share for whom the rule was kept is compared between those who met a touchpoint
before the case in the same journey and those who did not (`before`), between those whose next step led to a touchpoint and all others
(`next`), and between a segment and the other segments (`segment`).

One row is one rule and one such group: estimate (percent of the n in the group for whom it was kept) with share_low and share_high
(Wilson), others (percent of the n_before others), difference (points) with its interval, p_value, q_value (Benjamini and Hochberg
over all rows of a call) and reading. Groups or others of fewer than `min_base` are not tested.

What it does not say: that the touchpoint made the rule break. A step in between takes time of its own, and whoever takes it
had a reason to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ibis
import pandas as pd

from cxlab.data.portable import keep
from cxlab.inference import difference_row, share_of, with_readings
from cxlab.journeys.log import Journeys
from cxlab.journeys.rules import parse

KINDS = ("before", "next", "segment")
COLUMNS = [
    "rule", "kind", "place", "estimate", "share_low", "share_high", "others", "difference", "std_error", "conf_low", "conf_high",
    "conf_level", "n", "n_before", "unit", "p_value", "q_value", "reading", "reason",
]  # fmt: skip
_PLACES = 1 << 40  # more than the events of any journey


def break_origins(
    log: Journeys,
    rules: list[str],
    *,
    observed_until: pd.Timestamp | str | None = None,
    segment_col: str = "",
    crowd: str = "",
    conf_level: float = 0.95,
    min_base: int = 30,
) -> pd.DataFrame:
    """Where the cases come from that broke each rule. `crowd` is a touchpoint that hides the steps between the others: it is left out
    where the rule is not about it. Rules of another form than "A is [directly] followed by B", and those that nobody broke, have no rows.
    """
    rows: list[dict[str, Any]] = []
    for rule in rules:
        kind, parts = parse(rule, log.touchpoints)
        if kind not in ("followed", "directly"):
            continue
        own = log
        if crowd and crowd not in (parts["a"], parts["b"]) and kind == "followed":
            own = log.only([name for name in log.touchpoints if name != crowd])
        checked = own.conform([rule], observed_until=observed_until, conf_level=conf_level)
        asked = [cases for name, cases in checked._asked if name == rule]
        if not checked["broken"].iloc[0] or not asked:
            continue
        ends = {own.code(parts["a"]), own.code(parts["b"])}
        found = _groups(own, asked[0], ends, segment_col)
        rows += [{"rule": rule} | _compared(group, conf_level, min_base) for group in found]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if name not in ("q_value", "reading")])
    return with_readings(table, conf_level)[COLUMNS]


def _groups(log: Journeys, asked: ibis.Table, ends: set[int], segment_col: str) -> Iterator[dict[str, Any]]:
    """Each group with how many of its customers are decided (n), and for how many the rule was kept; and of all of them."""
    case = log.keys
    placed = asked.filter(~asked.pending)
    placed = placed.mutate(place=placed.pos.cast("int64") + (placed.journey * _PLACES if log.is_split else 0))
    first = placed.group_by("c").agg(place=placed.place.min())
    chosen = placed.inner_join(first, ["c", "place"])
    cases = keep(log.backend, chosen.select(*case, "pos", kept=chosen.came.cast("int32")))
    sums = _numbers(cases.agg(n=cases.count(), kept=cases.kept.sum()).to_pandas().iloc[0])
    if not sums["n"]:
        return
    t = log.table.select(*case, "a", "nx", at=log.table.pos)
    beside = t.inner_join(cases, case)
    earlier = beside.filter(beside["at"] < beside.pos).select("c", "a", "kept").distinct()
    for row in (
        earlier.group_by("a")
        .agg(n=earlier.count(), kept=earlier.kept.sum())
        .order_by("a")
        .to_pandas()
        .to_dict("records")
    ):
        if int(row["a"]) not in ends:
            yield {"kind": "before", "place": str(log.names[int(row["a"])])} | _of(row, sums)
    onward = beside.filter((beside["at"] == beside.pos) & beside.nx.notnull())
    for row in (
        onward.group_by("nx")
        .agg(n=onward.count(), kept=onward.kept.sum())
        .order_by("nx")
        .to_pandas()
        .to_dict("records")
    ):
        if int(row["nx"]) not in ends:
            yield {"kind": "next", "place": str(log.names[int(row["nx"])])} | _of(row, sums)
    if segment_col:
        own = log.with_segment(segment_col, cases)
        found = own.group_by(segment_col).agg(n=own.count(), kept=own.kept.sum()).order_by(segment_col).to_pandas()
        known = {"n": int(found["n"].sum()), "kept": int(found["kept"].sum())}
        for row in found.to_dict("records"):
            yield {"kind": "segment", "place": str(row[segment_col])} | _of(row, known)


def _numbers(row: Any) -> dict[str, int]:
    return {name: 0 if pd.isna(row[name]) else int(row[name]) for name in ("n", "kept")}


def _of(row: Mapping[Any, Any], everybody: Mapping[str, int]) -> dict[str, Any]:
    own = _numbers(row)
    return own | {"other_n": everybody["n"] - own["n"], "other_kept": everybody["kept"] - own["kept"]}


def _compared(found: Mapping[str, Any], conf_level: float, min_base: int) -> dict[str, Any]:
    own = share_of(found["kept"], found["n"], conf_level=conf_level)
    others = share_of(found["other_kept"], found["other_n"], conf_level=conf_level)
    gap = difference_row(others, own, min_base=min_base)
    figures = (
        "difference",
        "std_error",
        "conf_low",
        "conf_high",
        "conf_level",
        "n_before",
        "unit",
        "p_value",
        "reason",
    )
    about = {name: found[name] for name in ("kind", "place")} | {name: gap[name] for name in figures}
    return about | {
        "estimate": own["estimate"], "share_low": own["conf_low"], "share_high": own["conf_high"], "n": own["n"],
        "others": others["estimate"],
    }  # fmt: skip
