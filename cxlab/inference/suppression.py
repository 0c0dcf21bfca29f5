"""Which counts of a published table must be hidden so that nobody can work out the answers of a few?

A count from 1 to `min_base` − 1 is hidden (primary). Where its row and column totals are printed, it is the total minus the
rest, so others are hidden with it (secondary) until it can be at least two numbers. The totals count as cells of the same
table: one that is itself below `min_base` is hidden as well, another one only where no choice of cells would do. A count of 0
is shown, unless the whole table is hidden: it says that nobody is there, and the house prints "no answers".

Counts, rows, columns and totals form a network (Cox 1980, *JASA* 75; Gusfield 1988, *SIAM Journal on Computing* 17): a hidden
count can be another number exactly if a closed path through hidden cells, turning at each, can be raised and lowered in turn.
For each small count the path that hides the fewest answers is looked for (Kelly, Golden and Assad 1992, *Networks* 22), then
every secondary cell that no small count needs is shown again. `ranges` and `recoverable` solve two linear programs for each
cell instead (Fischetti and Salazar 2001, *Management Science* 47; Willenborg and de Waal, *Elements of Statistical Disclosure
Control*, 2001). In such a network their ends are whole numbers.

The reader is taken to know all that is printed: the figures, that nothing hidden is 0, and the reason of each hidden cell,
hence that a primary one is below `min_base` and a secondary one is not. Two counts of 1 in a row are no secret if their sum
of 2 is. Who knows less than that (only that counts are not negative) can work out no more.

This does not say that a table is safe beside another one. Tables subtract: one of everybody and one of a filter give the rest.
Suppress them as *one* table, with the filter and the rest as two rows. Percentages with bases are counts. It says nothing of the
sum of several hidden cells, which may be known and small, of what respondents know about themselves, or of a row in which all
answer alike. The choice hides few answers, not provably the fewest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import optimize
from scipy.sparse import csgraph

from cxlab.inference.intervals import Floats

Bools = npt.NDArray[np.bool_]
Place = tuple[int, int]
Table = TypeVar("Table", pd.DataFrame, pd.Series)

WHOLE = "hidden with the whole table"
"""The reason of every cell of a table that no choice of hidden cells protects."""


@dataclass(frozen=True)
class Suppressed(Generic[Table]):
    """A table of counts as it may be published. It holds no count that is hidden.

    `published` has the shape of the table, with NaN where a count is hidden, and `reason` says why: "n<30" (primary),
    "hidden so that n<30 cannot be worked out" (secondary), `WHOLE`, or "" where the count is shown. Print the reason with
    the gap: a secondary count is *not* below 30.

    `totals` has one row a printed total, rows first, then columns, then the table: of (row, column, table), label,
    published (NaN where hidden) and reason. It is empty where no totals are printed.
    """

    published: Table
    reason: Table
    totals: pd.DataFrame
    min_base: int
    protection: int = 0

    @property
    def hidden(self) -> Table:
        """True where a count is hidden."""
        return self.reason != ""

    @property
    def is_whole(self) -> bool:
        """Whether everything is hidden, because hiding a part would not have been enough."""
        return bool((np.asarray(self.reason) == WHOLE).any())

    def ranges(self) -> pd.DataFrame:
        """What a reader can still say of each hidden figure, from the printed figures and reasons alone.

        One row a hidden count or total: row, column ("Total" for a total), reason, lowest and highest (counts; inf where
        nothing limits it). A single line has its name, or "", as its column.
        """
        grid, why = self._grids()
        told = np.isin(why, [_small(self.min_base), _linked(self.min_base)])
        primary = why == _small(self.min_base)
        lower = np.where(primary, 1.0, np.where(told, self.min_base, 0.0))
        upper = np.where(primary, self.min_base - 1.0, math.inf)
        shown = ~np.isnan(grid)
        reader = _Reader(np.where(shown, grid, lower), np.where(shown, grid, upper))
        rows, columns = [*self.published.index, "Total"], [*_columns(self.published), "Total"]
        found: list[tuple[object, ...]] = []
        for i, j in _cells(why != ""):
            lowest, highest = reader.limits((i, j))
            found.append((rows[i], columns[j], why[i, j], lowest, highest))
        return pd.DataFrame(found, columns=["row", "column", "reason", "lowest", "highest"])

    def headline(self) -> str:
        """How many counts are hidden, and why."""
        why = np.asarray(self.reason)
        n, hidden = why.size, int((why != "").sum())
        off = int((self.totals["reason"] != "").sum())
        if self.is_whole:
            return (
                f"The whole table is hidden, with its totals: hiding a part of its {n:,} counts would not protect it."
            )
        if hidden == 0:  # a total below the base has a count below the base in it
            return f"Nothing is hidden: no count is from 1 to {self.min_base - 1}."
        small = int((why == _small(self.min_base)).sum())
        reasons = [f"{small:,} {'has' if small == 1 else 'have'} fewer than {self.min_base} answers"]
        if hidden > small:
            keep = "more keeps" if hidden - small == 1 else "more keep"
            reasons.append(f"{hidden - small:,} {keep} {'it' if small == 1 else 'these'} from being worked out")
        counts = f"{hidden:,} of {n:,} {'count' if n == 1 else 'counts'} {'is' if hidden == 1 else 'are'} hidden"
        totals = f" Of {len(self.totals):,} totals, {off:,} {'is' if off == 1 else 'are'} hidden." if off else ""
        return f"{counts}: {', '.join(reasons)}.{totals}"

    def _grids(self) -> tuple[Floats, npt.NDArray[np.object_]]:
        """Figures and reasons with the totals as last row and column; NaN and no reason where no total is printed."""
        shown = np.atleast_2d(np.asarray(self.published, dtype=float).T).T
        r, c = shown.shape
        grid, why = np.full((r + 1, c + 1), math.nan), np.full((r + 1, c + 1), "", dtype=object)
        grid[:r, :c], why[:r, :c] = shown, np.asarray(self.reason, dtype=object).reshape(r, c)
        places = _totals_of(self.published, margins=len(self.totals) > 0)
        grid[places], why[places] = self.totals["published"], self.totals["reason"]
        return grid, why


def suppress(table: Table, *, min_base: int = 30, margins: bool = True, protection: int = 0) -> Suppressed[Table]:
    """Hides what must be hidden of a table of counts that is published with its totals.

    `table` holds unweighted counts without totals: rows × columns, published with row totals, column totals and the grand
    total, or one line (a Series), published with its sum. `margins=False` says that no totals are published, nor anything
    they could be known from; then only the small counts are hidden. Where `protection` is above 0, the highest and the
    lowest number that a small count can still be are more than that many answers apart.

    A table that cannot be protected in part is hidden as a whole, with the reason `WHOLE`. Raises ValueError for counts that
    are negative, missing or not whole, duplicate labels, no cells, and a `min_base` or `protection` that promises nothing.

    >>> answers = pd.DataFrame({"Lounge": [4, 60, 90], "Gate": [40, 70, 35]}, index=["North", "West", "South"])
    >>> result = suppress(answers)
    >>> result.published
           Lounge  Gate
    North     NaN   NaN
    West     60.0  70.0
    South     NaN   NaN
    >>> result.headline()
    '4 of 6 counts are hidden: 1 has fewer than 30 answers, 3 more keep it from being worked out.'
    """
    x = _with_totals(_check_counts(table))
    _check_min_base(min_base)
    if protection != int(protection) or protection < 0 or (min_base > 1 and protection > min_base - 3):
        raise ValueError(
            f"`protection` must be a whole number from 0 to {max(min_base - 3, 0)}, got {protection!r}; "
            f"that a count is from 1 to {min_base - 1} is said by its reason"
        )
    printed = _in_print(table, margins)
    primary = printed & (x > 0) & (x < min_base)
    hidden = _Sheet(x, primary, printed, min_base, protection).protected()
    why = np.full(x.shape, WHOLE, dtype=object)
    if hidden is not None:
        why = np.where(primary, _small(min_base), np.where(hidden, _linked(min_base), "")).astype(object)
    gone = why != ""
    r, c = x.shape[0] - 1, x.shape[1] - 1
    places = _totals_of(table, margins)
    of, labels = (["table"], ["Total"]) if isinstance(table, pd.Series) else _names_of_totals(table)
    totals = pd.DataFrame(
        {
            "of": of[: len(places[0])],
            "label": labels[: len(places[0])],
            "published": np.where(gone, math.nan, x)[places],
            "reason": why[places],
        }
    )
    return Suppressed(
        _like(table, np.where(gone, math.nan, x)[:r, :c]), _like(table, why[:r, :c]), totals, min_base, protection
    )


def linked_reasons(bases: pd.Series, *, unknown: int = 0, min_base: int = 30) -> pd.Series:
    """Why further groups must be hidden, where the bases of all groups add up to a total that is known: "" where they need not.

    `bases` has the base of each group; small ones have their own reason already ("n<30"). `unknown` is how many belong to no
    group: where nobody prints their number and they are `min_base` or more, they hide among them what the total would tell.
    """
    if unknown >= min_base or not len(bases):
        return pd.Series("", index=bases.index, dtype=object)
    reason = suppress(bases, min_base=min_base).reason
    return reason.where(reason != _small(min_base), "")


def recoverable(
    table: Table,
    hidden: Table,
    *,
    margins: bool = True,
    hidden_totals: npt.ArrayLike | None = None,
    min_base: int | None = None,
) -> Table:
    """Which hidden counts can be worked out exactly: True where the lowest and the highest possible count are equal.

    `hidden` has the shape and labels of `table`. The totals are those of `suppress`; `hidden_totals` says, in the order of
    `Suppressed.totals`, which of them are hidden. The reader knows that counts are not negative; with `min_base` also which
    hidden counts are from 1 to `min_base` − 1, and that other hidden ones are at least `min_base`. Raises ValueError as
    `suppress` does, and where `hidden` is of another shape.
    """
    x = _with_totals(_check_counts(table))
    if min_base is not None:
        _check_min_base(min_base)
    r, c = x.shape[0] - 1, x.shape[1] - 1
    if hidden.shape != table.shape or not hidden.index.equals(table.index) or _columns(hidden) != _columns(table):
        raise ValueError(f"`hidden` must have the {' × '.join(map(str, table.shape))} cells and labels of the table")
    gone = ~_in_print(table, margins)
    gone[:r, :c] = np.asarray(hidden, dtype=bool).reshape(r, c)
    places = _totals_of(table, margins)
    if hidden_totals is not None:
        off = np.asarray(hidden_totals, dtype=bool)
        if off.shape != places[0].shape:
            raise ValueError(
                f"`hidden_totals` has {off.size} values for {places[0].size} printed totals; give one for each"
            )
        gone[places] = off
    lower, upper = np.zeros(x.shape), np.full(x.shape, math.inf)
    if min_base is not None:
        lower, upper = _told(x, _in_print(table, margins), min_base)
    reader = _Reader(np.where(gone, lower, x), np.where(gone, upper, x))
    gone[r, :] = gone[:, c] = False
    return _like(table, (reader.known() & gone)[:r, :c])


def _small(min_base: int) -> str:
    return f"n<{min_base}"


def _linked(min_base: int) -> str:
    return f"hidden so that n<{min_base} cannot be worked out"


def _told(x: Floats, printed: Bools, min_base: int) -> tuple[Floats, Floats]:
    """Lowest and highest number that the reason of each figure admits, if it is hidden. A figure not in print has none."""
    primary = printed & (x > 0) & (x < min_base)
    lower = np.where(primary, 1.0, np.where(printed & (x > 0), float(min_base), 0.0))
    return lower, np.where(primary, min_base - 1.0, math.inf)


class _Sheet:
    """The true table with its totals, and what hiding a cell of it costs."""

    def __init__(self, x: Floats, primary: Bools, printed: Bools, min_base: int, protection: int) -> None:
        self.x, self.primary, self.printed, self.protection = x, primary, printed, protection
        self.lower, self.upper = _told(x, printed, min_base)
        # Fewest answers first, then fewest cells. A total costs more than all cells together; a 0 is never hidden.
        is_total = np.zeros(x.shape, dtype=bool)
        is_total[-1, :] = is_total[:, -1] = True
        self.price = np.where(x > 0, (x + np.where(is_total, x[-1, -1], 0)) * x.size + 1, math.inf)
        self.price[~printed] = 0

    def protected(self) -> Bools | None:
        """Which printed figures to hide; None if not even hiding all of them would do."""
        hidden = self.primary | ~self.printed
        needed: dict[Place, Bools] = {}
        for place in sorted(_cells(self.primary), key=lambda at: -self.x[at]):
            is_open, cells = self._examine(place, hidden)
            while not is_open and cells is not None:
                hidden = hidden | cells
                is_open, cells = self._examine(place, hidden)
            if cells is None:
                return None
            needed[place] = cells
        for extra in sorted(_cells(hidden & ~self.primary & self.printed), key=lambda at: -self.x[at]):
            fewer = hidden.copy()
            fewer[extra] = False
            still = self._without(extra, fewer, needed)
            if still is not None:
                hidden, needed = fewer, still
        return hidden & self.printed

    def _without(self, extra: Place, fewer: Bools, needed: dict[Place, Bools]) -> dict[Place, Bools] | None:
        """The cells that each small count needs when one is shown again; None if it opens a small count."""
        still = dict(needed)
        for place, cells in needed.items():
            if cells[extra]:
                is_open, others = self._examine(place, fewer)
                if not is_open or others is None:
                    return None
                still[place] = others
        return still

    def _examine(self, place: Place, hidden: Bools) -> tuple[bool, Bools | None]:
        """Whether a small count is safe, and the cells that make it so; if not, those to hide next (None for none)."""
        lowest, highest = self.x, self.x
        if self.protection:
            reader = _Reader(np.where(hidden, self.lower, self.x), np.where(hidden, self.upper, self.x))
            low, high = reader.extreme(place, 1), reader.extreme(place, -1)
            assert low is not None, "a small count is at least 1"
            assert high is not None, "a small count is below the base"
            lowest, highest = low, high
            if highest[place] - lowest[place] > self.protection:
                return True, (lowest != self.x) | (highest != self.x)
        price = np.where(hidden, 0.0, self.price)
        up, down = self._path(place, 1, highest, price), self._path(place, -1, lowest, price)
        cost, cells = up if up[0] <= down[0] else down
        return cost == 0, cells

    def _path(self, place: Place, step: int, at: Floats, price: Floats) -> tuple[float, Bools | None]:
        """The cheapest closed path that moves a count of the table `at` by one up (1) or down (−1), and its price.

        Rows and columns are the nodes. A cell that can be raised leads from its row to its column, one that can be
        lowered from its column to its row; totals, which stand on the other side of the equation, the other way round.
        """
        sign = _signs(at.shape)
        can_rise, can_fall = at < self.upper, at > self.lower
        if not (can_rise if step > 0 else can_fall)[place]:
            return math.inf, None
        price = price.copy()
        price[place] = math.inf  # the way back must not be the cell itself
        rows, columns = at.shape
        weight = np.full((rows + columns, rows + columns), math.inf)
        weight[:rows, rows:] = np.where(np.where(sign > 0, can_rise, can_fall), price, math.inf)
        weight[rows:, :rows] = np.where(np.where(sign > 0, can_fall, can_rise), price, math.inf).T
        start, goal = rows + place[1], place[0]
        if step * sign[place] < 0:
            start, goal = goal, start
        graph = csgraph.csgraph_from_dense(weight, null_value=math.inf)
        cost, before = csgraph.dijkstra(graph, indices=start, return_predecessors=True)
        if not math.isfinite(cost[goal]):
            return math.inf, None
        cells = np.zeros(at.shape, dtype=bool)
        cells[place] = True
        node = goal
        while node != start:
            row, column = sorted((node, int(before[node])))
            cells[row, column - rows] = True
            node = int(before[node])
        return float(cost[goal]), cells


class _Reader:
    """What can be worked out from a table with its totals, of which each figure is known to lie within limits.

    `lower` and `upper` are equal where a figure is printed. Cells minus their total are 0 in every row and column, the
    totals' own included.
    """

    def __init__(self, lower: Floats, upper: Floats) -> None:
        self.known_figures = lower
        self.free = lower < upper
        sign = _signs(lower.shape)
        i, j = np.nonzero(self.free)
        one = np.arange(len(i))
        self.lines = np.zeros((sum(lower.shape), len(i)))
        self.lines[i, one] = self.lines[lower.shape[0] + j, one] = sign[i, j]
        shown = np.where(self.free, 0, lower * sign)
        self.rest = -np.r_[shown.sum(axis=1), shown.sum(axis=0)]
        self.bounds = list(zip(lower[self.free], upper[self.free], strict=True))
        self.number = np.full(lower.shape, -1)
        self.number[self.free] = one

    def extreme(self, place: Place, direction: int) -> Floats | None:
        """The table in which a figure is lowest (1) or highest (−1); None where nothing limits it."""
        table = self.known_figures.copy()
        if not self.free[place]:
            return table
        goal = np.zeros(len(self.bounds))
        goal[self.number[place]] = direction
        solved = optimize.linprog(goal, A_eq=self.lines, b_eq=self.rest, bounds=self.bounds, method="highs")
        if solved.status == 3:  # unbounded
            return None
        if solved.x is None or not solved.success:
            raise RuntimeError(f"the figures of a table contradict each other: {solved.message}")
        table[self.free] = np.round(solved.x) + 0.0  # no −0
        return table

    def limits(self, place: Place) -> tuple[float, float]:
        """The lowest and the highest number that a figure can be."""
        low, high = self.extreme(place, 1), self.extreme(place, -1)
        return -math.inf if low is None else float(low[place]), math.inf if high is None else float(high[place])

    def known(self) -> Bools:
        """Which figures have only one possible number."""
        open_ = np.zeros(self.free.shape, dtype=bool)
        seen: Floats | None = None
        for place in _cells(self.free):
            for direction in (1, -1):
                if open_[place]:
                    break
                table = self.extreme(place, direction)
                if table is None:
                    open_[place] = True
                else:  # a table that is possible tells of every cell, not only of the one it was looked for
                    seen = table if seen is None else seen
                    open_ |= table != seen
        return ~open_


def _signs(shape: tuple[int, ...]) -> Floats:
    """1 for cells, −1 for their totals, 1 for the total of totals."""
    sign = np.ones(shape)
    sign[-1, :] *= -1
    sign[:, -1] *= -1
    return sign


def _with_totals(counts: Floats) -> Floats:
    across = np.column_stack([counts, counts.sum(axis=1)])
    return np.vstack([across, across.sum(axis=0)])


def _cells(mask: Bools) -> Iterator[Place]:
    return ((int(i), int(j)) for i, j in np.argwhere(mask))


def _totals_of(table: pd.DataFrame | pd.Series, margins: bool) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Where the printed totals stand in the table with totals, in the order of `Suppressed.totals`."""
    r, c = len(table), len(_columns(table))
    if not margins:
        return np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    if isinstance(table, pd.Series):
        return np.array([r]), np.array([0])
    return np.r_[np.arange(r), np.full(c + 1, r)], np.r_[np.full(r, c), np.arange(c + 1)]


