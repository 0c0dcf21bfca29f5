"""Suppression by hand, by trying every table there is, and by whole-number programmes that know nothing of the totals."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from cxlab.inference.suppression import WHOLE, Suppressed, recoverable, suppress

SMALL, LINKED = "n<30", "hidden so that n<30 cannot be worked out"
NAMES = ["Lounge", "Gate", "Shop", "Security", "Parking"]


def frame(*rows: list[int]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), index=list("abcde")[: len(rows)], columns=NAMES[: len(rows[0])])


def places(mask: pd.DataFrame) -> set[tuple[str, str]]:
    return {(row, column) for row in mask.index for column in mask.columns if mask.loc[row, column]}


def limits(result: Suppressed) -> dict[tuple[object, object], tuple[float, float]]:
    return {(at.row, at.column): (at.lowest, at.highest) for at in result.ranges().itertuples()}


def test_one_small_count_takes_the_cheapest_rectangle_with_it() -> None:
    # rectangles through the 4: 40+60+70 = 170, 40+90+35 = 165, 50+60+80 = 190, 50+90+45 = 185
    result = suppress(frame([4, 40, 50], [60, 70, 80], [90, 35, 45]))
    assert places(result.hidden) == {("a", "Lounge"), ("a", "Gate"), ("c", "Lounge"), ("c", "Gate")}
    assert result.reason.loc["a"].tolist() == [SMALL, LINKED, ""]
    assert result.published.loc["b"].tolist() == [60, 70, 80]
    assert result.totals["published"].tolist() == [94, 210, 170, 154, 145, 175, 474]
    # x for the 4: a/Gate is 44 − x and at least 30, so x ≤ 14; c/Lounge is 94 − x; c/Gate is 125 − (94 − x) = 31 + x
    assert limits(result) == {
        ("a", "Lounge"): (1, 14),
        ("a", "Gate"): (30, 43),
        ("c", "Lounge"): (80, 93),
        ("c", "Gate"): (32, 45),
    }
    assert (
        result.headline()
        == "4 of 9 counts are hidden: 1 has fewer than 30 answers, 3 more keep it from being worked out."
    )


def test_a_small_count_that_is_hidden_alone_is_its_total_minus_the_rest() -> None:
    table = frame([4, 40, 50], [60, 70, 80], [90, 35, 45])
    alone = table < 30
    assert places(recoverable(table, alone)) == {("a", "Lounge")}
    assert not recoverable(table, alone, margins=False).any(axis=None)
    # a second one in its row is not enough: both columns still give them away
    row_only = alone.copy()
    row_only.loc["a", "Gate"] = True
    assert places(recoverable(table, row_only)) == {("a", "Lounge"), ("a", "Gate")}
    assert not recoverable(table, suppress(table).hidden).any(axis=None)


def test_four_small_counts_in_a_rectangle_protect_one_another() -> None:
    result = suppress(frame([3, 9, 50], [8, 5, 60], [70, 80, 90]))
    assert set(result.reason.to_numpy().ravel()) == {SMALL, ""}
    assert places(result.hidden) == {("a", "Lounge"), ("a", "Gate"), ("b", "Lounge"), ("b", "Gate")}
    # rows 12 and 13, columns 11 and 14: x, 12 − x, 11 − x, 2 + x, all at least 1
    assert limits(result)["a", "Lounge"] == (1, 10)
    assert limits(result)["b", "Gate"] == (3, 12)


def test_the_link_between_two_rectangles_is_given_away_though_no_line_hides_one_cell_only() -> None:
    # rows a, b hide 10 + 10 + 10 + 10 + 4; columns Lounge, Gate hide the four tens: 44 − 40 = 4 is b/Shop
    table = frame([10, 10, 90, 90], [10, 10, 4, 90], [90, 90, 10, 10], [90, 90, 10, 10])
    small = table < 30
    assert small.sum(axis=0).min() == small.sum(axis=1).min() == 2
    assert places(recoverable(table, small)) == {("b", "Shop")}
    result = suppress(table)
    # one 90 that joins the two rectangles a second time is enough
    assert (result.reason == LINKED).sum(axis=None) == 1
    assert not recoverable(table, result.hidden).any(axis=None)


@pytest.mark.parametrize("count", [1, 29])
def test_reasons_give_away_two_counts_whose_sum_leaves_no_choice(count: int) -> None:
    # hidden in a rectangle: 1 + 1 = 2 with none of them 0, or 29 + 29 = 58 with none of them 30
    table = frame([count, count, 50], [count, count, 60], [70, 80, 90])
    small = table < 30
    assert not recoverable(table, small).any(axis=None), "who knows no reasons thinks of 0 + 2"
    assert places(recoverable(table, small, min_base=30)) == places(small)
    result = suppress(table)
    assert (result.reason == LINKED).any(axis=None)
    assert all(low < high for low, high in limits(result).values())


def test_a_total_below_the_base_is_hidden_and_others_only_where_no_cell_would_do() -> None:
    # nothing but the 0s stands beside the 5, so row, column and grand total have to go with it
    result = suppress(frame([5, 0, 0], [0, 100, 0], [0, 0, 200]))
    assert places(result.hidden) == {("a", "Lounge")}
    totals = result.totals.set_index(["of", "label"])
    assert totals.loc[("row", "a"), "reason"] == totals.loc[("column", "Lounge"), "reason"] == SMALL
    assert totals.loc[("table", "Total"), "reason"] == LINKED
    assert totals["published"].dropna().tolist() == [100, 200, 100, 200]
    assert limits(result)["Total", "Total"] == (301, 329)
    assert result.headline() == "1 of 9 counts is hidden: 1 has fewer than 30 answers. Of 7 totals, 3 are hidden."

    # a is 7 + 9 = 16, a total below the base. Another total of a row must go with it, b's 340 rather than c's 1,100, and in
    # each column another count; then b's row is hidden and nothing else.
    result = suppress(frame([7, 9], [40, 300], [500, 600]))
    totals = result.totals.set_index(["of", "label"])
    assert totals.index[totals["reason"] != ""].tolist() == [("row", "a"), ("row", "b")]
    assert result.hidden.all(axis=1).tolist() == [True, True, False]


def test_a_count_of_nobody_is_shown_and_protects_nobody() -> None:
    # a: 5 + 0 + 80; the 0 is the cheapest neighbour, and known to be 0
    result = suppress(frame([5, 0, 80], [70, 60, 90], [50, 40, 95]))
    assert result.published.loc["a", "Gate"] == 0
    # rectangles without the 0: 80+70+90 = 240 and 80+50+95 = 225
    assert places(result.hidden) == {("a", "Lounge"), ("a", "Shop"), ("c", "Lounge"), ("c", "Shop")}


def test_a_single_line_hides_its_smallest_other_count() -> None:
    line = pd.Series([5, 100, 0, 40], index=["Lounge", "Gate", "Shop", "Security"], name="answers")
    result = suppress(line)
    assert result.hidden.tolist() == [True, False, False, True]
    assert result.published.tolist()[1:3] == [100, 0]
    assert result.totals.to_dict("records") == [{"of": "table", "label": "Total", "published": 145.0, "reason": ""}]
    # 5 + 40 = 45, of which 30 or more are Security's
    assert limits(result) == {("Lounge", "answers"): (1, 15), ("Security", "answers"): (30, 44)}
    pd.testing.assert_series_equal(recoverable(line, line == 5), line == 5)
    assert not recoverable(line, result.hidden).any()


def test_a_line_with_one_count_loses_its_total() -> None:
    # 5 + 0 = 5: the total is below the base too; for 40 there is nothing to hide
    result = suppress(pd.Series([5, 0]))
    assert (result.hidden.tolist(), result.totals["reason"].tolist()) == ([True, False], [SMALL])
    assert limits(result)[0, ""] == (1, 29)
    assert not suppress(pd.Series([40, 0])).hidden.any()


def test_where_everything_is_small_nothing_is_left() -> None:
    result = suppress(frame([3, 4], [5, 6]))
    assert result.published.isna().all(axis=None)
    assert result.totals["published"].isna().all()
    assert set(result.reason.to_numpy().ravel()) == {SMALL}
    assert result.headline() == "4 of 4 counts are hidden: 4 have fewer than 30 answers. Of 5 totals, 5 are hidden."


def test_a_table_that_cannot_be_protected_is_hidden_as_a_whole() -> None:
    # below 3 are 1 and 2: a hidden total below 3 of two people who are both there can only be 1 + 1
    result = suppress(pd.Series([1, 1, 0]), min_base=3)
    assert result.is_whole
    assert set(result.reason) == set(result.totals["reason"]) == {WHOLE}
    assert set(limits(result).values()) == {(0, math.inf)}
    assert result.headline() == (
        "The whole table is hidden, with its totals: hiding a part of its 3 counts would not protect it."
    )


def test_nothing_is_hidden_where_nothing_needs_to_be() -> None:
    table = frame([30, 40, 0], [60, 70, 80])
    result = suppress(table)
    assert not result.hidden.any(axis=None)
    pd.testing.assert_frame_equal(result.published, table.astype(float))
    assert result.ranges().empty
    assert result.headline() == "Nothing is hidden: no count is from 1 to 29."
    assert not suppress(frame([4, 1], [2, 3]), min_base=1).hidden.any(axis=None)


def test_without_totals_only_small_counts_are_hidden() -> None:
    result = suppress(frame([4, 40], [60, 70]), margins=False)
    assert places(result.hidden) == {("a", "Lounge")}
    assert result.totals.empty
    assert limits(result) == {("a", "Lounge"): (1, 29)}


def test_protection_widens_what_a_small_count_may_be() -> None:
    # a: 4 + 31 = 35 with Gate at least 30: 1 to 5, four apart. With Shop instead, 4 + 50 = 54: 1 to 24.
    table = frame([4, 31, 50], [60, 70, 80], [90, 35, 45])
    narrow, wide = suppress(table), suppress(table, protection=10)
    assert limits(narrow)["a", "Lounge"] == (1, 5)
    assert limits(wide)["a", "Lounge"] == (1, 24)
    assert places(wide.hidden) == {("a", "Lounge"), ("a", "Shop"), ("c", "Lounge"), ("c", "Shop")}
    assert suppress(table, protection=3).hidden.equals(narrow.hidden)
    assert not suppress(table, protection=4).hidden.equals(narrow.hidden)


def test_what_is_published_keeps_its_labels_and_holds_no_hidden_count() -> None:
    ages = pd.cut(pd.Series([20, 40]), [0, 30, 60]).cat.categories
    table = pd.DataFrame([[4, 40], [60, 77]], index=ages, columns=pd.Index(["yes", "no"], name="again"))
    result = suppress(table)
    for part in (result.published, result.reason, result.hidden):
        pd.testing.assert_index_equal(part.index, table.index)
        pd.testing.assert_index_equal(part.columns, table.columns)
    assert "77" not in repr(result)


def test_a_filter_and_the_rest_in_one_table_are_protected_against_subtraction() -> None:
    # all 100 and 200, filter 90 and 195: 100 − 90 and 200 − 195 are 10 and 5. As two rows of one table both are hidden.
    together = pd.DataFrame({"yes": [90, 10], "no": [195, 5]}, index=["filter", "rest"])
    result = suppress(together)
    assert result.reason.loc["rest"].tolist() == [SMALL, SMALL]
    assert all(low < high for low, high in limits(result).values())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (frame([4, -1]), "row 'a', column 'Gate': a count must not be negative, got -1"),
        (pd.Series([4, 2.5], index=["x", "y"]), "row 'y': a count is a whole number, got 2.5; give unweighted counts"),
        (pd.Series([4, math.inf]), "row 1: a count is a whole number, got inf"),
        (pd.Series([4, None], index=["x", "y"], dtype="Int64"), "row 'y': the count is missing"),
        (pd.Series([4, "n<30"]), "row 1: a count is a number, got 'n<30'"),
        (pd.Series([4, 5], index=["x", "x"]), "row 'x' is there twice"),
        (pd.DataFrame([[1, 2]], columns=["q", "q"]), "column 'q' is there twice"),
        (pd.DataFrame(), "the table has no cells, got 0 × 0"),
        ([[1, 2]], "a table is a DataFrame or a Series of counts, got list"),
    ],
)
def test_what_is_no_count_is_refused_by_row_column_and_value(table: pd.DataFrame, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        suppress(table)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"min_base": 0}, "`min_base` must be a whole number from 1 upwards, got 0"),
        ({"min_base": 2.5}, "got 2.5"),
        ({"min_base": 2}, "`min_base` must not be 2: `n<2` says that the count is 1"),
        ({"protection": -1}, "`protection` must be a whole number from 0 to 27, got -1"),
        ({"protection": 28}, "got 28; that a count is from 1 to 29 is said by its reason"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused(setting: dict[str, int], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        suppress(frame([4, 40], [60, 70]), **setting)
    assert said in str(refused.value)


def test_a_mask_of_another_shape_is_refused() -> None:
    table = frame([4, 40], [60, 70])
    with pytest.raises(ValueError, match="must have the 2 × 2 cells and labels of the table"):
        recoverable(table, (table < 30).rename(columns={"Gate": "gate"}))
    with pytest.raises(ValueError, match="`hidden_totals` has 2 values for 5 printed totals"):
        recoverable(table, table < 30, hidden_totals=[True, False])


# ---------------------------------------------------------------- any table

tables = st.integers(1, 5).flatmap(
    lambda c: st.lists(st.lists(st.integers(0, 60), min_size=c, max_size=c), min_size=1, max_size=5)
)


def line_sums(r: int, c: int) -> np.ndarray:
    """One row a total of `Suppressed.totals`, one column a cell: 1 where the cell is part of the total."""
    cells = np.arange(r * c).reshape(r, c)
    members = [*cells, *cells.T, cells.ravel()]
    return np.array([np.isin(np.arange(r * c), member) for member in members], dtype=float)


def spread(counts: np.ndarray, result: Suppressed, cell: int) -> float:
    """How far apart whole-number tables can be in one cell that agree with all that is printed.

    The unknowns are the cells alone; a total is a sum of cells, with the limits that its figure or its reason sets.
    """

    def told(figures: np.ndarray, reasons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        least = np.where(reasons == SMALL, 1, np.where(reasons == LINKED, 30, figures))
        most = np.where(reasons == SMALL, 29, np.where(reasons == LINKED, math.inf, figures))
        return least, most

    cells = told(counts.ravel(), result.reason.to_numpy().ravel())
    sums = line_sums(*counts.shape)
    totals = told(sums @ counts.ravel(), result.totals["reason"].to_numpy())
    ends = []
    for direction in (1, -1):
        goal = np.zeros(counts.size)
        goal[cell] = direction
        solved = optimize.milp(
            goal,
            integrality=np.ones(counts.size),
            bounds=optimize.Bounds(*cells),
            constraints=optimize.LinearConstraint(sums, *totals),
        )
        ends.append(round(direction * solved.fun))
    return ends[1] - ends[0]


@settings(max_examples=40, deadline=None)
@given(tables)
def test_no_small_count_of_any_table_can_be_worked_out(rows: list[list[int]]) -> None:
    counts = np.array(rows)
    result = suppress(pd.DataFrame(counts))
    small = (counts > 0) & (counts < 30)
    assert not result.is_whole
    for cell in np.flatnonzero(small):
        assert spread(counts, result, cell) >= 1


@settings(max_examples=40, deadline=None)
@given(tables)
def test_no_line_of_equations_fixes_a_hidden_cell(rows: list[list[int]]) -> None:
    # a cell is a sum of printed lines exactly if its unit vector lies in the row space of the lines' hidden cells
    counts = np.array(rows)
    result = suppress(pd.DataFrame(counts))
    hidden = result.hidden.to_numpy().ravel()
    lines = line_sums(*counts.shape)[result.totals["reason"].to_numpy() == ""][:, hidden]
    rank = np.linalg.matrix_rank(lines) if lines.size else 0
    for unit in np.eye(hidden.sum()):
        assert np.linalg.matrix_rank(np.vstack([lines, unit])) == rank + 1


@settings(max_examples=40, deadline=None)
@given(tables)
def test_what_is_published_is_unchanged_and_every_small_figure_is_hidden(rows: list[list[int]]) -> None:
    counts = np.array(rows)
    table = pd.DataFrame(counts)
    result = suppress(table)
    figures = np.r_[counts.ravel(), line_sums(*counts.shape) @ counts.ravel()]
    published = np.r_[result.published.to_numpy().ravel(), result.totals["published"]]
    reasons = np.r_[result.reason.to_numpy().ravel(), result.totals["reason"]]
    assert (np.isnan(published) == (reasons != "")).all()
    assert (published == figures)[reasons == ""].all()
    assert ((reasons == SMALL) == ((figures > 0) & (figures < 30))).all()
    assert not (reasons[figures == 0] != "").any()
    # the linear programmes agree with the paths that chose the cells, and with each other
    found = result.ranges()
    assert len(found) == (reasons != "").sum()
    assert (found["lowest"] < found["highest"]).all()
    off = result.totals["reason"] != ""
    assert not recoverable(table, result.hidden, hidden_totals=off, min_base=30).any(axis=None)
    assert not recoverable(table, result.hidden, hidden_totals=off).any(axis=None)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.integers(0, 60), min_size=3, max_size=3), min_size=3, max_size=3), st.integers(0, 27))
def test_protection_is_kept_or_the_whole_table_is_hidden(rows: list[list[int]], protection: int) -> None:
    counts = np.array(rows)
    result = suppress(pd.DataFrame(counts), protection=protection)
    if not result.is_whole:
        for cell in np.flatnonzero((counts > 0) & (counts < 30)):
            assert spread(counts, result, cell) > protection


# ---------------------------------------------------------------- every table there is

BASE, MOST = 4, 13
SQUARES = np.array(list(itertools.product(range(MOST + 1), repeat=4)))
SQUARES = np.column_stack([SQUARES, SQUARES @ line_sums(2, 2).T])


def possible(figures: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """All 2 × 2 tables with counts up to `MOST` that agree with what is printed (four cells, then five totals)."""
    small = (figures > 0) & (figures < BASE)
    agrees = np.where(small, (SQUARES > 0) & (SQUARES < BASE), SQUARES >= BASE)
    return SQUARES[np.where(hidden, agrees, figures == SQUARES).all(axis=1)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=4, max_size=4))
def test_among_all_tables_of_four_cells_the_small_counts_are_open_and_no_cell_is_hidden_in_vain(
    cells: list[int],
) -> None:
    counts = np.array(cells)
    figures = np.r_[counts, line_sums(2, 2) @ counts]
    result = suppress(pd.DataFrame(counts.reshape(2, 2)), min_base=BASE)
    hidden = np.r_[result.hidden.to_numpy().ravel(), result.totals["reason"] != ""]
    small = np.flatnonzero((figures > 0) & (figures < BASE))

    def is_open(gaps: np.ndarray) -> bool:
        tables = possible(figures, gaps)
        return all(np.unique(tables[:, at]).size > 1 for at in small)

    if result.is_whole:
        assert not is_open(figures > 0)
        return
    assert is_open(hidden)
    for extra in np.setdiff1d(np.flatnonzero(hidden), small):
        shown = hidden.copy()
        shown[extra] = False
        assert not is_open(shown)
