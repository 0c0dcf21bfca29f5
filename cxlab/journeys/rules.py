"""Rules of the desired journey in plain words, and how often they hold.

    starts with A · ends with A · A happens at least N times · A happens at most N times · A never happens
    A is followed by B · A is directly followed by B · … within 3d · A happens before B · A never happens after B
    A and B never happen together

One row of the result is one rule: n journeys that it applies to (*followed by*: A occurs; *before*, *never after*: B occurs; the
others: all), how many broke it, how many are undecided (a `within` that is still open when the log ends), and the share that kept
it with Wilson's interval. Who broke a rule, and when, is in `.deviations`. A touchpoint that is not
in the log is refused with the nearest name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pandas as pd

from cxlab.inference import wilson
from cxlab.journeys.reconstruct import whole_micros
from cxlab.problems import did_you_mean

if TYPE_CHECKING:
    from cxlab.journeys.log import Journeys

_FORMS = (
    ("starts", re.compile(r"starts with (?P<a>.+)")),
    ("ends", re.compile(r"ends with (?P<a>.+)")),
    ("least", re.compile(r"(?P<a>.+) happens at least (?P<n>\d+) times?")),
    ("most", re.compile(r"(?P<a>.+) happens at most (?P<n>\d+) times?")),
    ("never_after", re.compile(r"(?P<a>.+) never happens after (?P<b>.+)")),
    ("never", re.compile(r"(?P<a>.+) never happens")),
    ("directly", re.compile(r"(?P<a>.+?) is directly followed by (?P<b>.+?)(?: within (?P<within>\S+))?")),
    ("followed", re.compile(r"(?P<a>.+?) is followed by (?P<b>.+?)(?: within (?P<within>\S+))?")),
    ("before", re.compile(r"(?P<a>.+) happens before (?P<b>.+)")),
    ("together", re.compile(r"(?P<a>.+) and (?P<b>.+) never happen together")),
)
_FIGURES = ["n", "broken", "undecided", "estimate", "conf_low", "conf_high", "conf_level"]
_DEVIATIONS = ["rule", "customer_id", "journey", "timestamp"]


class Conformance(pd.DataFrame):
    """One row a rule: rule, n, broken, undecided, estimate, conf_low, conf_high, conf_level."""

    _metadata = ["_journeys", "_checked", "_asked", "_until"]  # noqa: RUF012  (pandas reads it from the class)
    _journeys: Journeys
    _checked: list[tuple[str, ibis.Table]]
    _asked: list[tuple[str, ibis.Table]]
    _until: int

    @property
    def _constructor(self) -> Any:  # what is made of it is a plain table, which knows no deviations
        return pd.DataFrame

    @property
    def deviations(self) -> pd.DataFrame:
        """One row a journey that broke a rule: rule, customer_id, journey, timestamp (of the event at which it was broken; for what
        never came, of the event after which it should have come)."""
        parts = []
        people = self._journeys.people.select("c", "customer_id")
        for rule, checked in self._checked:
            broken = checked.filter(checked.broken).inner_join(people, "c").to_pandas()
            broken = broken.sort_values(self._journeys.keys)
            number = broken["journey"].astype("int64") if self._journeys.is_split else 0
            when = pd.to_datetime(broken["at"].astype("int64"), unit="us", utc=True)
            parts.append(
                pd.DataFrame({"customer_id": broken["customer_id"], "journey": number, "timestamp": when}).assign(
                    rule=rule
                )
            )
        if not parts:
            return pd.DataFrame(columns=_DEVIATIONS)
        return pd.concat(parts, ignore_index=True)[_DEVIATIONS]

    @property
    def waits(self) -> pd.Series:
        """How long it took until what should follow came, in time or not, one value an occasion; what came after the log was observed
        is not known yet."""
        parts = [
            asked.filter(asked.answer.notnull() & (asked.answer <= self._until))
            .mutate(wait=asked.answer - asked.t)
            .select("wait")
            for _, asked in self._asked
        ]
        found = [pd.to_timedelta(part.to_pandas()["wait"].astype("int64"), unit="us") for part in parts]
        return pd.concat(found, ignore_index=True) if found else pd.Series(dtype="timedelta64[us]")

    @property
    def keepers(self) -> pd.DataFrame:
        """One row a journey that kept a rule that applied to it: rule, customer_id, journey."""
        parts = []
        people = self._journeys.people.select("c", "customer_id")
        for rule, checked in self._checked:
            kept = checked.filter(~checked.broken & ~checked.undecided).inner_join(people, "c").to_pandas()
            kept = kept.sort_values(self._journeys.keys)
            number = kept["journey"].astype("int64") if self._journeys.is_split else 0
            parts.append(pd.DataFrame({"customer_id": kept["customer_id"], "journey": number}).assign(rule=rule))
        columns = ["rule", "customer_id", "journey"]
        return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)

    def by(self, segment: str) -> pd.DataFrame:
        """One row a rule and segment of the customers: rule, the segment, n, broken, undecided, estimate, conf_low, conf_high,
        conf_level."""
        rows = []
        for rule, checked in self._checked:
            own = self._journeys.with_segment(segment, checked)
            counted = own.group_by(segment).agg(
                n=own.count(), broken=own.broken.cast("int32").sum(), undecided=own.undecided.cast("int32").sum()
            )
            found = counted.order_by(segment).to_pandas().to_dict("records")
            rows += [{"rule": rule, segment: row[segment]} | _kept(row, self["conf_level"].iloc[0]) for row in found]
        return pd.DataFrame(rows, columns=["rule", segment, *_FIGURES])

    @property
    def occasions(self) -> pd.DataFrame:
        """One row a time that a rule of what follows what was put to the test: rule, customer_id, touchpoint, timestamp, failed (missing
        while the window is open), known_at (when it was known: the answer, or the end of the window; without a window what never
        came is known at the end of the log)."""
        parts = [_occasions_of(self._journeys, rule, found, self._until) for rule, found in self._asked]
        columns = ["rule", "customer_id", "touchpoint", "timestamp", "failed", "known_at"]
        return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def check_rules(
    journeys: Journeys, rules: list[str], observed_until: pd.Timestamp | str | None, conf_level: float
) -> Conformance:
    """One row a rule: rule, n, broken, undecided, estimate, conf_low, conf_high, conf_level."""
    until = journeys.until(observed_until)
    rows, checked, asked = [], [], []
    for rule in rules:
        kind, parts = parse(rule, journeys.touchpoints)
        if kind in ("followed", "directly"):
            occasions = _asked(journeys, kind, parts, until)
            asked.append((rule, occasions))
            found = _followed(occasions, journeys.keys)
        else:
            found = _holds(journeys, kind, parts)
        checked.append((rule, found))
        sums: Any = found.agg(
            n=found.count(), broken=found.broken.cast("int32").sum(), undecided=found.undecided.cast("int32").sum()
        ).to_pandas()  # fmt: skip
        rows.append({"rule": rule} | _kept(sums.fillna(0).iloc[0].to_dict(), conf_level))
    table = Conformance(rows, columns=["rule", *_FIGURES])
    table._journeys, table._checked, table._asked, table._until = journeys, checked, asked, until
    return table


def _kept(sums: dict[Any, Any], conf_level: float) -> dict[str, Any]:
    """The share kept of the journeys that are decided, from counts of all, of the broken and of the undecided."""
    undecided, broken = int(sums["undecided"]), int(sums["broken"])
    n = int(sums["n"]) - undecided
    share = (n - broken) / n if n else np.nan
    low, high = wilson(share, n, conf_level) if n else (np.nan, np.nan)
    return {"n": n, "broken": broken, "undecided": undecided, "estimate": share, "conf_low": low, "conf_high": high,
            "conf_level": conf_level}  # fmt: skip


def _occasions_of(journeys: Journeys, rule: str, asked: ibis.Table, until: int) -> pd.DataFrame:
    rows = asked.inner_join(journeys.people.select("c", "customer_id"), "c").to_pandas()
    rows = rows.sort_values([*journeys.keys, "pos"], ignore_index=True)
    failed = pd.Series(~rows["came"].astype(bool), dtype="boolean").mask(rows["pending"].astype(bool))
    known = rows["known"].where(rows["known"].notna(), until).astype("int64")
    return pd.DataFrame(
        {
            "rule": rule, "customer_id": rows["customer_id"], "touchpoint": journeys._named(rows["a"]),
            "timestamp": pd.to_datetime(rows["t"], unit="us", utc=True), "failed": failed,
            "known_at": pd.to_datetime(known, unit="us", utc=True),
        }
    )  # fmt: skip


def parse(rule: str, touchpoints: list[str]) -> tuple[str, dict[str, Any]]:
    """The form of a rule and its parts. Raises ValueError for a sentence that is none, and for an unknown touchpoint."""
    sentence = " ".join(str(rule).split()).removesuffix(".")
    for kind, form in _FORMS:
        found = form.fullmatch(sentence)
        if found is None:
            continue
        parts = found.groupdict()
        for name in filter(None, (parts.get("a"), parts.get("b"))):
            if name not in touchpoints:
                raise ValueError(f"rule “{rule}”: there is no touchpoint `{name}`; {did_you_mean(name, touchpoints)}")
        return kind, parts
    raise ValueError(
        f"rule “{rule}” is not understood; write for example “complaint is followed by resolution within 3d”"
    )


def _holds(journeys: Journeys, kind: str, parts: dict[str, Any]) -> ibis.Table:
    """One row a journey that the rule applies to: whether it is broken, and at which moment."""
    t, case = journeys.table, journeys.keys
    certain = {"undecided": ibis.literal(False)}
    a = journeys.code(parts["a"])
    if kind in ("starts", "ends"):
        edge = t.filter(t.pos == 0) if kind == "starts" else t.filter(t.nx.isnull())
        return edge.select(*case, broken=edge.a != a, at=edge.t, **certain)
    b = journeys.code(parts["b"]) if parts.get("b") else None
    is_a, is_b = t.a == a, t.a == b if b is not None else ibis.literal(False)
    seen = t.group_by(case).agg(
        n=is_a.cast("int32").sum(), last=t.t.max(),
        first_a=t.t.min(where=is_a), last_a=t.t.max(where=is_a), place_a=t.pos.min(where=is_a), end_a=t.pos.max(where=is_a),
        first_b=t.t.min(where=is_b), place_b=t.pos.min(where=is_b),
    )  # fmt: skip
    wanted = int(parts.get("n") or 0)
    if kind == "least":
        return seen.select(*case, broken=seen.n < wanted, at=seen["last"], **certain)
    if kind == "most":
        return seen.select(*case, broken=seen.n > wanted, at=seen.last_a, **certain)
    if kind == "never":
        return seen.select(*case, broken=seen.n > 0, at=seen.first_a, **certain)
    if kind == "together":
        both = seen.place_a.notnull() & seen.place_b.notnull()
        return seen.select(*case, broken=both, at=ibis.greatest(seen.first_a, seen.first_b), **certain)
    seen = seen.filter(seen.place_b.notnull())
    if kind == "before":  # every B has an earlier A: the first one has
        late = (seen.place_a >= seen.place_b).fill_null(True)
        return seen.select(*case, broken=late, at=seen.first_b, **certain)
    after = (seen.end_a > seen.place_b).fill_null(False)
    return seen.select(*case, broken=after, at=seen.last_a, **certain)


def _asked(journeys: Journeys, kind: str, parts: dict[str, Any], until: int) -> ibis.Table:
    """The times that A happened: whether B came (in time, where a window is given), whether that is still open, and when it was
    known (missing: never)."""
    t, case = journeys.table, journeys.keys
    a, b = journeys.code(parts["a"]), journeys.code(parts["b"])
    window = whole_micros(parts["within"]) if parts.get("within") else None
    if kind == "directly":
        here = t.filter(t.a == a)
        here = here.mutate(
            answer=(here.nx == b).ifelse(here.t + here.wait, ibis.null("int64")), told=here.t + here.wait
        )
    else:
        both = t.filter(t.a.isin([a, b]))
        later = ibis.window(group_by=case, order_by=both.pos, rows=(1, None))
        when = (both.a == b).ifelse(both.t, ibis.null("int64"))
        both = both.mutate(answer=when.min().over(later))
        here = both.filter(both.a == a)
        here = here.mutate(told=here.answer)
    in_time = here.answer.notnull()
    in_time = in_time if window is None else in_time & (here.answer - here.t <= window).fill_null(False)
    here = here.mutate(came=in_time)
    pending = ibis.literal(False) if window is None else ~here.came & (here.t + window > until)
    due = ibis.null("int64") if window is None else here.t + window
    known = here.came.ifelse(here.answer, ibis.coalesce(due, here.told if kind == "directly" else ibis.null("int64")))
    return here.select(*case, "pos", "a", "t", "came", "answer", pending=pending, known=known)


def _followed(asked: ibis.Table, case: list[str]) -> ibis.Table:
    """Every A of a journey has a later B in time; an open window is undecided, unless another A failed."""
    here = asked.mutate(failed=~asked.came & ~asked.pending)
    whole = here.group_by(case).agg(broken=here.failed.any(), open=here.pending.any(), at=here.t.min(where=here.failed))
    return whole.select(*case, "broken", "at", undecided=~whole.broken & whole.open)