def _in_print(table: pd.DataFrame | pd.Series, margins: bool) -> Bools:
    """The cells and the printed totals. A single line is a column whose row totals are not printed."""
    printed = np.zeros((len(table) + 1, len(_columns(table)) + 1), dtype=bool)
    printed[:-1, :-1] = True
    printed[_totals_of(table, margins)] = True
    return printed


def _columns(table: pd.DataFrame | pd.Series) -> list[object]:
    if isinstance(table, pd.Series):
        return ["" if table.name is None else table.name]
    return list(table.columns)


def _names_of_totals(table: pd.DataFrame) -> tuple[list[str], list[object]]:
    r, c = table.shape
    return ["row"] * r + ["column"] * c + ["table"], [*table.index, *table.columns, "Total"]


def _like(table: Table, values: npt.NDArray[np.generic]) -> Table:
    if isinstance(table, pd.Series):
        return pd.Series(values.ravel(), index=table.index, name=table.name)
    return pd.DataFrame(values, index=table.index, columns=table.columns)


def _check_min_base(min_base: int) -> None:
    if min_base != int(min_base) or min_base < 1:
        raise ValueError(f"`min_base` must be a whole number from 1 upwards, got {min_base!r}; 30 is usual")
    if min_base == 2:
        raise ValueError(
            "`min_base` must not be 2: `n<2` says that the count is 1; take 3 or more, or 1 to hide nothing"
        )


