"""How long: journeys from end to end, waits, and what a silence tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import ibis
import pandas as pd

from cxlab.data.portable import quantiles
from cxlab.journeys.reconstruct import as_lengths, duration, whole_micros

if TYPE_CHECKING:
    from cxlab.journeys.log import Journeys

_CLASSES_A_DECADE = 20  # of the histogram of waits
_SECOND = 1_000_000


def durations(
    journeys: Journeys, ends: Iterable[str] | None, observed_until: pd.Timestamp | str | None, anywhere: bool
) -> pd.DataFrame:
    closing = journeys._codes(ends or [], "ends")
    t = journeys.table
    last = t.nx.isnull().ifelse(t.a, ibis.null("int16")).max()
    met = t.a.isin(closing or [-1]).any()
    found = t.group_by(journeys.keys).agg(start=t.t.min(), stop=t.t.max(), n_events=t.count(), last=last, met=met)
    rows = found.inner_join(journeys.people.select("c", "customer_id"), "c").to_pandas()
    rows = rows.sort_values(journeys.keys, ignore_index=True)
    table = pd.DataFrame(
        {
            "customer_id": rows["customer_id"],
            "journey": rows["journey"].astype("int64") if journeys.is_split else 0,
            "start": pd.to_datetime(rows["start"], unit="us", utc=True),
            "end": pd.to_datetime(rows["stop"], unit="us", utc=True),
        }
    )
    table["duration"] = table["end"] - table["start"]
    table["n_events"] = rows["n_events"].astype("int64")
    table["last_touchpoint"] = journeys._named(rows["last"])
    closed = rows["met"].astype(bool) if anywhere else rows["last"].isin(closing)
    if journeys.gap is not None:
        closed |= rows["stop"] + journeys.gap < journeys.until(observed_until)
    known = bool(closing) or journeys.gap is not None
    table["censored"] = (~closed).astype("boolean") if known else pd.Series(pd.NA, index=table.index, dtype="boolean")
    return table


def times(journeys: Journeys) -> pd.DataFrame:
    t = journeys.table
    order = ibis.window(group_by=journeys.keys, order_by="pos")
    t = t.mutate(before=t.wait.lag().over(order))
    nothing = ibis.null("int64")
    if journeys.source.has_ends:
        so_far = ibis.cumulative_window(group_by=journeys.keys, order_by=t.pos)
        over = ibis.coalesce(t.ended, t.t)
        busy_until = ibis.greatest(over, t.t).max().over(so_far)
        t = t.mutate(processing=t.ended - t.t, idle=ibis.greatest(t.t + t.wait - busy_until, 0))
        t = t.mutate(idle=t.wait.isnull().ifelse(nothing, t.idle))
    else:
        t = t.mutate(processing=nothing, idle=t.wait)

    def both(name: str) -> dict[str, Any]:
        return quantiles(journeys.backend, t[name], {f"median_{name}": 0.5, f"slow_{name}": 0.9})

    kinds = ("before", "wait", "processing", "idle")
    found = t.group_by("a").agg(n=t.count(), **{k: v for name in kinds for k, v in both(name).items()}).to_pandas()
    table = pd.DataFrame({"touchpoint": journeys._named(found["a"]), "n": found["n"].astype("int64")})
    for name in kinds:
        said = {"before": "wait_before", "wait": "wait_after"}.get(name, name)
        for size in ("median", "slow"):
            table[f"{size}_{said}"] = as_lengths(found[f"{size}_{name}"])
    return table.sort_values(["n", "touchpoint"], ascending=[False, True], ignore_index=True)


def waits(journeys: Journeys) -> pd.DataFrame:
    t = journeys.table
    t = t.filter(t.wait > 0)
    place = ((t.wait.cast("float64") / _SECOND).log10() * _CLASSES_A_DECADE).floor().cast("int64")
    found = t.mutate(place=place).group_by("place").agg(n=lambda x: x.count()).to_pandas().sort_values("place")
    places = found["place"].to_numpy(dtype=float)
    return pd.DataFrame(
        {
            "low": 10 ** (places / _CLASSES_A_DECADE),
            "high": 10 ** ((places + 1) / _CLASSES_A_DECADE),
            "n": found["n"].to_numpy(dtype="int64"),
        }
    )


def n_journeys_at(journeys: Journeys, gaps: Sequence[str | pd.Timedelta]) -> pd.DataFrame:
    t = journeys.table
    lengths = [duration(gap) for gap in gaps]
    asked = {f"g{place}": (t.wait > whole_micros(gap)).sum() for place, gap in enumerate(lengths)}
    found: Any = t.agg(**asked).to_pandas().fillna(0).astype("int64").iloc[0]
    n = [journeys.n_journeys + int(found[f"g{place}"]) for place in range(len(lengths))]
    return pd.DataFrame({"gap": pd.to_timedelta(lengths), "journeys": n})
