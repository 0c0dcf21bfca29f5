"""A log in order and the questions that are asked of it. `reconstruct` makes one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.data.portable import keep, upload
from cxlab.journeys import edges, lengths, steps
from cxlab.journeys.importance import TouchpointImportance, touchpoint_importance
from cxlab.journeys.moments import MomentsOfTruth, moments_of_truth
from cxlab.journeys.reconstruct import Source, whole_micros
from cxlab.journeys.rules import Conformance, check_rules
from cxlab.problems import did_you_mean

if TYPE_CHECKING:
    from ibis.backends import BaseBackend

MOST_SAMPLED = 50_000  # customers whose single events are looked at in Python


class Journeys:
    """Customers, their journeys and sessions in order.

    `table` is an Ibis table of one row an event: c (number of the customer), journey (number of the customer's journey, where the
    log was split), pos (place in the journey, from 0), a (code of the touchpoint: its place in `touchpoints`), t (microseconds since
    1970, UTC), nx (code of the next touchpoint) and wait (microseconds to it). `to_frame` writes it out for reading.
    """

    def __init__(
        self,
        source: Source,
        people: ibis.Table,
        names: npt.NDArray[Any],
        table: ibis.Table | Callable[[], ibis.Table],
        *,
        split: bool = False,
        gap: int | None = None,
        grain: str = "customer",
        last: ibis.Table | None = None,
        in_places: bool = False,
    ) -> None:
        self.source = source
        self.people = people
        self.names = names
        self._table = table
        self._last = last
        self.is_split = split
        self.gap = gap
        self.grain = grain
        self.in_places = in_places  # whether the rows of `table` lie one after the other, customer by customer
        self._sets: edges.CustomerSets | None = None

    @property
    def backend(self) -> BaseBackend:
        return self.source.backend

    @property
    def keys(self) -> list[str]:
        """The columns that name a journey."""
        return ["c", "journey"] if self.is_split else ["c"]

    @cached_property
    def table(self) -> ibis.Table:
        """The events. Those of a split are put in order when somebody asks for them: counting journeys needs no order."""
        return keep(self.backend, self._table()) if callable(self._table) else self._table

    # ------------------------------------------------------------------------------------------------------------ counts

    @cached_property
    def n_events(self) -> int:
        return int(self.table.count().to_pandas())

    @cached_property
    def n_customers(self) -> int:
        return int(self.people.count().to_pandas())

    @cached_property
    def n_journeys(self) -> int:
        last = self.table.filter(self.table.nx.isnull()) if self._last is None else self._last
        return int(last.count().to_pandas())

    @cached_property
    def n_variants(self) -> int:
        return len(self.variants())

    @cached_property
    def touchpoints(self) -> list[str]:
        """The touchpoints that happen, in the order of the alphabet."""
        return sorted(self._named(self.table.select("a").distinct().to_pandas()["a"]))

    @cached_property
    def segments(self) -> pd.DataFrame:
        """One row a customer: customer_id and a column a segment (missing: none is known)."""
        wanted = ["customer_id", *self.source.segments]
        return self.people.order_by("c").select(*wanted).to_pandas()

    @cached_property
    def customers(self) -> npt.NDArray[Any]:
        """The ids of the customers; the place of one is its number `c`."""
        return self.people.order_by("c").select("customer_id").to_pandas()["customer_id"].to_numpy(dtype=object)

    @cached_property
    def counts(self) -> dict[str, int]:
        """What became of the rows: rows = kept + null_customer + null_timestamp + null_touchpoint (a row with several gaps counts
        once, in that order); ties are neighbours of one customer at the same moment, unsorted those that stand in the file before
        the event that precedes them (where places are known); segment_conflicts are customers with two values of a segment."""
        return _counts(self)

    def quality(self) -> pd.DataFrame:
        """check, n: rows, kept, null_customer, null_timestamp, null_touchpoint, ties, unsorted, segment_conflicts."""
        return pd.DataFrame({"check": list(self.counts), "n": list(self.counts.values())})

    def to_frame(
        self,
        customers: Iterable[str] | None = None,
        *,
        since: pd.Timestamp | str | None = None,
        before: pd.Timestamp | str | None = None,
    ) -> pd.DataFrame:
        """One row an event, in order: customer_id, journey (from 0), position (from 0), touchpoint, timestamp (UTC), the next
        touchpoint, the wait to it, end_timestamp where the log has ends, and the segments. All events, or those of some customers,
        from `since` on and before `before`.
        """
        rows = self.table
        if since is not None:
            rows = rows.filter(rows.t >= micros_of(since))
        if before is not None:
            rows = rows.filter(rows.t < micros_of(before))
        if customers is not None:
            wanted = pd.DataFrame({"customer_id": pd.array(list(customers), dtype="str")})
            rows = rows.semi_join(self.people.semi_join(upload(self.backend, wanted), "customer_id"), "c")
        return self._written(rows)

    def sample(self, customers: int, random_state: int = 0) -> pd.DataFrame:
        """`to_frame` of at most so many customers, drawn at random: the same ones each time."""
        if self.n_customers <= customers:
            return self.to_frame()
        return self.to_frame(drawn(self.customers, customers, random_state))

    # --------------------------------------------------------------------------------------------------- coarser and finer

    def split(
        self, gap: str | pd.Timedelta | None = "30d", *, begins: Sequence[str] = (), ends: Sequence[str] = ()
    ) -> Journeys:
        """The same events cut into journeys: after a silence strictly longer than `gap` (None: at no silence), before each event
        in `begins` and after each in `ends`."""
        return self._cut(gap, begins, ends, "journey")

    def sessions(
        self, gap: str | pd.Timedelta | None = "30min", *, begins: Sequence[str] = (), ends: Sequence[str] = ()
    ) -> Journeys:
        """The journeys cut further into sessions, which never reach over the end of a journey. Rules as of `split`.

        >>> from cxlab.journeys import reconstruct
        >>> times = ["2026-01-01", "2026-01-02", "2026-01-12", "2026-01-12 01:00", "2026-01-13"]
        >>> log = pd.DataFrame({"customer_id": "c", "timestamp": pd.to_datetime(times, format="ISO8601"), "touchpoint": list("ABCDE")})
        >>> found = reconstruct(log).split("5d").sessions("12h").to_frame()
        >>> list(zip(found["touchpoint"], found["journey"], found["position"]))
        [('A', 0, 0), ('B', 1, 0), ('C', 2, 0), ('D', 2, 1), ('E', 3, 0)]
        """
        return self._cut(gap, begins, ends, "session")

    def _cut(self, gap: str | pd.Timedelta | None, begins: Sequence[str], ends: Sequence[str], grain: str) -> Journeys:
        silence = None if gap is None else whole_micros(gap)
        opening, closing = self._codes(begins, "begins"), self._codes(ends, "ends")
        if silence is None and not opening and not closing:
            raise ValueError("nothing says where a journey ends: give `gap`, `begins` or `ends`")
        t = self.table
        cuts = [t.nx.isnull()]  # where it is, the others may be missing: true or missing is true
        if silence is not None:
            cuts.append(t.wait > silence)
        if opening:
            cuts.append(t.nx.isin(opening))
        if closing:
            cuts.append(t.a.isin(closing))
        t = t.mutate(last=reduce(or_, cuts))

        def made() -> ibis.Table:
            # what lies before an event: the journeys that were over, and the place where the last of them was cut
            before = ibis.window(group_by="c", order_by=[*self.keys[1:], "pos"], preceding=(None, 1))
            inside = ibis.window(group_by=self.keys, order_by="pos", preceding=(None, 1))
            return t.mutate(
                journey=t["last"].cast("int32").sum().over(before).fill_null(0).cast("int32"),
                pos=t.pos - t["last"].ifelse(t.pos + 1, 0).max().over(inside).fill_null(0).cast("int32"),
                nx=t["last"].ifelse(ibis.null("int16"), t.nx),
                wait=t["last"].ifelse(ibis.null("int64"), t.wait),
            ).drop("last")

        return Journeys(
            self.source, self.people, self.names, made, split=True, gap=silence, grain=grain, last=t.filter("last")
        )

    def stages(self, mapping: Mapping[str, str]) -> Journeys:
        """The same journeys with stages in place of touchpoints; repeated stages in a row become one, at the moment of its first
        event. Touchpoints without a stage are left out. Customers who are left without events stay in `n_customers`."""
        names = sorted(set(mapping.values()))
        code = {name: place for place, name in enumerate(names)}
        pairs = [(place, code[mapping[name]]) for place, name in enumerate(self.names) if name in mapping]
        t = self.table
        if not pairs:
            return self._like(t.filter(ibis.literal(False)), np.array(names, dtype=object))
        t = t.mutate(a=t.a.cases(*pairs, else_=None).cast("int16"))
        t = t.filter(t.a.notnull())
        order = ibis.window(group_by=self.keys, order_by="pos")
        t = t.mutate(again=(t.a == t.a.lag().over(order)).fill_null(False))
        return self._like(_next_again(t.filter(~t.again).drop("again"), self.keys), np.array(names, dtype=object))

    def only(self, touchpoints: Iterable[str] | None = None, *, customers: ibis.Table | None = None) -> Journeys:
        """The same journeys of some customers (an Ibis table with a column `c`), or without all but some touchpoints: what comes
        next is then the next of those."""
        t = self.table
        people = self.people
        if customers is not None:
            t, people = t.semi_join(customers, "c"), people.semi_join(customers, "c")
        if touchpoints is not None:
            t = _next_again(t.filter(t.a.isin(self._codes(touchpoints, "touchpoints"))), self.keys)
        made = self._like(t, self.names)
        made.people = people if customers is None else keep(self.backend, people)
        return made

    def _like(self, table: ibis.Table, names: npt.NDArray[Any]) -> Journeys:
        return Journeys(
            self.source,
            self.people,
            names,
            keep(self.backend, table),
            split=self.is_split,
            gap=self.gap,
            grain=self.grain,
        )

    # ------------------------------------------------------------------------------------------------------ what follows what

    def transitions(
        self, by: str | None = None, *, ends: bool = False, closing: Sequence[str] = (), observed_until: Any = None
    ) -> pd.DataFrame:
        """One row an edge: (by,) from_touchpoint, to_touchpoint, n, customers, share (of the exits of from_touchpoint),
        median_wait, slow_wait (90th percentile).

        With `ends`, artificial edges stand first and last: from “(start)” to where journeys begin, and from where they stop to
        “(end)”, or to “(still open)” for a journey that is censored (`closing` and `observed_until` as in `durations`).
        """
        return edges.transitions(self, by, ends=ends, closing=closing, observed_until=observed_until)

    def variants(self, by: str | None = None) -> pd.DataFrame:
        """One row a variant (the touchpoints of a journey in order, as a tuple): (by,) variant, n, share, coverage (of it and
        all more frequent ones)."""
        return edges.variants(self, by)

    def starts(self) -> pd.DataFrame:
        """One row a touchpoint at which journeys begin: touchpoint, n, share."""
        return edges.tally(self, self.table.filter(self.table.pos == 0))

    def ends(self) -> pd.DataFrame:
        """One row a touchpoint at which journeys end, or were when the log ended: touchpoint, n, share."""
        return edges.tally(self, self.table.filter(self.table.nx.isnull()))

    def reach(self, by: str | None = None) -> pd.DataFrame:
        """One row a touchpoint: (by,) touchpoint, customers, share of all customers (of the segment) who were there."""
        return edges.reach(self, by)

    def compare(self, by: str, *, segments: Sequence[str] | None = None, conf_level: float = 0.95) -> pd.DataFrame:
        """One row an edge and pair of segments: how much likelier b goes on that way than a, tested over customers.

        Columns: from_touchpoint, to_touchpoint, segment_a, segment_b, estimate (b − a, share of exits), std_error, conf_low,
        conf_high, conf_level, n, p_value, q_value. The variance is that of customers (linearised), because the events of one customer
        go together; edges with fewer than 30 customers at their beginning or 10 on them are left out (`.attrs["left_out"]` counts).
        `segments` are those to be compared, by default all.
        """
        return edges.compare(self, by, segments, conf_level)

    # ---------------------------------------------------------------------------------------------------------- on the way

    def funnel(
        self, wanted: Sequence[str], *, within: str | None = None, by: str | None = None, conf_level: float = 0.95
    ) -> pd.DataFrame:
        """One row a step: (by,) step, n (journeys that came so far, each step later than the last), share (of the first step) with
        Wilson's interval. `within` counts from the first step."""
        return steps.funnel(self, wanted, within, by, conf_level)

    def step_matrix(
        self, anchor: str | None = None, *, before: int = 3, after: int = 5, by: str | None = None
    ) -> pd.DataFrame:
        """One row a place and touchpoint: (by,) step (0: the first time at `anchor`; without one the beginning of the journey),
        touchpoint, n (journeys there), share (of the journeys with the anchor). Journeys that had not begun or were over are
        “(start)” and “(end)”."""
        return steps.step_matrix(self, anchor, before, after, by)

    def flow(self, anchor: str | None = None, *, before: int = 2, after: int = 3) -> pd.DataFrame:
        """One row a step of the flow around the first time at `anchor`: step (of the left end), from_touchpoint, to_touchpoint, n,
        share (of the journeys with the anchor)."""
        return steps.flow(self, anchor, before, after)

    def precedence(self) -> pd.DataFrame:
        """One row a pair that meets in journeys: touchpoint, other, n (journeys with both), n_before (the first time at `touchpoint`
        before the first at `other`), share with Wilson's interval."""
        return steps.precedence(self)

    def loops(self) -> pd.DataFrame:
        """One row a touchpoint: touchpoint, customers, journeys, repeats (the same again at once), returns (the same again after
        something else), share_again (of the journeys with it, that come again), median_return (Timedelta)."""
        return steps.loops(self)

    # -------------------------------------------------------------------------------------------------------------- time

    def durations(
        self,
        ends: Iterable[str] | None = None,
        observed_until: pd.Timestamp | str | None = None,
        *,
        anywhere: bool = False,
    ) -> pd.DataFrame:
        """One row a journey: customer_id, journey, start, end, duration, n_events, last_touchpoint, censored.

        Complete where the last touchpoint is one of `ends` (with `anywhere`: any touchpoint), or (after a split) where the silence
        after it has lasted longer than the gap by `observed_until` (default: the last event). With neither, `censored` is missing: it
        is not known.
        """
        return lengths.durations(self, ends, observed_until, anywhere)

    def times(self) -> pd.DataFrame:
        """One row a touchpoint: touchpoint, n, waiting before it and after it, processing (where events have ends) and idle time
        (nothing going on until the next event begins): medians and 90th percentiles."""
        return lengths.times(self)

    def waits(self) -> pd.DataFrame:
        """One row a class of waits between neighbouring events of a customer: low, high (seconds, in steps of the logarithm), n;
        the input of the diagnostic of gaps."""
        return lengths.waits(self)

    def n_journeys_at(self, gaps: Sequence[str | pd.Timedelta]) -> pd.DataFrame:
        """One row a gap: gap (Timedelta), journeys that a split there would make."""
        return lengths.n_journeys_at(self, gaps)

    # -------------------------------------------------------------------------------------------------- against the design

    def conform(
        self, rules: Iterable[str], *, observed_until: pd.Timestamp | str | None = None, conf_level: float = 0.95
    ) -> Conformance:
        """One row a rule in plain words (grammar in `cxlab.journeys.rules`): rule, n, broken, undecided, estimate (share kept,
        0 to 1), conf_low, conf_high, conf_level. `.deviations` says who broke which rule, and when."""
        return check_rules(self, list(rules), observed_until, conf_level)

    # -------------------------------------------------------------------------------------------------- what goes with what

    def map(self, by: str | None = None) -> pd.DataFrame:
        """One row a touchpoint: (by,) touchpoint, customers, share of all customers (of the segment) who were there, n (events), and
        where most go next: next_touchpoint, next_share (of the exits), next_wait (median)."""
        keys = [by] if by else []
        onward = self.transitions(by).rename(columns={"from_touchpoint": "touchpoint"})
        first = onward.drop_duplicates([*keys, "touchpoint"]).rename(
            columns={"to_touchpoint": "next_touchpoint", "share": "next_share", "median_wait": "next_wait"}
        )
        rows = self.with_segment(by)
        events = rows.group_by([*keys, "a"]).agg(n=rows.count()).to_pandas()
        events["touchpoint"] = self._named(events.pop("a"))
        table = self.reach(by).merge(events, on=[*keys, "touchpoint"])
        return table.merge(
            first[[*keys, "touchpoint", "next_touchpoint", "next_share", "next_wait"]],
            on=[*keys, "touchpoint"],
            how="left",
        )

    def goal(self, touchpoint: str) -> pd.DataFrame:
        """One row a customer: customer_id, came (whether ever at `touchpoint`), landmark: just after the last event before the first
        time there, for those who never came just after their last event, so that both are observed alike. What lies before the
        landmark may have led there; where nothing does, it is the moment of the goal itself."""
        code = self.code(touchpoint)
        t = self.table
        first = t.filter(t.a == code).group_by("c").agg(came=lambda x: x.t.min())
        goals = first.rename(other="c")
        beside = t.left_join(goals, t.c == goals.other)
        before = beside.came.isnull() | (beside.t < beside.came)
        last = beside.group_by("c").agg(last=beside.t.max(where=before), came=beside.came.max())
        rows = (
            last.inner_join(self.people.select("c", "customer_id"), "c").to_pandas().sort_values("c", ignore_index=True)
        )
        landmark = (rows["last"] + 1).where(rows["last"].notna(), rows["came"]).astype("int64")
        came = rows["came"].notna()
        return pd.DataFrame(
            {
                "customer_id": rows["customer_id"],
                "came": came,
                "landmark": pd.to_datetime(landmark, unit="us", utc=True),
            }
        )

    def importance(
        self,
        outcome: str | pd.Series,
        *,
        landmark: pd.Series | None = None,
        max_customers: int = MOST_SAMPLED,
        **options: Any,
    ) -> TouchpointImportance:
        """How important each touchpoint is for an outcome: removal from the chain, equal split, adjusted lift, with intervals.

        `outcome` is a touchpoint that counts as success, or a series by customer_id with the moment of it in `landmark`. Options are
        those of `touchpoint_importance`; of more than `max_customers` so many are drawn."""
        events, values, moments = self._with_outcome(outcome, landmark, max_customers)
        return touchpoint_importance(events, values, landmark=moments, **options)

    def moments(
        self,
        outcome: str | pd.Series,
        *,
        landmark: pd.Series | None = None,
        max_customers: int = MOST_SAMPLED,
        **options: Any,
    ) -> MomentsOfTruth:
        """Which touchpoints go with a better or worse outcome. Input as of `importance`, options as of `moments_of_truth`."""
        events, values, moments = self._with_outcome(outcome, landmark, max_customers)
        return moments_of_truth(events, values, landmark=moments, **options)

    def _with_outcome(
        self, outcome: str | pd.Series, landmark: pd.Series | None, max_customers: int
    ) -> tuple[pd.DataFrame, pd.Series, pd.Series | None]:
        if isinstance(outcome, str):
            table = self.goal(outcome).set_index("customer_id")
            outcome, landmark = table["came"].astype(float).rename(outcome), table["landmark"]
        chosen = drawn(np.array(sorted(set(outcome.index)), dtype=object), max_customers)
        values = outcome[outcome.index.isin(chosen)]
        return self.to_frame(chosen), values, None if landmark is None else landmark[landmark.index.isin(chosen)]

    # ------------------------------------------------------------------------------------------------------------- inside

    @cached_property
    def crossings(self) -> ibis.Table:
        """One row a customer and edge: c, a, nx, and how often (own)."""
        t = self.table.filter(self.table.nx.notnull())
        return keep(self.backend, t.group_by(["c", "a", "nx"]).agg(own=t.count()))

    def customer_sets(self, n_edges: int) -> edges.CustomerSets | None:
        """Which customers took each edge; None where that would be too large for memory, or the engine has no sets."""
        if self._sets is None and n_edges and self.backend.name == "duckdb":
            self._sets = edges.customer_sets(self, n_edges)
        return self._sets

    def often(self) -> pd.DataFrame:
        """One row a touchpoint: touchpoint, n (events), share of all events."""
        return edges.tally(self, self.table)

    @cached_property
    def first_moment(self) -> pd.Timestamp:
        """When the first event happened; NaT for a log without events."""
        oldest = self.table.t.min().to_pandas()
        return pd.NaT if oldest is None or pd.isna(oldest) else moment_of(int(oldest))  # type: ignore[return-value]

    @cached_property
    def last_moment(self) -> pd.Timestamp:
        """When the last event happened; NaT for a log without events."""
        newest = self.table.t.max().to_pandas()
        return pd.NaT if newest is None or pd.isna(newest) else moment_of(int(newest))  # type: ignore[return-value]

    def until(self, observed_until: pd.Timestamp | str | None) -> int:
        """The moment up to which the log was observed, in microseconds; the last event where nothing is said."""
        if observed_until is None:
            return 0 if pd.isna(self.last_moment) else micros_of(self.last_moment)
        return micros_of(observed_until)

    def with_segment(self, by: str | None, table: ibis.Table | None = None) -> ibis.Table:
        """The events with a segment beside each; customers without one are left out."""
        rows = self.table if table is None else table
        if by is None:
            return rows
        self.check_segment(by)
        known = self.people.filter(self.people[by].notnull())
        return rows.inner_join(known.select("c", by), "c")

    def check_segment(self, by: str | None) -> None:
        """Raises ValueError for a segment that the log does not have, with the nearest name."""
        if by is not None and by not in self.source.segments:
            raise ValueError(f"there is no segment `{by}`; {did_you_mean(by, self.source.segments)}")

    def _codes(self, touchpoints: Iterable[str], what: str) -> list[int]:
        place = {name: number for number, name in enumerate(self.names)}
        for name in (wanted := list(touchpoints)):
            if name not in place:
                raise ValueError(f"`{what}`: there is no touchpoint `{name}`; {did_you_mean(name, self.touchpoints)}")
        return [place[name] for name in wanted]

    def code(self, touchpoint: str) -> int:
        """The code of a touchpoint. Raises ValueError for one that is not in the log, with the nearest name."""
        place = np.flatnonzero(self.names == touchpoint)
        if not len(place):
            raise ValueError(f"there is no touchpoint `{touchpoint}`; {did_you_mean(touchpoint, self.touchpoints)}")
        return int(place[0])

    def _named(self, codes: pd.Series) -> npt.NDArray[Any]:
        return self.names[codes.to_numpy(dtype="int64")]

    def _written(self, rows: ibis.Table) -> pd.DataFrame:
        columns = ["customer_id", *self.source.segments]
        found = rows.inner_join(self.people.select("c", *columns), "c").to_pandas()
        found = found.sort_values([*self.keys, "pos"], ignore_index=True)
        following = found["nx"]
        named = np.full(len(found), None, dtype=object)
        named[following.notna().to_numpy()] = self._named(following.dropna())
        frame = pd.DataFrame(
            {
                "customer_id": found["customer_id"],
                "journey": found["journey"].astype("int64") if self.is_split else 0,
                "position": found["pos"].astype("int64"),
                "touchpoint": self._named(found["a"]),
                "timestamp": pd.to_datetime(found["t"], unit="us", utc=True),
                "next": named,
                "wait": pd.to_timedelta(found["wait"].astype("Int64"), unit="us"),
            }
        )
        if self.source.has_ends:
            frame["end_timestamp"] = pd.to_datetime(found["ended"].astype("Int64"), unit="us", utc=True)
        for name in self.source.segments:
            frame[name] = found[name]
        return frame


