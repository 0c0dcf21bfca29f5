"""What follows what: transitions, variants, where journeys begin and end, whom touchpoints reach, and how segments differ."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd
from ibis import _

from cxlab.data.portable import duckdb_hash, keep, quantiles
from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import critical_value, two_sided_p
from cxlab.journeys.reconstruct import as_lengths
from cxlab.problems import did_you_mean

if TYPE_CHECKING:
    from cxlab.journeys.log import Journeys

LEAST_CUSTOMERS, LEAST_ON_EDGE = 30, 10
START, END, OPEN = "(start)", "(end)", "(still open)"
_SHIFT = 65_536  # more than there can be touchpoints
_COMPARED = [
    "from_touchpoint", "to_touchpoint", "segment_a", "segment_b", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "n",
    "p_value",
]  # fmt: skip


def transitions(
    journeys: Journeys, by: str | None, *, ends: bool, closing: Sequence[str], observed_until: Any
) -> pd.DataFrame:
    keys = [by] if by else []
    rows = journeys.with_segment(by)
    rows = rows.filter(rows.nx.notnull())
    waits = quantiles(journeys.backend, rows.wait, {"median": 0.5, "slow": 0.9})
    edge = [*keys, "a", "nx"]
    waited = rows.group_by(edge).agg(n=rows.count(), **waits).to_pandas()
    crossed = journeys.with_segment(by, journeys.crossings)
    found = waited.merge(crossed.group_by(edge).agg(customers=crossed.count()).to_pandas(), on=edge)
    table = pd.DataFrame({name: found[name] for name in keys})
    table["from_touchpoint"] = journeys._named(found["a"])
    table["to_touchpoint"] = journeys._named(found["nx"])
    table["n"], table["customers"] = found["n"].astype("int64"), found["customers"].astype("int64")
    table["share"] = np.nan
    table["median_wait"] = as_lengths(found["median"])
    table["slow_wait"] = as_lengths(found["slow"])
    if ends:
        table = pd.concat([table, _artificial(journeys, by, closing, observed_until)], ignore_index=True)
    table["share"] = table["n"] / table.groupby([*keys, "from_touchpoint"])["n"].transform("sum")
    rising = [True] * len(keys) + [False, True, True]
    return table.sort_values([*keys, "n", "from_touchpoint", "to_touchpoint"], ascending=rising, ignore_index=True)


def _artificial(journeys: Journeys, by: str | None, closing: Sequence[str], observed_until: Any) -> pd.DataFrame:
    """The edges from the artificial start and to the artificial ends."""
    keys = [by] if by else []
    rows = journeys.with_segment(by)
    until = journeys.until(observed_until)
    over = ibis.literal(not closing and journeys.gap is None)
    if closing:
        over = over | rows.a.isin([journeys.code(name) for name in closing])
    if journeys.gap is not None:
        over = over | (rows.t + journeys.gap < until)
    parts = []
    for outer, ends, inside in (
        (START, (rows.pos == 0), None),
        (END, rows.nx.isnull() & over, 0),
        (OPEN, rows.nx.isnull() & ~over, 0),
    ):
        chosen = rows.filter(ends)
        found = chosen.group_by([*keys, "a"]).agg(n=chosen.count(), customers=chosen.c.nunique()).to_pandas()
        names = journeys._named(found["a"])
        part = pd.DataFrame({name: found[name] for name in keys}, index=found.index)
        part["from_touchpoint"] = outer if inside is None else names
        part["to_touchpoint"] = names if inside is None else outer
        parts.append(part.assign(n=found["n"].astype("int64"), customers=found["customers"].astype("int64")))
    made = pd.concat(parts, ignore_index=True)
    nothing = pd.Series(pd.NaT, index=made.index, dtype="timedelta64[us]")
    return made.assign(share=np.nan, median_wait=nothing, slow_wait=nothing)


def variants(journeys: Journeys, by: str | None) -> pd.DataFrame:
    keys = [by] if by else []
    rows = journeys.with_segment(by)
    find = _variants_by_hash if journeys.backend.name == "duckdb" else _variants_by_text
    table = find(journeys, rows, keys)
    total = table.groupby(by)["n"].transform("sum") if by else table["n"].sum()
    table["share"] = table["n"] / total
    table = table.sort_values([*keys, "n"], ascending=[True] * len(keys) + [False], kind="stable", ignore_index=True)
    table["coverage"] = table.groupby(by)["share"].cumsum() if by else table["share"].cumsum()
    return table


def _variants_by_hash(journeys: Journeys, rows: ibis.Table, keys: list[str]) -> pd.DataFrame:
    """Journeys are told apart by the xor of hashes of (place, touchpoint), which needs no sorting, and by their length; of each
    variant one example travels to Python, each event with its place among all that travel."""
    case = journeys.keys
    hashed = rows.group_by([*keys, *case]).agg(h=duckdb_hash(_.pos.cast("int64") * _SHIFT + _.a).bit_xor(), k=_.count())
    example = {"c": _.c.min()} | ({"journey": _.journey.argmin(_.c)} if len(case) > 1 else {})
    found = hashed.group_by([*keys, "h", "k"]).agg(n=_.count(), **example).drop("h")
    so_far = ibis.cumulative_window(order_by=case)
    found = keep(journeys.backend, found.mutate(start=found.k.sum().over(so_far).cast("int64") - found.k))
    one = found.drop(*case).to_pandas()
    events = journeys.table.inner_join(found.select(*case, "start"), case)
    placed = events.select("a", at=events.start + events.pos).to_pyarrow()
    flat = np.empty(placed.num_rows, dtype="int16")
    flat[placed["at"].to_numpy()] = placed["a"].to_numpy()
    return _as_table(journeys, one, flat, one["start"].to_numpy(), keys)


def _as_table(journeys: Journeys, one: pd.DataFrame, flat: Any, start: Any, keys: list[str]) -> pd.DataFrame:
    """Variants by name, in the order of the alphabet, from the codes of all of them in a row."""
    labels, marks = tuple(journeys.names[flat].tolist()), flat.astype(">u2").tobytes()
    begins, ends = start.tolist(), (start + one["k"].to_numpy()).tolist()
    paths = [labels[at:end] for at, end in zip(begins, ends, strict=True)]
    written = [marks[2 * at : 2 * end] for at, end in zip(begins, ends, strict=True)]
    order = sorted(range(len(written)), key=written.__getitem__)
    made = {"variant": pd.Series(paths, dtype=object), "n": one["n"].astype("int64")}
    return pd.DataFrame({**{name: one[name] for name in keys}, **made}).take(order)


def _variants_by_text(journeys: Journeys, rows: ibis.Table, keys: list[str]) -> pd.DataFrame:
    """For engines that cannot put the parts of a group in order: places are padded, collected and sorted as text."""
    marked = rows.mutate(mark=rows.pos.cast("string").lpad(7, "0").concat(":", rows.a.cast("string")))
    paths = marked.group_by([*keys, *journeys.keys]).agg(path=marked.mark.collect().sort().join(","))
    found = paths.group_by([*keys, "path"]).agg(n=paths.count()).to_pandas()
    codes = [[int(mark.partition(":")[2]) for mark in path.split(",")] for path in found["path"]]
    found["k"] = [len(path) for path in codes]
    flat = np.array([code for path in codes for code in path], dtype="int64")
    return _as_table(journeys, found, flat, (found["k"].cumsum() - found["k"]).to_numpy(), keys)


def tally(journeys: Journeys, rows: ibis.Table) -> pd.DataFrame:
    found = rows.group_by("a").agg(n=rows.count()).to_pandas()
    table = pd.DataFrame({"touchpoint": journeys._named(found["a"]), "n": found["n"].astype("int64")})
    table["share"] = table["n"] / table["n"].sum()
    return table.sort_values(["n", "touchpoint"], ascending=[False, True], ignore_index=True)


def reach(journeys: Journeys, by: str | None) -> pd.DataFrame:
    keys = [by] if by else []
    rows = journeys.with_segment(by)
    found = rows.group_by([*keys, "a"]).agg(customers=rows.c.nunique()).to_pandas()
    table = pd.DataFrame({name: found[name] for name in keys})
    table["touchpoint"] = journeys._named(found["a"])
    table["customers"] = found["customers"].astype("int64")
    if by:
        everybody = rows.group_by(by).agg(m=rows.c.nunique()).to_pandas().set_index(by)["m"]
        total: Any = table[by].map(everybody).astype(float)
    else:
        total = journeys.n_customers
    table["share"] = table["customers"] / total
    rising = [True] * len(keys) + [False, True]
    return table.sort_values([*keys, "customers", "touchpoint"], ascending=rising, ignore_index=True)


def compare(journeys: Journeys, by: str, segments: Sequence[str] | None, conf_level: float) -> pd.DataFrame:
    taken = journeys.with_segment(by, journeys.crossings)
    if segments is not None:
        known = sorted(set(journeys.segments[by].dropna()))
        for name in segments:
            if name not in known:
                raise ValueError(f"there is no segment `{name}` in `{by}`; {did_you_mean(name, known)}")
        taken = taken.filter(taken[by].isin(list(segments)))
    # the exits of a customer from a touchpoint beside each way that the customer took from there
    exits = taken.group_by([by, "c", "a"]).agg(all=taken.own.sum())
    both = taken.inner_join(exits.drop(by), ["c", "a"])
    sums = both.group_by([by, "a", "nx"]).agg(
        own=both.own.sum(),
        squares=(both.own * both.own).sum(),
        products=(both.own * both["all"]).sum(),
        hits=both.count(),
    )
    whole = exits.group_by([by, "a"]).agg(
        all=exits["all"].sum(), squares=(exits["all"] * exits["all"]).sum(), m=exits.count()
    )
    edge = sums.to_pandas().astype({"own": float, "squares": float, "products": float})
    base = whole.to_pandas().astype({"all": float, "squares": float}).set_index([by, "a"])
    cells: dict[tuple[int, int], dict[str, tuple[float, float, int, int]]] = {}
    left_out = 0
    for row in edge.to_dict("records"):
        at: Any = base.loc[(row[by], row["a"])]
        m, total = int(at["m"]), float(at["all"])
        if m < LEAST_CUSTOMERS or row["hits"] < LEAST_ON_EDGE:
            left_out += 1
            continue
        share = row["own"] / total
        spread = row["squares"] - 2 * share * row["products"] + share**2 * float(at["squares"])
        variance = m / (m - 1) * max(spread, 0.0) / total**2
        cells.setdefault((int(row["a"]), int(row["nx"])), {})[row[by]] = (share, variance, m, int(total))
    records = []
    for (a, b), own in cells.items():
        for one, other in combinations(sorted(own), 2):
            first, second = own[one], own[other]
            error = float(np.sqrt(first[1] + second[1]))
            if not error > 0:
                left_out += 1
                continue
            df = min(first[2], second[2]) - 1
            change = second[0] - first[0]
            half = critical_value(conf_level, df) * error
            records.append(
                {
                    "from_touchpoint": journeys.names[a], "to_touchpoint": journeys.names[b], "segment_a": one, "segment_b": other,
                    "estimate": change, "std_error": error, "conf_low": change - half, "conf_high": change + half,
                    "conf_level": conf_level, "n": first[3] + second[3], "p_value": two_sided_p(change / error, df),
                }
            )  # fmt: skip
    table = pd.DataFrame(records, columns=_COMPARED)
    table = table.sort_values(
        ["p_value", "from_touchpoint", "to_touchpoint", "segment_a", "segment_b"], ignore_index=True
    )
    table = table.assign(q_value=benjamini_hochberg(table["p_value"]))
    table.attrs["left_out"] = left_out
    return table
