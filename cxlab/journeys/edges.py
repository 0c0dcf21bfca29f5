"""What follows what: transitions, variants, where journeys begin and end, whom touchpoints reach, and how segments differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd
from ibis import _

from cxlab.data.portable import as_sql, duckdb_hash, keep, quantiles, quoted
from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import critical_value, two_sided_p
from cxlab.journeys.reconstruct import as_lengths
from cxlab.problems import did_you_mean

if TYPE_CHECKING:
    import pyarrow as pa

    from cxlab.journeys.log import Journeys

MOST_BITS = 8 * 64 * 1024**2  # of sets of customers: 64 MB
MOST_SEGMENTS = 64  # that are compared with the sets one after the other
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
    waited = _waited(journeys, by)
    found = waited.merge(_customers(journeys, waited, by), on=[*keys, "a", "nx"])
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


def _waited(journeys: Journeys, by: str | None) -> pd.DataFrame:
    """One row a (segment and) edge: how often it was taken, median and 90th percentile of the waits in microseconds."""
    if journeys.backend.name == "duckdb":
        segment, events = _in_sql(journeys, by)
        backend: Any = journeys.backend
        found = backend.raw_sql(f"""
            SELECT {segment}a, nx, count(*) AS n, quantile_cont(wait, [0.5, 0.9]) AS waits, waits[1] AS median, waits[2] AS slow
            FROM {events} WHERE nx IS NOT NULL GROUP BY {segment}a, nx""")
        return found.to_arrow_table().drop_columns("waits").to_pandas()
    rows = journeys.with_segment(by)
    rows = rows.filter(rows.nx.notnull())
    waits = quantiles(journeys.backend, rows.wait, {"median": 0.5, "slow": 0.9})
    return rows.group_by([*([by] if by else []), "a", "nx"]).agg(n=rows.count(), **waits).to_pandas()


def _in_sql(journeys: Journeys, by: str | None) -> tuple[str, str]:
    """The segment before other columns, and the events of those who have one, after FROM in DuckDB; e is their table."""
    journeys.check_segment(by)
    events = f"{as_sql(journeys.backend, journeys.table)} e"
    if by is None:
        return "", events
    name = quoted(by)
    people = f"(SELECT c, {name} FROM {as_sql(journeys.backend, journeys.people)} WHERE {name} IS NOT NULL)"
    return f"{name}, ", f"{events} JOIN {people} USING (c)"


@dataclass(frozen=True)
class CustomerSets:
    """The customers on each edge as a row of bits: `edges` has the columns a and nx, `bits` a row for each of them, and customer c
    the same bit in all rows. The customers of a segment are another such row."""

    edges: pd.DataFrame
    bits: npt.NDArray[np.uint64]


def customer_sets(journeys: Journeys, n_edges: int) -> CustomerSets | None:
    """None where the sets would take more than `MOST_BITS`."""
    backend: Any = journeys.backend
    last = int(backend.raw_sql(f"SELECT max(c) FROM {as_sql(backend, journeys.people)}").fetchone()[0])
    if n_edges * last > MOST_BITS:
        return None
    events = as_sql(backend, journeys.table)
    asked = f"SELECT a, nx, {_set_of(last)} AS bits FROM {events} WHERE nx IS NOT NULL GROUP BY a, nx"
    found = backend.raw_sql(asked).to_arrow_table()
    return CustomerSets(found.select(["a", "nx"]).to_pandas(), _bits(found["bits"]))


def _set_of(last: int) -> str:
    """The set of the customers `c` of a group, filled up to whole 64 bits, as DuckDB makes it."""
    return f"bitstring_agg(c, 0, {last // 64 * 64 + 63})::BLOB"


def _bits(column: pa.ChunkedArray) -> npt.NDArray[np.uint64]:
    return np.frombuffer(b"".join(column.to_pylist()), dtype="uint64").reshape(len(column), -1)


def _customers(journeys: Journeys, waited: pd.DataFrame, by: str | None) -> pd.DataFrame:
    """One row a (segment and) edge: how many customers took it."""
    edge = [*([by] if by else []), "a", "nx"]
    sets = journeys.customer_sets(len(waited.drop_duplicates(["a", "nx"])))
    if sets is None or (by and waited[by].nunique() > MOST_SEGMENTS):
        crossed = journeys.with_segment(by, journeys.crossings)
        return crossed.group_by(edge).agg(customers=crossed.count()).to_pandas()
    if by is None:
        return sets.edges.assign(customers=_sizes(sets.bits))
    backend: Any = journeys.backend
    name = quoted(by)
    members = _set_of(64 * sets.bits.shape[1] - 1)
    people = as_sql(backend, journeys.people)
    asked = f"SELECT {name}, {members} AS bits FROM {people} WHERE {name} IS NOT NULL GROUP BY {name}"
    found = backend.raw_sql(asked).to_arrow_table()
    groups = zip(found[by].to_pylist(), _bits(found["bits"]), strict=True)
    parts = [sets.edges.assign(**{by: group, "customers": _sizes(sets.bits & own)}) for group, own in groups]
    return pd.concat(parts, ignore_index=True)


def _sizes(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    sizes: npt.NDArray[np.int64] = np.bitwise_count(bits).sum(axis=1, dtype="int64")
    return sizes


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
    if journeys.in_places:
        table = _variants_by_place(journeys, by)
    else:
        find = _variants_by_hash if journeys.backend.name == "duckdb" else _variants_by_text
        table = find(journeys, journeys.with_segment(by), keys)
    total = table.groupby(by)["n"].transform("sum") if by else table["n"].sum()
    table["share"] = table["n"] / total
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


def _variants_by_place(journeys: Journeys, by: str | None) -> pd.DataFrame:
    """The same for rows that lie in order: the example of a variant is read from the place where it begins."""
    backend: Any = journeys.backend
    segment, events = _in_sql(journeys, by)
    found = backend.raw_sql(f"""
        SELECT {segment}k, count(*) AS n, min(start) AS start FROM (
            SELECT {segment}bit_xor(hash(pos::BIGINT * {_SHIFT} + a)) AS h, count(*) AS k, min(e.rowid) AS start
            FROM {events} GROUP BY {segment}c) GROUP BY {segment}h, k""")
    one = found.to_arrow_table().to_pandas()
    flat = backend.raw_sql(f"SELECT a FROM {as_sql(backend, journeys.table)}").to_arrow_table()["a"].to_numpy()
    return _as_table(journeys, one, flat, one["start"].to_numpy(), [by] if by else [])


def _as_table(journeys: Journeys, one: pd.DataFrame, flat: Any, start: Any, keys: list[str]) -> pd.DataFrame:
    """Variants by name, the most frequent first, else in the order of the alphabet, from the codes of a log or of examples in a
    row."""
    length = one["k"].to_numpy(dtype="int64")
    order = _alphabetical(flat, start, length)
    counted = one[[*keys, "n"]].assign(n=one["n"].astype("int64"), at=start, k=length).take(order)
    rising = [True] * len(keys) + [False]
    counted = counted.sort_values([*keys, "n"], ascending=rising, kind="stable", ignore_index=True)
    start, length = counted.pop("at").to_numpy(), counted.pop("k").to_numpy()
    ends = np.cumsum(length)
    labels = tuple(journeys.names[flat[np.repeat(start - (ends - length), length) + np.arange(length.sum())]].tolist())
    paths = [labels[end - k : end] for end, k in zip(ends.tolist(), length.tolist(), strict=True)]
    counted.insert(len(keys), "variant", pd.Series(paths, dtype=object))
    return counted


def _alphabetical(flat: Any, start: Any, length: Any) -> npt.NDArray[np.int64]:
    """The order of stretches of codes, as of words in a dictionary. As many codes as 63 bits hold are one number to sort by; the next
    are looked at only where others are the same so far."""
    bits = (int(flat.max(initial=0)) + 1).bit_length()
    width = 63 // bits
    codes = np.append(flat, [0] * width).astype("uint16") + np.uint16(1)  # 0 is left for what is over
    rank = np.zeros(len(start), dtype="int64")  # the place of the first of those that are the same so far
    left, at = np.arange(len(start)), 0
    while len(left):
        here, beyond = np.minimum(start[left] + at, len(flat)), np.clip(at + width - length[left], 0, width)
        word = np.zeros(len(left), dtype="int64")
        for step in range(width):
            word = (word << bits) | codes[here + step]
        word = (word >> beyond * bits) << beyond * bits
        order = np.lexsort((word, rank[left])) if at else np.argsort(word, kind="stable")
        left, word = left[order], word[order]
        before, here = rank[left], np.arange(len(left))
        block = np.append(True, before[1:] != before[:-1])
        first = np.flatnonzero(block | np.append(True, word[1:] != word[:-1]))
        size = np.diff(np.append(first, len(left)))
        rank[left] = before + np.repeat(first, size) - np.maximum.accumulate(np.where(block, here, 0))
        goes_on = (size > 1) & (np.maximum.reduceat(length[left], first) > at + width)
        left, at = left[np.repeat(goes_on, size)], at + width
    return np.argsort(rank, kind="stable")


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
