"""Was every wave fielded alike, and did answers come in no order?

- `regularity`: are waves fielded in the same rhythm, season, days and hours?
- `repeat_respondents`: how many had answered before?
- `runs_test`: do answers that arrive one after the other resemble each other?

One row of responses is one respondent. A wave that was fielded in another season or by other hours may carry other figures; none
of this says that it does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cxlab.inference.estimates import share_row
from cxlab.inference.intervals import Floats, check_conf_level, two_sided_p
from cxlab.inference.sentences import base
from cxlab.survey.representativity import by_chance
from cxlab.survey.respondents import check_columns
from cxlab.wording import list_text, p_text

DAYPARTS = {"night": 0, "morning": 6, "afternoon": 12, "evening": 18}  # the hour at which each begins
_ANNUAL = 240  # days between waves from which on each should fall into the same season
_OFF_SEASON = 45  # days
_DAYS_OF_A_YEAR = 365.25


@dataclass(frozen=True)
class Regularity:
    """How regularly waves were fielded. `waves` has one row a wave in the order of time: wave, n, n_undated, first_day, last_day,
    fieldwork_days (both ends counted), middle_day (the median), month, gap_days (from the first day of the wave before to its
    own), weekdays (percent of answers on Monday to Friday), night (from 0 h), morning (6 h), afternoon (12 h), evening (18 h;
    percent, NaN where dates have no time), irregular, reason.
    """

    waves: pd.DataFrame

    @property
    def irregular(self) -> pd.DataFrame:
        """The waves that are not like the others."""
        return self.waves[self.waves["irregular"]]

    def to_frame(self) -> pd.DataFrame:
        return self.waves.copy()

    def headline(self) -> str:
        """Which waves are irregular, and why."""
        count, odd = len(self.waves), self.irregular
        if count < 2:
            return f"{count} wave has dates: there is nothing to compare it with." if count else "No wave has dates."
        if odd.empty:
            return f"All {count} waves were fielded alike, as far as their dates tell."
        named = "; ".join(f"{row['wave']} ({row['reason']})" for row in odd.to_dict("records"))
        return f"{len(odd)} of {count} waves {'is' if len(odd) == 1 else 'are'} irregular: {named}."


@dataclass(frozen=True)
class RunsTest:
    """Runs above and below a cutoff in the order of arrival. `z` below 0: fewer runs than chance makes, so neighbours are alike.

    `n_high` and `n_low` are the values on each side, `n_missing` those without one. `reason` says why figures are NaN, `note` what
    to beware of.
    """

    z: float
    p_value: float
    n_runs: int
    expected_runs: float
    n: int
    n_high: int
    n_low: int
    n_missing: int
    reason: str = ""
    note: str = ""

    def headline(self) -> str:
        """Whether answers arrive in no order."""
        if math.isnan(self.z):
            return f"The order of arrival cannot be tested: {self.reason} ({base(self.n)})."
        test = f"{self.n_runs} runs, {self.expected_runs:.0f} expected, p {p_text(self.p_value)}, {base(self.n)}"
        if self.p_value >= 0.05:
            return f"The order of arrival shows no pattern ({test})."
        return f"Answers that arrive one after the other are {'alike' if self.z < 0 else 'unlike'} ({test})."


def regularity(
    waves: pd.DataFrame, *, wave_col: str = "wave", date_col: str = "date", most_drift: float = 10.0
) -> Regularity:
    """When each wave was fielded, and which one is not like the others. One row of `waves` is one answer with its wave and date.

    A wave is irregular where (typical is the median of all waves; the first wave where there are only two)
    - its gap to the wave before differs by more than a quarter from the typical gap (three waves and more),
    - waves are about a year apart and its middle lies more than 45 days from the season of the others,
    - its fieldwork took more than twice, or less than half, as many days as is typical, and three days more or less at least,
    - the share of weekdays or of dayparts is more than `most_drift` percent from the typical one, and more than twice what chance
      makes with so many answers.

    Dates are read as written, in the time of the place. Answers without a date are counted; a wave without any is left out. A wave
    that is irregular is not wrong: its figures carry another season, or other people, and say less of change.
    """
    check_columns(waves, [wave_col, date_col])
    given = waves[date_col]
    if not pd.api.types.is_datetime64_any_dtype(given.dtype):
        raise ValueError(f"`{date_col}` must be dates, got {given.dtype}; read them with `pd.to_datetime` first")
    if waves[wave_col].isna().any():
        raise ValueError(
            f"{int(waves[wave_col].isna().sum())} answers have no `{wave_col}`; fill it in or leave them out by name"
        )
    local = given.dt.tz_localize(None) if given.dt.tz is not None else given
    rows = [
        _wave_row(wave, local[waves[wave_col] == wave])
        for wave in pd.unique(waves[wave_col])
        if local[waves[wave_col] == wave].notna().any()
    ]
    columns = [
        "wave",
        "n",
        "n_undated",
        "first_day",
        "last_day",
        "fieldwork_days",
        "middle_day",
        "month",
        "gap_days",
        "weekdays",
    ]
    table = pd.DataFrame(rows, columns=[*columns, *DAYPARTS])
    table = table.sort_values(["first_day", "last_day"], kind="stable", ignore_index=True)
    table["gap_days"] = table["first_day"].diff().dt.days if len(table) else table["gap_days"]
    said = _irregular(table, most_drift)
    reasons = pd.Series(["; ".join(parts) for parts in said], index=table.index, dtype="str")
    return Regularity(table.assign(irregular=reasons != "", reason=reasons))


def repeat_respondents(
    responses: pd.DataFrame, *, wave_col: str, customer_col: str, conf_level: float = 0.95
) -> pd.DataFrame:
    """How many customers of each wave had answered an earlier one. One row a wave, in the order of its labels (a categorical keeps
    its own): wave, estimate (percent of customers) with Wilson's interval, std_error, conf_low, conf_high, conf_level, n (customers),
    unit, reason, n_repeat, n_before (of the wave just before), n_twice (customers with several answers in this wave), n_unknown
    (answers without a customer, left out).

    Comparisons of waves take answers for independent; with repeat respondents they are not, and a change is known better than
    its interval says. It does not tell why the same people answer.

    >>> rows = pd.DataFrame({"wave": [1, 1, 2, 2], "customer_id": ["a", "b", "b", "c"]})
    >>> repeat_respondents(rows, wave_col="wave", customer_col="customer_id")["estimate"].tolist()
    [nan, 50.0]
    """
    check_conf_level(conf_level)
    check_columns(responses, [wave_col, customer_col])
    if responses[wave_col].isna().any():
        count = int(responses[wave_col].isna().sum())
        raise ValueError(f"{count} answers have no `{wave_col}`; fill it in or leave them out by name")
    column = responses[wave_col]
    labels: list[Any] = column.unique().tolist()
    if isinstance(column.dtype, pd.CategoricalDtype):
        labels = [label for label in column.cat.categories if label in set(labels)]
    else:
        labels = sorted(labels, key=lambda label: (isinstance(label, str), label))
    rows: list[dict[str, Any]] = []
    seen: set[Any] = set()
    before: set[Any] = set()
    for place, wave in enumerate(labels):
        given = responses.loc[column == wave, customer_col]
        there = given.dropna()
        customers = set(there)
        known = share_row([customer in seen for customer in customers], conf_level=conf_level)
        if place == 0:
            known |= dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high"), math.nan)
            known["reason"] = "the first wave: nobody can have answered before"
        rows.append(
            {"wave": wave, **known}
            | {
                "n_repeat": len(customers & seen), "n_before": len(customers & before),
                "n_twice": int((there.value_counts() > 1).sum()), "n_unknown": int(given.isna().sum()),
            }
        )  # fmt: skip
        seen, before = seen | customers, customers
    return pd.DataFrame(rows)


def runs_test(sequence: npt.ArrayLike, *, cutoff: float | None = None) -> RunsTest:
    """Wald and Wolfowitz's test of runs (1940): do high and low answers come in no order?

    `sequence` is in the order of arrival; values are split at the median, or at `cutoff`. Values on the cutoff go to the side
    that makes the halves more even, which on a short scale is what splits it at all. Missing values are left out and counted.
    Streaks arise where the same flight, shop or week answers together; it takes no more than a few customers of a kind arriving
    together, so this is no sign of fraud.

    >>> runs_test([1, 1, 1, 1, 0, 0, 0, 0, 1, 1]).n_runs
    3
    """
    values = pd.Series(np.asarray(sequence))
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=math.nan)
    if (lost := values.notna().to_numpy() & np.isnan(numbers)).any():
        raise ValueError(f"`sequence` must be numbers, or true and false, got {values[lost].iloc[0]!r}")
    known = numbers[~np.isnan(numbers)]
    missing = len(numbers) - len(known)
    if len(known) == 0:
        return RunsTest(math.nan, math.nan, 0, math.nan, 0, 0, 0, missing, "nobody answered")
    at = float(np.median(known)) if cutoff is None else float(cutoff)
    high = min((known >= at, known > at), key=lambda side: abs(2 * int(side.sum()) - len(side)))
    n, a = len(known), int(high.sum())
    b = n - a
    runs = 1 + int((high[1:] != high[:-1]).sum())
    mean = 2 * a * b / n + 1
    variance = (mean - 1) * (mean - 2) / (n - 1) if n > 1 else 0.0
    if not (a and b and variance > 0):
        reason = "all values lie on one side of the cutoff" if not (a and b) else "two values have no order"
        return RunsTest(math.nan, math.nan, runs, mean, n, a, b, missing, reason)
    z = (runs - mean) / math.sqrt(variance)
    note = "fewer than ten values on a side: the normal approximation is rough" if min(a, b) < 10 else ""
    return RunsTest(z, two_sided_p(z), runs, mean, n, a, b, missing, note=note)


def _wave_row(wave: Any, dates: pd.Series) -> dict[str, Any]:
    known = dates.dropna()
    days = known.dt.normalize()
    first, last, middle = days.min(), days.max(), days.quantile(0.5, interpolation="lower")
    timed = bool((known != days).any())
    starts = list(DAYPARTS.values())
    part = np.searchsorted(starts, known.dt.hour.to_numpy(), side="right") - 1
    shares = 100 * np.bincount(part, minlength=len(starts)) / len(known)
    return {
        "wave": wave, "n": len(known), "n_undated": int(dates.isna().sum()), "first_day": first, "last_day": last,
        "fieldwork_days": (last - first).days + 1, "middle_day": middle, "month": middle.month_name(), "gap_days": math.nan,
        "weekdays": 100 * float((known.dt.day_of_week < 5).mean()),
        **{name: float(share) if timed else math.nan for name, share in zip(DAYPARTS, shares, strict=True)},
    }  # fmt: skip


def _irregular(table: pd.DataFrame, most_drift: float) -> list[list[str]]:
    """Of each wave, what is not like the others."""
    said: list[list[str]] = [[] for _ in range(len(table))]
    if len(table) < 2:
        return said
    gaps = table["gap_days"].to_numpy(dtype=float)
    usual = float(np.nanmedian(gaps))
    if usual >= _ANNUAL:
        for place, words in _off_season(table).items():
            said[place].append(words)
    if len(table) > 2:
        for at in np.flatnonzero(np.abs(gaps - usual) > max(usual / 4, 1.0)):
            said[at].append(f"{gaps[at]:g} days after the wave before, usually {usual:g}")
    length = table["fieldwork_days"].to_numpy(dtype=float)
    usual = _typical(length)
    for at in np.flatnonzero(((length > 2 * usual) | (length < usual / 2)) & (np.abs(length - usual) >= 3)):
        said[at].append(f"{length[at]:g} {'day' if length[at] == 1 else 'days'} of fieldwork, usually {usual:g}")
    week = table["weekdays"].to_numpy(dtype=float)
    for shares, names in (
        (np.column_stack([week, 100 - week]), ["on weekdays", "on weekends"]),
        (
            table[list(DAYPARTS)].to_numpy(dtype=float),
            ["at night", "in the morning", "in the afternoon", "in the evening"],
        ),
    ):
        for place, words in _other_hours(shares, names, table["n"].to_numpy(dtype=float), most_drift).items():
            said[place].append(words)
    return said


def _typical(values: Floats) -> float:
    """The median of all waves; of two the first."""
    return float(np.median(values)) if len(values) > 2 else float(values[0])


def _off_season(table: pd.DataFrame) -> dict[int, str]:
    day = table["middle_day"].dt.day_of_year.to_numpy(dtype=float)
    apart = np.abs(day[:, None] - day[None, :])
    apart = np.minimum(apart, _DAYS_OF_A_YEAR - apart)
    centre = int(apart.sum(axis=1).argmin())
    off = apart[:, centre] > _OFF_SEASON
    usual = table.loc[~off, "month"].value_counts()
    others = (
        str(usual.index[0])
        if len(usual) == 1
        else f"mostly {usual.index[0]}"
        if usual.iloc[0] > 1
        else list_text(usual.index)
    )
    return {
        int(place): f"fielded in {table['month'].iloc[place]}, the others in {others}" for place in np.flatnonzero(off)
    }


def _other_hours(shares: Floats, names: list[str], n: Floats, most_drift: float) -> dict[int, str]:
    """Waves in which other days or hours were asked; `shares` are percent, a row of NaN is a wave without times."""
    timed = np.flatnonzero(~np.isnan(shares).any(axis=1))
    if len(timed) < 2:
        return {}
    usual = np.array([_typical(shares[timed, part]) for part in range(shares.shape[1])])
    usual = 100 * usual / usual.sum() if usual.sum() > 0 else usual
    found = {}
    for place in timed:
        change = shares[place] - usual
        moved = float(np.abs(change).sum() / 2)
        if moved > max(most_drift + 1e-9, 2 * by_chance(usual / 100, 1 / n[place])):
            most = int(np.abs(change).argmax())
            found[int(place)] = f"{shares[place, most]:.0f}% of answers {names[most]}, usually {usual[most]:.0f}%"
    return found
