"""The stretch of time that a report is about.

A period is a half-open interval in the study's time zone, written as a year (2026), quarter (2026-Q3), month (2026-09)
or ISO week (2026-W38). Nothing after its end is read, so an old period can be made again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd

from cxlab.problems import Problem, StudyError

Length = Literal["year", "quarter", "month", "week"]
LENGTHS: tuple[Length, ...] = ("year", "quarter", "month", "week")
_FORMATS = {
    "year": re.compile(r"(\d{4})"),
    "quarter": re.compile(r"(\d{4})-Q([1-4])"),
    "month": re.compile(r"(\d{4})-(0[1-9]|1[0-2])"),
    "week": re.compile(r"(\d{4})-W(0[1-9]|[1-4]\d|5[0-3])"),
}


@dataclass(frozen=True)
class Period:
    """A named half-open interval: `first` is its first day, `after` the first day that no longer belongs to it."""

    label: str
    length: Length
    first: date
    after: date
    timezone: str = "UTC"

    @classmethod
    def parse(cls, text: str, timezone: str = "UTC") -> Period:
        """Read a label. Raises `StudyError` for anything but the four formats.

        >>> period = Period.parse("2026-Q3", "Europe/Paris")
        >>> period.start, period.end
        (Timestamp('2026-06-30 22:00:00+0000', tz='UTC'), Timestamp('2026-09-30 22:00:00+0000', tz='UTC'))
        """
        for length, pattern in _FORMATS.items():
            match = pattern.fullmatch(str(text).strip())
            if match:
                year = int(match[1])
                part = int(match[2]) if pattern.groups > 1 else 1
                try:
                    return cls._of(length, year, part, timezone)  # type: ignore[arg-type]
                except ValueError:
                    break
        raise StudyError(
            Problem("period", f"`{text}` is not a period", "write 2026, 2026-Q3, 2026-09 or 2026-W38 (or `previous`)")
        )

    @classmethod
    def containing(cls, day: date, length: Length, timezone: str = "UTC") -> Period:
        """The period of this length in which `day` lies."""
        if length == "week":
            iso = day.isocalendar()
            return cls._of("week", iso.year, iso.week, timezone)
        part = {"year": 1, "quarter": (day.month - 1) // 3 + 1, "month": day.month}[length]
        return cls._of(length, day.year, part, timezone)

    @classmethod
    def _of(cls, length: Length, year: int, part: int, timezone: str) -> Period:
        if length == "week":
            first = date.fromisocalendar(year, part, 1)
            return cls(f"{year}-W{part:02d}", length, first, first + timedelta(days=7), timezone)
        months = {"year": 12, "quarter": 3, "month": 1}[length]
        start = (part - 1) * months
        first = date(year, start + 1, 1)
        after = date(year + (start + months) // 12, (start + months) % 12 + 1, 1)
        label = {"year": f"{year}", "quarter": f"{year}-Q{part}", "month": f"{year}-{part:02d}"}[length]
        return cls(label, length, first, after, timezone)

    @property
    def start(self) -> pd.Timestamp:
        """First moment, in UTC."""
        return self._moment(self.first)

    @property
    def end(self) -> pd.Timestamp:
        """First moment after the period, in UTC."""
        return self._moment(self.after)

    def _moment(self, day: date) -> pd.Timestamp:
        return pd.Timestamp(day.year, day.month, day.day, tz=ZoneInfo(self.timezone)).tz_convert("UTC")

    def previous(self) -> Period:
        return Period.containing(self.first - timedelta(days=1), self.length, self.timezone)

    def next(self) -> Period:
        return Period.containing(self.after, self.length, self.timezone)

    def up_to(self, last: Period) -> Iterator[Period]:
        """This period and those after it, `last` included."""
        period = self
        while period.first <= last.first:
            yield period
            period = period.next()

    def words(self) -> str:
        """The days it covers, for a reader: 1 July to 30 September 2026."""
        last = self.after - timedelta(days=1)
        end = f"{last.day} {last:%B %Y}"
        if self.first.year != last.year:
            return f"{self.first.day} {self.first:%B %Y} to {end}"
        return f"{self.first.day} {self.first:%B} to {end}"

    def __str__(self) -> str:
        return self.label


def labels_of(days: pd.Series, length: Length, timezone: str = "UTC") -> pd.Series:
    """The label of the period in which each day lies; missing where the day is.

    >>> labels_of(pd.Series([date(2026, 8, 1), None]), "quarter").tolist()
    ['2026-Q3', nan]
    """
    return days.map({day: Period.containing(day, length, timezone).label for day in days.dropna().unique()})
