"""Journeys rebuilt from an event log: what customers really do, in which order, how long it takes, where it stops.

One row of the log is one thing that happened to a customer. Events are ordered by customer, time and tie-break; everything
else is counting over that order. Rows without customer, time or touchpoint are counted, never dropped silently. A journey that
was still going on when the log ends is censored: its length is a lower bound, and a median of finished journeys alone would be
too short.

Nothing here says why somebody went where they went, and a share of exits is not a share of customers: read both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference import benjamini_hochberg
from cxlab.inference.intervals import critical_value, two_sided_p
from cxlab.journeys.rules import check_rules
from cxlab.problems import did_you_mean

LEAST_CUSTOMERS, LEAST_ON_EDGE = 30, 10
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|s)")
_SECONDS = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}


def duration(text: str | pd.Timedelta) -> pd.Timedelta:
    """A length of time with its unit: 30d, 36h, 90min, 45s. A bare number is refused: it could mean anything.

    >>> duration("36h")
    Timedelta('1 days 12:00:00')
    """
    if isinstance(text, pd.Timedelta):
        return text
    found = _DURATION.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"a duration is a number with a unit (30d, 12h, 30min, 45s), got {text!r}")
    return pd.Timedelta(seconds=float(found[1]) * _SECONDS[found[2]])


@dataclass(frozen=True)
class Journeys:
    """A log in order. `table` has one row an event: code (of the customer), touchpoint, timestamp, place in the journey, the
    next touchpoint and the wait to it; `journey` numbers the journeys of a customer where the log was split."""

    table: pd.DataFrame
    customers: npt.NDArray[Any]
    segments: pd.DataFrame
    counts: dict[str, int]
    gap: pd.Timedelta | None = None
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    # ------------------------------------------------------------------------------------------------------------ counts

    @property
    def n_events(self) -> int:
        return len(self.table)

    @property
    def n_customers(self) -> int:
        return len(self.customers)

    @property
    def n_journeys(self) -> int:
        return int((self.table["position"] == 0).sum())

    @property
    def n_variants(self) -> int:
        return len(self.variants())

    @property
    def touchpoints(self) -> list[str]:
        return sorted(self.table["touchpoint"].unique())

    def quality(self) -> pd.DataFrame:
        """check, n: rows, kept, null_customer, null_timestamp, null_touchpoint, ties, unsorted, segment_conflicts."""
        return pd.DataFrame({"check": list(self.counts), "n": list(self.counts.values())})

    # ------------------------------------------------------------------------------------------------------------- tables

    def split(self, gap: str | pd.Timedelta = "30d") -> Journeys:
        """The same events, with a new journey after a silence strictly longer than `gap`."""
        silence = duration(gap)
        table = self.table.copy()
        wait = table["timestamp"].diff()
        same = table["code"].diff() == 0
        new = ~same | (wait > silence)
        number = new.cumsum()
        table["journey"] = number - number.groupby(table["code"]).transform("min")
        return Journeys(with_next(table), self.customers, self.segments, self.counts, silence)

    def transitions(self, by: str | None = None) -> pd.DataFrame:
        """One row an edge: (by,) from_touchpoint, to_touchpoint, n, customers, share (of the exits of from_touchpoint),
        median_wait, slow_wait (90th percentile)."""
        rows = self._with(by)
        rows = rows[rows["next"].notna()]
        keys = [*([by] if by else []), "touchpoint", "next"]
        grouped = rows.groupby(keys, observed=True, sort=False)
        table = grouped.agg(
            n=("code", "size"), customers=("code", "nunique"), median_wait=("wait", "median")
        ).reset_index()
        table["slow_wait"] = grouped["wait"].quantile(0.9).to_numpy()
        table = table.rename(columns={"touchpoint": "from_touchpoint", "next": "to_touchpoint"})
        exits = table.groupby([*([by] if by else []), "from_touchpoint"], observed=True)["n"].transform("sum")
        table.insert(len(keys) + 2, "share", table["n"] / exits)
        order = [*([by] if by else []), "n", "from_touchpoint", "to_touchpoint"]
        rising = [True] * bool(by) + [False, True, True]
        return table.sort_values(order, ascending=rising, ignore_index=True)

    def variants(self, by: str | None = None) -> pd.DataFrame:
        """One row a variant (the touchpoints of a journey in order, as a tuple): (by,) variant, n, share."""
        rows = self._with(by)
        paths = rows.groupby(["code", "journey"], sort=False)["touchpoint"].agg(tuple)
        keys: list[Any] = [paths.rename("variant")]
        if by:
            own = rows.groupby(["code", "journey"], sort=False)[by].first()
            keys.insert(0, own)
        table = paths.groupby(keys, sort=False, observed=True).size().rename("n").reset_index()
        total = table.groupby(by, observed=True)["n"].transform("sum") if by else table["n"].sum()
        table["share"] = table["n"] / total
        return table.sort_values(
            [*([by] if by else []), "n"], ascending=[True] * bool(by) + [False], kind="stable", ignore_index=True
        )

    def starts(self) -> pd.DataFrame:
        """One row a touchpoint at which journeys begin: touchpoint, n, share."""
        return _tally(self.table.loc[self.table["position"] == 0, "touchpoint"])

    def ends(self) -> pd.DataFrame:
        """One row a touchpoint at which journeys end, or were when the log ended: touchpoint, n, share."""
        return _tally(self.table.loc[self.table["next"].isna(), "touchpoint"])

    def durations(
        self, ends: Iterable[str] | None = None, observed_until: pd.Timestamp | str | None = None
    ) -> pd.DataFrame:
        """One row a journey: customer_id, journey, start, end, duration, n_events, last_touchpoint, censored.

        Complete where the last touchpoint is one of `ends`, or (after a split) where the silence after it has lasted longer
        than the gap by `observed_until` (default: the last event). With neither, `censored` is missing: it is not known.
        """
        closing = list(ends or [])
        for name in closing:
            if name not in set(self.table["touchpoint"]):
                raise ValueError(f"`ends`: there is no touchpoint `{name}`; {did_you_mean(name, self.touchpoints)}")
        grouped = self.table.groupby(["code", "journey"], sort=False)
        table = grouped.agg(start=("timestamp", "min"), end=("timestamp", "max"), n_events=("code", "size"),
                            last_touchpoint=("touchpoint", "last")).reset_index()  # fmt: skip
        table.insert(0, "customer_id", self.customers[table.pop("code")])
        table.insert(4, "duration", table["end"] - table["start"])
        until = self.table["timestamp"].max() if observed_until is None else _utc(observed_until)
        closed = table["last_touchpoint"].isin(closing)
        if self.gap is not None:
            closed |= table["end"] + self.gap < until
        table["censored"] = (~closed).astype("boolean") if closing or self.gap is not None else pd.NA
        return table

    def reach(self, by: str | None = None) -> pd.DataFrame:
        """One row a touchpoint: (by,) touchpoint, customers, share of all customers (of the segment) who were there."""
        rows = self._with(by)
        keys = [*([by] if by else []), "touchpoint"]
        table = rows.groupby(keys, observed=True)["code"].nunique().rename("customers").reset_index()
        total: Any = rows.groupby(by, observed=True)["code"].nunique() if by else rows["code"].nunique()
        table["share"] = table["customers"] / (table[by].map(total).astype(float) if by else total)
        return table.sort_values(
            [*([by] if by else []), "customers"], ascending=[True] * bool(by) + [False], ignore_index=True
        )

    def funnel(self, steps: list[str], *, within: str | None = None) -> pd.DataFrame:
        """One row a step: step, n (journeys that came so far, each step later than the last), share (of the first step).

        `within` counts from the first step.
        """
        for step in steps:
            if step not in set(self.table["touchpoint"]):
                raise ValueError(f"there is no touchpoint `{step}`; {did_you_mean(step, self.touchpoints)}")
        rows = self.table[["code", "journey", "touchpoint", "timestamp", "position"]]
        first = rows[rows["touchpoint"] == steps[0]].groupby(["code", "journey"])[["position", "timestamp"]].first()
        reached: Any = first
        begun: Any = first["timestamp"]
        counts = [len(reached)]
        for step in steps[1:]:
            later = rows[rows["touchpoint"] == step].merge(
                reached["position"].rename("after"), left_on=["code", "journey"], right_index=True
            )
            later = later[later["position"] > later["after"]]
            if within is not None:
                start = pd.MultiIndex.from_frame(later[["code", "journey"]]).map(begun)
                later = later[(later["timestamp"] - pd.Series(start, index=later.index)) <= duration(within)]
            reached = later.groupby(["code", "journey"])[["position", "timestamp"]].first()
            counts.append(len(reached))
        return pd.DataFrame(
            {"step": steps, "n": counts, "share": [n / counts[0] if counts[0] else np.nan for n in counts]}
        )

    def stages(self, mapping: Mapping[str, str]) -> Journeys:
        """The same journeys with stages in place of touchpoints; repeated stages in a row become one. Touchpoints without a
        stage are left out."""
        table = self.table.assign(touchpoint=self.table["touchpoint"].map(mapping)).dropna(subset=["touchpoint"])
        again = (table["touchpoint"] == table["touchpoint"].shift()) & (table["code"] == table["code"].shift())
        again &= table["journey"] == table["journey"].shift()
        return Journeys(
            with_next(table[~again].reset_index(drop=True)), self.customers, self.segments, self.counts, self.gap
        )

    def compare(self, by: str, *, conf_level: float = 0.95) -> pd.DataFrame:
        """One row an edge and pair of segments: how much likelier b goes on that way than a, tested over customers.

        Columns: from_touchpoint, to_touchpoint, segment_a, segment_b, estimate (b − a, share of exits), std_error,
        conf_low, conf_high, conf_level, n, p_value, q_value. The variance is that of customers (linearised), because the
        events of one customer go together. Cells with fewer than 30 customers or 10 on the edge are left out.
        """
        rows = self._with(by)
        rows = rows[rows["next"].notna()]
        keys = [by, "touchpoint", "code"]
        out = rows.groupby(keys, observed=True).size().rename("exits")
        edge = rows.groupby([by, "touchpoint", "next", "code"], observed=True).size().rename("n")
        found: list[tuple[Any, ...]] = []
        pairs: Any = edge.groupby(level=["touchpoint", "next"])
        for (touchpoint, following), part in pairs:
            cells: dict[Any, tuple[float, float, int, int]] = {}
            for segment, own in part.groupby(level=by):
                exits: Any = out.loc[(segment, touchpoint)]
                if len(exits) < LEAST_CUSTOMERS or len(own) < LEAST_ON_EDGE:
                    continue
                taken = own.droplevel([by, "touchpoint", "next"]).reindex(exits.index, fill_value=0)
                total = float(exits.sum())
                share = float(taken.sum()) / total
                m = len(exits)
                variance = m / (m - 1) * float(((taken - share * exits) ** 2).sum()) / total**2
                cells[segment] = (share, variance, m, int(total))
            for a, b in combinations(cells, 2):
                found.append((touchpoint, following, a, b, cells[a], cells[b]))
        records = []
        for touchpoint, following, a, b, first, second in found:
            error = float(np.sqrt(first[1] + second[1]))
            if not error > 0:
                continue
            df = min(first[2], second[2]) - 1
            change = second[0] - first[0]
            half = critical_value(conf_level, df) * error
            records.append(
                {
                    "from_touchpoint": touchpoint, "to_touchpoint": following, "segment_a": a, "segment_b": b, "estimate": change,
                    "std_error": error, "conf_low": change - half, "conf_high": change + half, "conf_level": conf_level,
                    "n": first[3] + second[3], "p_value": two_sided_p(change / error, df),
                }
            )  # fmt: skip
        columns = ["from_touchpoint", "to_touchpoint", "segment_a", "segment_b", "estimate", "std_error", "conf_low",
                   "conf_high", "conf_level", "n", "p_value"]  # fmt: skip
        table = pd.DataFrame(records, columns=columns)
        return table.assign(q_value=benjamini_hochberg(table["p_value"]))

    def conform(
        self, rules: Iterable[str], *, observed_until: pd.Timestamp | str | None = None, conf_level: float = 0.95
    ) -> pd.DataFrame:
        """One row a rule in plain words (grammar in `cxlab.journeys.rules`): rule, n, broken, undecided, estimate (share kept,
        0 to 1), conf_low, conf_high, conf_level."""
        until = self.table["timestamp"].max() if observed_until is None else _utc(observed_until)
        return check_rules(self.table, list(rules), self.touchpoints, until, duration, conf_level)

    # ------------------------------------------------------------------------------------------------------------- inside

    def _with(self, by: str | None) -> pd.DataFrame:
        """The events, with a segment beside each; customers without one are left out."""
        if by is None:
            return self.table
        if by not in self.segments:
            raise ValueError(f"there is no segment `{by}`; {did_you_mean(by, map(str, self.segments.columns))}")
        values = self.segments[by].to_numpy()[self.table["code"]]
        return self.table.assign(**{by: values})[pd.notna(values)]


def reconstruct(
    events: Any,
    *,
    customer: str = "customer_id",
    timestamp: str = "timestamp",
    touchpoint: str = "touchpoint",
    order: str = "event_id",
    segment: str | list[str] | None = None,
) -> Journeys:
    """Put a log in order. `events`: a DataFrame, the path of a parquet file, or an Ibis table.

    Order is (customer, timestamp, `order`); without the column `order` ties fall back on the place of the row. Ids become text
    ("007" and "NA" stay), naive times are UTC. A segment is one value a customer: its one non-missing value on any row; two
    are counted as a conflict and the first counts. Raises ValueError for a missing column.
    """
    frame = _frame(events)
    names = [segment] if isinstance(segment, str) else list(segment or [])
    for column in (customer, timestamp, touchpoint, *names):
        if column not in frame:
            raise ValueError(f"the log has no column `{column}`; {did_you_mean(column, map(str, frame.columns))}")
    ids, times, places = frame[customer], _utc_times(frame[timestamp]), frame[touchpoint]
    null_customer, null_time, null_place = ids.isna(), times.isna(), places.isna()
    good = ~(null_customer | null_time | null_place)
    codes, customers = pd.factorize(ids[good].astype(str), sort=True)
    table = pd.DataFrame(
        {"code": codes, "touchpoint": places[good].astype(str).to_numpy(), "timestamp": times[good].to_numpy()}
    )
    table["timestamp"] = pd.to_datetime(table["timestamp"], utc=True)
    tie = frame.loc[good, order].to_numpy() if order in frame else np.arange(len(table))
    number = pd.to_numeric(pd.Series(tie), errors="coerce")
    if number.notna().all():
        tie = number.to_numpy()
    unsorted = int(((table["code"].diff() == 0) & (table["timestamp"].diff() < pd.Timedelta(0))).sum())
    if not pd.api.types.is_numeric_dtype(np.asarray(tie)):
        tie = pd.factorize(pd.Series(tie).astype(str), sort=True)[0]
    at = np.lexsort((tie, table["timestamp"].astype("int64").to_numpy(), table["code"].to_numpy()))
    table = table.iloc[at].reset_index(drop=True)
    ties = int(((table["code"].diff() == 0) & (table["timestamp"].diff() == pd.Timedelta(0))).sum())
    segments, conflicts = _segments(frame[good], codes, len(customers), names)
    counts = {
        "rows": len(frame), "kept": len(table), "null_customer": int(null_customer.sum()),
        "null_timestamp": int((~null_customer & null_time).sum()),
        "null_touchpoint": int((~null_customer & ~null_time & null_place).sum()), "ties": ties, "unsorted": unsorted,
        "segment_conflicts": conflicts,
    }  # fmt: skip
    return Journeys(with_next(table.assign(journey=0)), np.asarray(customers, dtype=object), segments, counts)


def _frame(events: Any) -> pd.DataFrame:
    if isinstance(events, pd.DataFrame):
        return events
    if hasattr(events, "to_pandas"):
        made: pd.DataFrame = events.to_pandas()
        return made
    return pd.read_parquet(events)


def _utc_times(times: pd.Series) -> pd.Series:
    return pd.to_datetime(times, utc=True)


def _utc(moment: pd.Timestamp | str) -> pd.Timestamp:
    at = pd.Timestamp(moment)
    return at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC")


def _segments(rows: pd.DataFrame, codes: npt.NDArray[Any], n: int, names: list[str]) -> tuple[pd.DataFrame, int]:
    """One value a customer for each segment column, and how many customers had two."""
    table, conflicts = pd.DataFrame(index=range(n)), 0
    for name in names:
        known = pd.DataFrame({"code": codes, "value": rows[name].to_numpy()}).dropna().drop_duplicates()
        conflicts += int(known["code"].duplicated().sum())
        table[name] = known.drop_duplicates("code").set_index("code")["value"].reindex(table.index)
    return table, conflicts


def with_next(table: pd.DataFrame) -> pd.DataFrame:
    """Position in the journey, the next touchpoint and the wait to it."""
    same = (table["code"] == table["code"].shift(-1)) & (table["journey"] == table["journey"].shift(-1))
    begins = ~((table["code"] == table["code"].shift()) & (table["journey"] == table["journey"].shift()))
    number = np.arange(len(table))
    first = np.maximum.accumulate(np.where(begins, number, 0))
    return table.assign(
        position=number - first,
        next=table["touchpoint"].shift(-1).where(same),
        wait=(table["timestamp"].shift(-1) - table["timestamp"]).where(same),
    )


def _tally(touchpoints: pd.Series) -> pd.DataFrame:
    table = touchpoints.value_counts().rename_axis("touchpoint").rename("n").reset_index()
    table["share"] = table["n"] / table["n"].sum()
    return table.sort_values(["n", "touchpoint"], ascending=[False, True], ignore_index=True)