def _check_counts(table: pd.DataFrame | pd.Series) -> Floats:
    """The counts as rows × columns. Raises ValueError for what is no count, by row, column and value."""
    if not isinstance(table, (pd.DataFrame, pd.Series)):
        raise ValueError(f"a table is a DataFrame or a Series of counts, got {type(table).__name__}")
    for which, labels in (("row", table.index), ("column", pd.Index(_columns(table)))):
        if labels.has_duplicates:
            raise ValueError(
                f"{which} {labels[labels.duplicated()][0]!r} is there twice; add the two up, or name them apart"
            )
    if table.size == 0:
        raise ValueError(f"the table has no cells, got {' × '.join(map(str, table.shape))}")
    given = np.asarray(table, dtype=object).reshape(len(table), -1)
    counts = np.empty(given.shape)
    for i, j in np.ndindex(given.shape):
        where = f"row {table.index[i]!r}" + (
            f", column {table.columns[j]!r}" if isinstance(table, pd.DataFrame) else ""
        )
        counts[i, j] = _count(given[i, j], where)
    return counts


def _count(value: object, where: str) -> float:
    if pd.isna(value):  # type: ignore[call-overload]
        raise ValueError(f"{where}: the count is missing; 0 says that nobody is there")
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ValueError(f"{where}: a count is a number, got {value!r}") from None
    if number < 0:
        raise ValueError(f"{where}: a count must not be negative, got {number:g}")
    if not number.is_integer():
        raise ValueError(f"{where}: a count is a whole number, got {number:g}; give unweighted counts")
    return number
