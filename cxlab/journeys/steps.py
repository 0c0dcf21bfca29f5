"""On the way: funnels, what happens so many steps before and after a touchpoint, what comes first, what comes again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from cxlab.inference import wilson
from cxlab.journeys.edges import END, START
from cxlab.journeys.reconstruct import as_lengths, whole_micros

if TYPE_CHECKING:
    from cxlab.journeys.log import Journeys


def funnel(
    journeys: Journeys, wanted: Sequence[str], within: str | None, by: str | None, conf_level: float
) -> pd.DataFrame:
    if not wanted:
        raise ValueError("a funnel needs at least one step")
    codes = [journeys.code(step) for step in wanted]
    window = None if within is None else whole_micros(within)
    case, t = journeys.keys, journeys.with_segment(by)
    keys = [by] if by else []
    first = t.filter(t.a == codes[0])
    reached = first.group_by([*keys, *case]).agg(after=first.pos.min(), begun=first.t.min())
    counts = [_counted(reached, keys)]
    for code in codes[1:]:
        later = t.filter(t.a == code).drop(*keys).inner_join(reached, case)
        later = later.filter(later.pos > later.after)
        if window is not None:
            later = later.filter(later.t - later.begun <= window)
        reached = later.group_by([*keys, *case]).agg(after=later.pos.min(), begun=later.begun.min())
        counts.append(_counted(reached, keys))
    groups = sorted(counts[0], key=str) if by else [None]
    rows = []
    for group in groups:
        total = counts[0].get(group, 0)
        for step, found in zip(wanted, counts, strict=True):
            n = found.get(group, 0)
            share = n / total if total else np.nan
            low, high = wilson(share, total, conf_level) if total else (np.nan, np.nan)
            rows.append({**({by: group} if by else {}), "step": step, "n": n, "share": share, "conf_low": low,
                         "conf_high": high, "conf_level": conf_level})  # fmt: skip
    return pd.DataFrame(rows, columns=[*keys, "step", "n", "share", "conf_low", "conf_high", "conf_level"])


def _counted(reached: ibis.Table, keys: list[str]) -> dict[Any, int]:
    if not keys:
        return {None: int(reached.count().to_pandas())}
    found = reached.group_by(keys).agg(n=reached.count()).to_pandas()
    return dict(zip(found[keys[0]], found["n"].astype(int), strict=True))


def _anchored(journeys: Journeys, anchor: str | None, by: str | None = None) -> ibis.Table:
    """The events of the journeys with the anchor, each with its place before (−) or after the first time there."""
    t, case = journeys.with_segment(by), journeys.keys
    if anchor is None:
        return t.mutate(step=t.pos)
    here = t.filter(t.a == journeys.code(anchor))
    first = here.group_by(case).agg(anchored=here.pos.min())
    rows = t.inner_join(first, case)
    return rows.mutate(step=rows.pos - rows.anchored)


def step_matrix(journeys: Journeys, anchor: str | None, before: int, after: int, by: str | None) -> pd.DataFrame:
    before = 0 if anchor is None else before
    keys = [by] if by else []
    rows = _anchored(journeys, anchor, by)
    there = rows.filter(rows.step.between(-before, after))
    found = there.group_by([*keys, "step", "a"]).agg(n=there.count()).to_pandas()
    zero = found[found["step"] == 0]
    totals = zero.groupby(keys)["n"].sum() if by else pd.Series({None: zero["n"].sum()})
    parts = [found.assign(touchpoint=journeys._named(found["a"]))[[*keys, "step", "touchpoint", "n"]]]
    for group, total in totals.items():
        own = found[found[by] == group] if by else found
        seen = own.groupby("step")["n"].sum().reindex(range(-before, after + 1), fill_value=0)
        gone = (int(total) - seen).rename("n").reset_index().query("n > 0")
        gone["touchpoint"] = np.where(gone["step"] < 0, START, END)
        parts.append(gone.assign(**({by: group} if by else {}))[[*keys, "step", "touchpoint", "n"]])
    table = pd.concat(parts, ignore_index=True).astype({"step": "int64", "n": "int64"})
    table["share"] = table["n"] / (table[by].map(totals) if by else totals.sum())
    rising = [True] * len(keys) + [True, False, True]
    return table.sort_values([*keys, "step", "n", "touchpoint"], ascending=rising, ignore_index=True)


def flow(journeys: Journeys, anchor: str | None, before: int, after: int) -> pd.DataFrame:
    before = 0 if anchor is None else before
    rows = _anchored(journeys, anchor)
    there = rows.filter(rows.step.between(-before, after - 1))
    found = there.group_by(["step", "a", "nx"]).agg(n=there.count()).to_pandas()
    goes_on = found["nx"].notna()
    following = np.full(len(found), END, dtype=object)
    following[goes_on.to_numpy()] = journeys._named(found.loc[goes_on, "nx"])
    table = pd.DataFrame(
        {
            "step": found["step"].astype("int64"), "from_touchpoint": journeys._named(found["a"]), "to_touchpoint": following,
            "n": found["n"].astype("int64"),
        }
    )  # fmt: skip
    if before:  # journeys that begin on the way to the anchor
        begun = rows.filter((rows.pos == 0) & rows.step.between(1 - before, 0))
        starts = begun.group_by(["step", "a"]).agg(n=begun.count()).to_pandas()
        early = pd.DataFrame(
            {"step": starts["step"].astype("int64") - 1, "from_touchpoint": START, "to_touchpoint": journeys._named(starts["a"]),
             "n": starts["n"].astype("int64")}
        )  # fmt: skip
        table = pd.concat([table, early], ignore_index=True)
    anchored = rows.filter(rows.step == 0)
    total = int(anchored.count().to_pandas())
    table["share"] = table["n"] / total if total else np.nan
    return table.sort_values(
        ["step", "n", "from_touchpoint", "to_touchpoint"], ascending=[True, False, True, True], ignore_index=True
    )


def precedence(journeys: Journeys) -> pd.DataFrame:
    t, case = journeys.table, journeys.keys
    first = t.group_by([*case, "a"]).agg(first=t.pos.min())
    both = first.inner_join(first.rename(b="a", second="first"), case)
    both = both.filter(both.a != both.b)
    found = both.group_by(["a", "b"]).agg(n=both.count(), n_before=(both["first"] < both.second).sum()).to_pandas()
    table = pd.DataFrame(
        {
            "touchpoint": journeys._named(found["a"]), "other": journeys._named(found["b"]), "n": found["n"].astype("int64"),
            "n_before": found["n_before"].astype("int64"),
        }
    )  # fmt: skip
    table["share"] = table["n_before"] / table["n"]
    ends = [wilson(share, n, 0.95) for share, n in zip(table["share"], table["n"], strict=True)]
    table["conf_low"], table["conf_high"] = [low for low, _ in ends], [high for _, high in ends]
    return table.sort_values(["n", "touchpoint", "other"], ascending=[False, True, True], ignore_index=True)


def loops(journeys: Journeys) -> pd.DataFrame:
    t, case = journeys.table, journeys.keys
    order = ibis.window(group_by=[*case, "a"], order_by=t.pos)
    t = t.mutate(since=t.pos - t.pos.lag().over(order), away=t.t - t.t.lag().over(order))
    own = t.group_by([*case, "a"]).agg(
        repeats=(t.since == 1).fill_null(False).cast("int32").sum(),
        returns=(t.since > 1).fill_null(False).cast("int32").sum(),
    )
    sums = own.group_by("a").agg(
        customers=own.c.nunique(),
        journeys=own.count(),
        repeats=own.repeats.sum(),
        returns=own.returns.sum(),
        again=(own.repeats + own.returns > 0).cast("int32").sum(),
    )
    back = t.filter(t.since > 1)
    lengths = back.group_by("a").agg(away=back.away.cast("float64").quantile(0.5)).to_pandas().set_index("a")["away"]
    found = sums.to_pandas()
    table = pd.DataFrame({"touchpoint": journeys._named(found["a"])})
    for name in ("customers", "journeys", "repeats", "returns"):
        table[name] = found[name].astype("int64")
    table["share_again"] = found["again"].astype("int64") / table["journeys"]
    table["median_return"] = as_lengths(found["a"].map(lengths))
    return table.sort_values(["returns", "repeats", "touchpoint"], ascending=[False, False, True], ignore_index=True)