def drawn(customers: npt.NDArray[Any], size: int, random_state: int = 0) -> npt.NDArray[Any]:
    """At most so many customers, drawn at random; in the order given, and the same ones each time."""
    if len(customers) <= size:
        return customers
    return customers[np.sort(np.random.default_rng(random_state).choice(len(customers), size, replace=False))]


def moment_of(micros: int) -> pd.Timestamp:
    """A moment in UTC from its microseconds since 1970."""
    return pd.Timestamp(micros, unit="us", tz="UTC")


def micros_of(moment: pd.Timestamp | str) -> int:
    """Microseconds since 1970 of a moment; one without a zone is UTC.

    >>> micros_of("1970-01-02")
    86400000000
    """
    at = pd.Timestamp(moment)
    at = at.tz_localize("UTC") if at.tzinfo is None else at.tz_convert("UTC")
    return round((at - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(microseconds=1))


def _next_again(t: ibis.Table, keys: list[str]) -> ibis.Table:
    """Place, next touchpoint and wait of rows that are left after others went."""
    order = ibis.window(group_by=keys, order_by=t.pos)
    return t.mutate(
        pos=ibis.row_number().over(order).cast("int32"), nx=t.a.lead().over(order), wait=t.t.lead().over(order) - t.t
    )


def _counts(journeys: Journeys) -> dict[str, int]:
    source = journeys.source
    rows = source.rows
    seen: Any = rows.agg(
        rows=rows.count(),
        null_customer=rows.customer_id.isnull().sum(),
        null_timestamp=(rows.customer_id.notnull() & rows.moment.isnull()).sum(),
        null_touchpoint=(rows.customer_id.notnull() & rows.moment.notnull() & rows.touchpoint.isnull()).sum(),
    ).to_pandas()
    found = {name: int(value) if pd.notna(value) else 0 for name, value in seen.iloc[0].items()}
    nulls = sum(found[name] for name in ("null_customer", "null_timestamp", "null_touchpoint"))
    good = source.good
    order = ibis.window(group_by="customer_id", order_by=[good.t, good.number, good.touchpoint])
    beside = {"tied": good.t.lag().over(order) == good.t}
    if source.has_rows:
        beside["unsorted"] = (good.t.lag().over(order) < good.t) & (good["row"].lag().over(order) > good["row"])
    neighbours = good.select(**beside)
    counted: Any = neighbours.agg(
        **{name: neighbours[name].fill_null(False).cast("int32").sum() for name in beside}
    ).to_pandas()
    near = {name: int(value) if pd.notna(value) else 0 for name, value in counted.iloc[0].items()}
    conflicts = 0
    for name in source.segments:
        several = good.group_by("customer_id").agg(several=good[name].min() != good[name].max())
        conflicts += int(several.filter(several.several).count().to_pandas())
    return {
        "rows": found["rows"], "kept": found["rows"] - nulls, **{k: v for k, v in found.items() if k != "rows"}, "ties": near["tied"],
        **({"unsorted": near["unsorted"]} if source.has_rows else {}), "segment_conflicts": conflicts,
    }  # fmt: skip
