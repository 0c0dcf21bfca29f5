"""How long do customers stay in a stage, how many go on, and how many drop off?

`stage_spells` turns the events of a log into one row a customer and stage: the first time the customer was there, and what came
next, a later stage or an end (termination). `time_to_next_stage` says for each stage which share has gone on, has dropped off and
is still there after so many days; `occupancy` in which stage customers are by days since their start, as one line (a
continuum, where the other tables show discrete events).

Going on and dropping off compete, so shares are cumulative incidences (`cxlab.inference.cumulative_incidence`): the three add
up to everybody. Whoever was neither seen to go on nor to leave is censored when the data end. What these figures are not:

- The median time to the next stage is Kaplan–Meier's, with leavers as censored: the time it would take if nobody left. `half_went_on`
  says when half of all who entered really had gone on, and is often never reached.
- A customer who was there before the log begins seems to enter with his first event: leave out whose journey does not begin in
  the log. First entries alone count; going back to an earlier stage is no exit.
- Where no end is defined silence is not a drop-off: "still there" then includes everybody who quietly left.
- Who stays long differs from who leaves early in more than time. None of this says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.intervals import Floats, check_conf_level, wilson
from cxlab.inference.survival import cumulative_incidence, kaplan_meier
from cxlab.problems import did_you_mean
from cxlab.wording import MIN_BASE, inside_text, interval_text, number_text

HORIZONS = (7, 30, 90, 180)
WENT_ON, DROPPED_OFF, STILL_THERE, LEFT = "went on", "dropped off", "still there", "left"
_DAY = 86_400.0
_EVENTS = ("customer_id", "journey", "position", "touchpoint", "timestamp")
_SPELLS = ("customer_id", "stage", "entered", "next_at", "next_stage", "observed_until")
_FIGURES = ["estimate", "std_error", "conf_low", "conf_high", "conf_level", "n", "unit", "reason"]
_NO_END = "no end touchpoint says who dropped off"
_LAST = "the last stage"
_NOBODY = "nobody was seen in this stage"


@dataclass(frozen=True)
class StageSpells:
    """`table` has one row a customer and stage, the first time he was there: customer_id, stage, entered, next_at and next_stage
    (the first later stage after that, if he got there before leaving), left_at (the first end touchpoint after that, if it
    came before a later stage; only where ends were given), observed_until.

    `counts` accounts for every event (events = after_observation + without_stage + at_ends + in_stages) and customer
    (customers = with_spells + without_spells); `came_back` are customers who entered a stage after an end.
    """

    table: pd.DataFrame
    order: tuple[str, ...]
    ends: tuple[str, ...]
    counts: dict[str, int]

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()


@dataclass(frozen=True)
class TimeToNextStage:
    """`table` has one row a stage, number of days since entering and outcome ("went on", "dropped off", "still there"): stage, days,
    outcome, estimate (percent of all who entered), std_error, conf_low, conf_high, conf_level, n (who entered), n_at_risk
    (who were still there and watched so long), unit, reason.

    `medians` has one row a stage: stage, estimate (days to the next stage, Kaplan–Meier with leavers as censored), std_error (NaN),
    conf_low, conf_high, conf_level, n, went_on, dropped_off, censored (n = their sum), half_went_on (days until half of all who
    entered had gone on, NaN if never), unit, reason. `curves` has one row a stage, day and outcome, as `table`, at every change.
    """

    table: pd.DataFrame
    medians: pd.DataFrame
    curves: pd.DataFrame
    conf_level: float

    def to_frame(self) -> pd.DataFrame:
        return self.table.copy()

    def headline(self) -> str:
        """Where most drop off (or fewest go on, where no end is defined) within the longest time that can be judged."""
        judged = self.table[(self.table["n"] >= MIN_BASE) & self.table["estimate"].notna()]
        for outcome, highest in ((DROPPED_OFF, True), (WENT_ON, False)):
            own = judged[(judged["outcome"] == outcome) & (judged["conf_low"].notna() | (judged["estimate"] > 0))]
            if len(own):
                days = own["days"].max()
                rows = own[own["days"] == days].sort_values("estimate", ascending=not highest, kind="stable")
                row = rows.to_dict("records")[0]
                verb = "drop off" if highest else "go on"
                which = "Most" if highest else "Fewest"
                return (
                    f"{which} {verb} in {inside_text(str(row['stage']))}: {number_text(row['estimate'])}% "
                    f"({interval_text(row['conf_low'], row['conf_high'], '%')}, n {row['n']:,}) within {days:g} days."
                )
        return f"No stage has {MIN_BASE} customers who were watched long enough to say who goes on."


def stage_spells(
    events: pd.DataFrame,
    stages: Mapping[str, str],
    order: Sequence[str],
    *,
    ends: Sequence[str] = (),
    observed_until: pd.Timestamp | str | None = None,
) -> StageSpells:
    """One row a customer's first entry to each stage, with the next stage, the end, or neither by `observed_until`.

    `events`: one row an event, with customer_id, journey, position (order within the journey), touchpoint and timestamp (UTC), in
    any row order. `stages` gives the stage of a touchpoint, `order` the stages from first to last. The next stage is the first
    later one after the entry, also where one in between is skipped. An event at one of `ends` is leaving, never the entry of a
    stage, whatever stage it has. `observed_until` defaults to the last event; what comes after it is not read, and counted.

    Raises ValueError for missing columns or values, times that run backwards within a customer, a stage that is not in `order`,
    and an end that is neither in the log nor in `stages`.
    """
    _columns(events, _EVENTS, "events")
    names = _order(order)
    for stage in stages.values():
        if stage not in names:
            raise ValueError(f"`stages`: the stage `{stage}` is not in `order`; {did_you_mean(str(stage), names)}")
    closing = tuple(dict.fromkeys([ends] if isinstance(ends, str) else ends))
    known = {*events["touchpoint"].unique(), *stages}
    for end in closing:
        if end not in known:
            raise ValueError(f"`ends`: there is no touchpoint `{end}`; {did_you_mean(end, map(str, known))}")
    rows = events[list(_EVENTS)].sort_values(["customer_id", "journey", "position"], kind="stable", ignore_index=True)
    rows["timestamp"] = _utc(rows["timestamp"], "timestamp")
    customer = pd.factorize(rows["customer_id"])[0]
    times = rows["timestamp"].to_numpy()
    back = (np.diff(customer) == 0) & (times[1:] < times[:-1])
    if back.any():
        who = rows["customer_id"].iloc[int(back.argmax())]
        raise ValueError(
            f"`timestamp` runs backwards in {int(back.sum())} places, first for customer {who!r}; number `position` by time"
        )
    until = rows["timestamp"].max() if observed_until is None else _moment(observed_until)
    seen = (rows["timestamp"] <= until).to_numpy()
    is_end = rows["touchpoint"].isin(closing).to_numpy()
    place = rows["touchpoint"].map(stages).map({name: i for i, name in enumerate(names)}).to_numpy(dtype=float)
    rank = np.where(is_end | np.isnan(place), -1, place).astype(np.intp)
    used = seen & (is_end | (rank >= 0))
    table, came_back = _first_entries(rows[used], customer[used], rank[used], is_end[used], names)
    table["observed_until"] = pd.Series(until, index=table.index, dtype=rows["timestamp"].dtype)
    if not closing:
        table = table.drop(columns="left_at")
    with_spells, customers = int(table["customer_id"].nunique()), int(rows["customer_id"].nunique())
    counts = {
        "events": len(rows), "after_observation": int((~seen).sum()), "without_stage": int((seen & ~used).sum()),
        "at_ends": int((used & is_end).sum()), "in_stages": int((used & ~is_end).sum()),
        "customers": customers, "with_spells": with_spells, "without_spells": customers - with_spells,
        "came_back": came_back,
    }  # fmt: skip
    return StageSpells(table, names, closing, counts)


def time_to_next_stage(
    lengths: StageSpells | pd.DataFrame,
    *,
    horizons: Sequence[float] = HORIZONS,
    order: Sequence[str] | None = None,
    conf_level: float = 0.95,
) -> TimeToNextStage:
    """For each stage the share that has gone on, dropped off and is still there after `horizons` days, and the time to go on.

    `lengths` are the spells of `stage_spells`, or a table with one row a customer (or journey, if there is a column of that name)
    and stage: customer_id, stage, entered, next_at, next_stage, observed_until (UTC) and left_at where drop-off is defined. Where
    both next_at and left_at are there the earlier counts, and next_at where they are equal. Rows are taken as independent; with
    several journeys a customer the intervals are too short. Without `order` stages stand in alphabetical order, and none is
    known to be the last.

    Raises ValueError for missing columns or values, stages twice, and times before the entry or after `observed_until`.
    """
    check_conf_level(conf_level)
    table, names, ended = _spells(lengths, order)
    days = _horizons(horizons, "horizons")
    until, outcome = _ends_of(table)
    figures, medians, curves = [], [], []
    for place, stage in enumerate(names):
        own = (table["stage"] == stage).to_numpy()
        last = _is_ordered(lengths, order) and place == len(names) - 1
        time, cause = until[own], outcome[own]
        closed = {WENT_ON: _LAST if last else "", DROPPED_OFF: "" if ended else _NO_END, STILL_THERE: ""}
        rows, curve = _shares(time, cause, days, closed, conf_level)
        figures += [{"stage": stage, **row} for row in rows]
        curves.append(curve.assign(stage=stage))
        medians.append({"stage": stage, **_median(time, cause, closed[WENT_ON], conf_level)})
    columns = ["stage", "days", "outcome", *_FIGURES[:6], "n_at_risk", *_FIGURES[6:]]
    told = ["stage", *_FIGURES[:6], "went_on", "dropped_off", "censored", "half_went_on", *_FIGURES[6:]]
    return TimeToNextStage(
        table=pd.DataFrame(figures, columns=columns),
        medians=pd.DataFrame(medians, columns=told),
        curves=pd.concat(curves, ignore_index=True)[columns] if curves else pd.DataFrame(columns=columns),
        conf_level=conf_level,
    )


def occupancy(
    spells: StageSpells | pd.DataFrame,
    *,
    days: Sequence[float],
    order: Sequence[str] | None = None,
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """One row a number of days since the start and stage: the share of customers who were there.

    Columns: days, stage, estimate (percent), std_error, conf_low, conf_high (Wilson), conf_level, n, customers, unit, reason; shares
    of a day add up to 100. A customer starts with his first stage. He is in the furthest stage that he has reached, or "left"
    (only where drop-off is defined) if he met an end after reaching it; a return that reaches no further stage stays "left".

    The base `n` of a day are the customers whose observation reaches that day, whatever became of them, so it falls with time. That is
    an unbiased share of them where the data end on a date, needs no model of how stages follow each other, and can be counted by
    hand; keeping those whose leaving was seen, though they were not watched so long, would make later days look worse. The
    price: later days rest on customers who started earlier. If newer ones differ, so does their future.

    `order` is needed for a plain table. Raises ValueError as `time_to_next_stage`, and without any order.
    """
    check_conf_level(conf_level)
    if not _is_ordered(spells, order):
        raise ValueError("`order` is missing: name the stages from first to last, or pass what `stage_spells` returned")
    table, names, ended = _spells(spells, order)
    if ended and LEFT in names:
        raise ValueError(f"`order`: a stage is called `{LEFT}`, as those who met an end are; give it another name")
    keys = [name for name in ("customer_id", "journey") if name in table]
    code = table.groupby(keys, sort=True).ngroup().to_numpy()
    size = int(code.max()) + 1 if len(code) else 0
    entered, left = (np.full((size, len(names)), math.inf) for _ in range(2))
    start = table.groupby(code)["entered"].transform("min")
    rank = table["stage"].map({name: i for i, name in enumerate(names)}).to_numpy(dtype=np.intp)
    entered[code, rank] = _days(table["entered"] - start)
    if ended:
        away = table["left_at"].notna() & ~(table["next_at"] <= table["left_at"])
        left[code[away], rank[away]] = _days(table["left_at"] - start)[away]
    watched = np.zeros(size)
    watched[code] = _days(table["observed_until"] - start)
    rows = []
    for day in _horizons(days, "days"):
        base = watched >= day
        state = _furthest(entered[base], day)
        gone = left[base][np.arange(len(state)), state] <= day if len(state) else np.zeros(0, dtype=bool)
        tally = np.bincount(np.where(gone, len(names), state), minlength=len(names) + 1)
        shown = [*names, LEFT] if ended else names
        rows += [
            {"days": day, "stage": stage, **_share(int(count), int(base.sum()), conf_level)}
            for stage, count in zip(shown, tally, strict=False)
        ]
    return pd.DataFrame(rows, columns=["days", "stage", *_FIGURES[:6], "customers", *_FIGURES[6:]])


def _first_entries(
    rows: pd.DataFrame,
    customer: npt.NDArray[np.intp],
    rank: npt.NDArray[np.intp],
    is_end: npt.NDArray[np.bool_],
    names: Sequence[str],
) -> tuple[pd.DataFrame, int]:
    """First entries with what came next, by place in the order of events, and how many customers entered after an end."""
    at = rows["timestamp"].reset_index(drop=True)
    ids = rows["customer_id"].reset_index(drop=True)
    parts = []
    ended = np.flatnonzero(is_end)
    first_end = np.full(int(customer.max(initial=-1)) + 1, len(rows))
    np.minimum.at(first_end, customer[ended], ended)
    back: set[int] = set()
    for place, stage in enumerate(names):
        inside = np.flatnonzero(rank == place)
        first = inside[np.unique(customer[inside], return_index=True)[1]]
        later = _following(first, np.flatnonzero(rank > place), customer)
        end = _following(first, ended, customer)
        on = (later >= 0) & ((end < 0) | (later < end))
        off = (end >= 0) & ~on
        back |= set(customer[first[first > first_end[customer[first]]]].tolist())
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": ids.iloc[first].to_numpy(), "stage": stage, "entered": at.iloc[first].array,
                    "next_at": at.iloc[np.where(on, later, 0)].where(on).array if len(at) else at.array,
                    "next_stage": pd.array(np.array([*names, None], dtype=object)[np.where(on, rank[later], -1)], dtype="str")
                    if len(at) else pd.array([], dtype="str"),
                    "left_at": at.iloc[np.where(off, end, 0)].where(off).array if len(at) else at.array,
                    "_customer": customer[first], "_place": place,
                }
            )
        )  # fmt: skip
    table = pd.concat(parts, ignore_index=True).sort_values(["_customer", "_place"], ignore_index=True)
    return table.drop(columns=["_customer", "_place"]), len(back)


def _following(
    first: npt.NDArray[np.intp], found: npt.NDArray[np.intp], customer: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """The first of the places `found` after each place of the same customer, −1 where there is none."""
    if not len(found):
        return np.full(len(first), -1, dtype=np.intp)
    j = np.searchsorted(found, first, side="right")
    there = found[np.minimum(j, len(found) - 1)]
    return np.where((j < len(found)) & (customer[first] == customer[there]), there, -1)


def _spells(
    lengths: StageSpells | pd.DataFrame, order: Sequence[str] | None
) -> tuple[pd.DataFrame, tuple[str, ...], bool]:
    """The table in a fixed order of rows, its stages, and whether drop-off is defined."""
    given = lengths.table if isinstance(lengths, StageSpells) else lengths
    _columns(given, _SPELLS, "lengths", may_miss=("next_at", "next_stage"))
    table = given.copy()
    ended = "left_at" in table
    for column in ("entered", "next_at", "observed_until", *(["left_at"] if ended else [])):
        table[column] = _utc(table[column], column)
    present = {str(stage) for stage in table["stage"].unique()}
    own = lengths.order if isinstance(lengths, StageSpells) else tuple(sorted(present))
    names = own if order is None else _order(order)
    strange = sorted(present - set(names))
    if strange:
        raise ValueError(f"`order` lacks the stage `{strange[0]}`; {did_you_mean(strange[0], names)}")
    keys = [name for name in ("customer_id", "journey", "stage") if name in table]
    twice = table.duplicated(keys)
    if twice.any():
        row = table[twice].iloc[0]
        raise ValueError(
            f"customer {row['customer_id']!r} is in stage `{row['stage']}` twice ({int(twice.sum())} such rows); keep the first entry, "
            "or number journeys in a column `journey`"
        )
    for column in ("entered", "next_at", *(["left_at"] if ended else [])):
        wrong = (table[column] < table["entered"]) | (table[column] > table["observed_until"])
        if wrong.any():
            row = table[wrong].iloc[0]
            raise ValueError(
                f"`{column}` lies before `entered` or after `observed_until` in {int(wrong.sum())} rows, first for customer "
                f"{row['customer_id']!r} in stage `{row['stage']}`; leave out what was not observed yet"
            )
    return table.sort_values(keys, ignore_index=True), names, ended


def _ends_of(table: pd.DataFrame) -> tuple[Floats, npt.NDArray[np.object_]]:
    """Days in the stage, and what ended them: went on, dropped off, or None where the data ended first."""
    on, until = table["next_at"], table["observed_until"]
    off = table["left_at"] if "left_at" in table else pd.Series(pd.NaT, index=table.index, dtype=on.dtype)
    goes = (on.notna() & ~(off < on)).to_numpy()
    drops = (off.notna().to_numpy()) & ~goes
    stop = until.mask(drops, off).mask(goes, on)
    outcome = np.full(len(table), None, dtype=object)
    outcome[goes], outcome[drops] = WENT_ON, DROPPED_OFF
    return _days(stop - table["entered"]), outcome


def _shares(
    time: Floats, cause: npt.NDArray[np.object_], days: list[float], closed: Mapping[str, str], conf_level: float
) -> tuple[list[dict[str, Any]], pd.DataFrame]:
    """The rows of one stage at the horizons, and its curves."""
    found = cumulative_incidence(time, cause, conf_level=conf_level)
    still = found.still.to_frame()
    blank = dict.fromkeys(("std_error", "conf_low", "conf_high"), math.nan)
    rows = []
    for day in days:
        at = found.incidence_at(day).set_index("cause")
        for outcome, why in closed.items():
            row: dict[str, Any] = {"estimate": math.nan, **blank, "reason": why}
            if not found.n or not found.is_known(day):
                row["reason"] = "nobody was watched so long" if found.n else _NOBODY
            elif outcome == STILL_THERE:
                row |= _still(still, day)
            elif not why and outcome in at.index:
                row |= {key: at.loc[outcome, key] for key in ("estimate", *blank, "reason")}
            elif not why:
                row |= {"estimate": 0.0, "reason": "nobody so far"}
            about = {"days": day, "outcome": outcome, "n_at_risk": found.at_risk(day), "conf_level": conf_level}
            rows.append(_percent(row) | about | {"n": found.n, "unit": "%"})
    table = found.to_frame().rename(columns={"time": "days", "cause": "outcome"})
    table = table[[not closed[outcome] for outcome in table["outcome"]]]
    rest = still.rename(columns={"time": "days"}).assign(outcome=STILL_THERE, reason="")
    rest["reason"] = np.where(rest["conf_low"].isna(), "nobody is left", "")
    both = pd.concat([part for part in (table, rest) if len(part)] or [rest]).sort_values("days", kind="stable")
    for column in ("estimate", *blank):
        both[column] = 100 * both[column]
    return rows, both.assign(unit="%")


def _still(still: pd.DataFrame, day: float) -> dict[str, Any]:
    before = still[still["time"] <= day]
    if before.empty:
        return {"estimate": 1.0, "reason": "nobody has left or gone on so far"}
    row = before.iloc[-1]
    figures = {key: float(row[key]) for key in ("estimate", "std_error", "conf_low", "conf_high")}
    return figures | {"reason": "nobody is left" if math.isnan(row["conf_low"]) else ""}


def _percent(row: dict[str, Any]) -> dict[str, Any]:
    return row | {key: 100 * float(row[key]) for key in ("estimate", "std_error", "conf_low", "conf_high")}


def _median(time: Floats, cause: npt.NDArray[np.object_], closed: str, conf_level: float) -> dict[str, Any]:
    """Days until half have gone on, where leavers count as censored, and until half of all really have."""
    goes = np.array([end == WENT_ON for end in cause], dtype=bool)
    drops = np.array([end == DROPPED_OFF for end in cause], dtype=bool)
    row: dict[str, Any] = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high", "half_went_on"), math.nan)
    reason = closed or (_NOBODY if not len(time) else "")
    if not reason:
        curve = kaplan_meier(time, goes, conf_level=conf_level)
        low, high = curve.median_interval
        half = cumulative_incidence(time, cause, conf_level=conf_level).time_of(WENT_ON)[0]
        row |= {"estimate": curve.median, "conf_low": low, "conf_high": high, "half_went_on": half}
        if math.isnan(curve.median):
            reason = "fewer than half have gone on so far" if goes.any() else "nobody has gone on so far"
    counts = {"went_on": int(goes.sum()), "dropped_off": int(drops.sum()), "censored": int((~goes & ~drops).sum())}
    return row | counts | {"conf_level": conf_level, "n": len(time), "unit": "days", "reason": reason}


def _furthest(entered: Floats, day: float) -> npt.NDArray[np.intp]:
    """The furthest stage that each has entered by a day."""
    reached = entered <= day
    return (entered.shape[1] - 1 - reached[:, ::-1].argmax(axis=1)).astype(np.intp)


def _share(count: int, n: int, conf_level: float) -> dict[str, Any]:
    share = count / n if n else math.nan
    low, high = wilson(share, n, conf_level)
    error = math.sqrt(share * (1 - share) / n) if n else math.nan
    return {
        "estimate": 100 * share, "std_error": 100 * error, "conf_low": 100 * low, "conf_high": 100 * high, "n": n,
        "conf_level": conf_level, "customers": count, "unit": "%", "reason": "" if n else "nobody was watched so long",
    }  # fmt: skip


def _is_ordered(lengths: StageSpells | pd.DataFrame, order: Sequence[str] | None) -> bool:
    return order is not None or isinstance(lengths, StageSpells)


def _order(order: Sequence[str]) -> tuple[str, ...]:
    names = tuple(order)
    if isinstance(order, str) or not names:
        raise ValueError(f"`order` names the stages from first to last, as in ['awareness', 'purchase'], got {order!r}")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"`order` names the stage `{twice[0]}` twice; give each stage one place")
    return names


def _columns(frame: pd.DataFrame, columns: Sequence[str], name: str, may_miss: Sequence[str] = ()) -> None:
    for column in columns:
        if column not in frame:
            raise ValueError(f"`{name}` lacks the column `{column}`; {did_you_mean(column, map(str, frame.columns))}")
        missing = int(frame[column].isna().sum())
        if missing and column not in may_miss:
            raise ValueError(
                f"`{column}` is missing in {missing} rows of `{name}`; leave them out by name, and count them"
            )


def _horizons(given: Sequence[float], name: str) -> list[float]:
    days = sorted({float(day) for day in given})
    if not days or not all(math.isfinite(day) and day >= 0 for day in days):
        raise ValueError(f"`{name}` are numbers of days from 0 upwards, as in [7, 30], got {list(given)!r}")
    return days


def _utc(column: pd.Series, name: str) -> pd.Series:
    """Times in UTC; those without a zone are in UTC already."""
    if column.isna().all():
        return pd.Series(pd.NaT, index=column.index, dtype="datetime64[us, UTC]")
    if not pd.api.types.is_datetime64_any_dtype(column):
        raise ValueError(f"`{name}` holds {column.dtype}, no times; convert it with pd.to_datetime(…, utc=True)")
    return pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]")


def _moment(given: pd.Timestamp | str) -> pd.Timestamp:
    moment = pd.Timestamp(given)
    return moment.tz_localize("UTC") if moment.tzinfo is None else moment.tz_convert("UTC")


def _days(lengths: pd.Series) -> Floats:
    made: Floats = (lengths.dt.total_seconds() / _DAY).to_numpy(dtype=float)
    return made
