"""Rules of the desired journey: each form by hand, and what is no rule."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from cxlab.inference import wilson
from cxlab.journeys import Journeys, reconstruct
from cxlab.journeys.rules import parse

KNOWN = ["complaint", "offer", "order", "order help", "resolution"]


def journeys(*paths: str, hours: float = 24) -> Journeys:
    """One customer a path; a step every `hours`, the first of all on the first of January."""
    rows = [
        (number, pd.Timestamp("2026-01-01") + pd.Timedelta(hours=hours * step), name)
        for number, path in enumerate(paths)
        for step, name in enumerate(path.split())
    ]
    return reconstruct(pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"]))


def counted(found: Journeys, rule: str, **until: str) -> list[int]:
    row = found.conform([rule], **until).iloc[0]
    return [row["n"], row["broken"], row["undecided"]]


# the paths: A B, B A, A A, C
FOUR = journeys("A B", "B A", "A A", "C")


@pytest.mark.parametrize(
    ("rule", "n", "broken"),
    [
        ("starts with A", 4, 2),
        ("ends with A", 4, 2),
        ("A happens at least 1 time", 4, 1),
        ("A happens at least 2 times", 4, 3),
        ("A happens at most 1 time", 4, 1),
        ("A happens at most 0 times", 4, 3),
        ("A never happens", 4, 3),
        ("A is followed by B", 3, 2),  # applies where A occurs
        ("A is directly followed by A", 3, 3),  # the last A of "A A" has no successor
        ("A happens before B", 2, 1),  # applies where B occurs
        ("A never happens after B", 2, 1),
        ("A and B never happen together", 4, 2),
        ("A and C never happen together", 4, 0),
    ],
)
def test_every_form_of_a_rule_by_hand(rule: str, n: int, broken: int) -> None:
    assert counted(FOUR, rule) == [n, broken, 0]


def test_every_occasion_has_to_keep_what_should_follow() -> None:
    found = journeys("complaint resolution complaint", "complaint complaint resolution")
    assert counted(found, "complaint is followed by resolution") == [2, 1, 0]
    # the first of two complaints in a row is not followed directly
    assert counted(found, "complaint is directly followed by resolution") == [2, 2, 0]


def test_what_should_come_first_and_never_came_breaks_and_what_may_not_come_after_is_kept() -> None:
    found = journeys("order", "offer order", "offer")
    assert counted(found, "offer happens before order") == [2, 1, 0]
    assert counted(found, "offer never happens after order") == [2, 0, 0]


def test_what_comes_between_breaks_directly_and_nothing_else() -> None:
    found = journeys("order help app", "order app")
    assert counted(found, "order is followed by app") == [2, 0, 0]
    assert counted(found, "order is directly followed by app") == [2, 1, 0]


def test_a_window_counts_its_last_moment_and_too_late_is_broken() -> None:
    found = journeys("complaint resolution", "other other other other")
    assert counted(found, "complaint is followed by resolution within 24h") == [1, 0, 0]
    assert counted(found, "complaint is followed by resolution within 23h") == [1, 1, 0]
    assert counted(found, "complaint is directly followed by resolution within 1d") == [1, 0, 0]


def test_a_window_that_is_open_when_the_log_ends_is_undecided_and_in_no_other_count() -> None:
    found = journeys("complaint", "complaint resolution")
    rule = "complaint is followed by resolution within 2d"
    # the log ends on the 2nd; the first complaint has until the 3rd
    assert counted(found, rule) == [1, 0, 1]
    assert counted(found, rule, observed_until="2026-01-03") == [2, 1, 0]
    assert counted(found, "complaint is followed by resolution") == [2, 1, 0]


def test_one_occasion_that_failed_decides_even_while_another_is_open() -> None:
    found = journeys("complaint x x x complaint", "x resolution")
    assert counted(found, "complaint is followed by resolution within 1d") == [1, 1, 0]


def test_kept_broken_and_undecided_add_up_to_the_journeys_with_the_touchpoint() -> None:
    found = journeys(*["A B"] * 5, *["A"] * 3, *["B A"] * 4)
    row = found.conform(["A is followed by B within 1d"]).iloc[0]
    assert row["n"] + row["undecided"] == 12
    assert row["estimate"] == pytest.approx((row["n"] - row["broken"]) / row["n"])


def test_the_share_kept_has_wilsons_interval() -> None:
    row = journeys(*["A B"] * 15, *["A"] * 133).conform(["A is followed by B"]).iloc[0]
    # Newcombe 1998, Table I: 15 of 148
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    wide = journeys(*["A B"] * 15, *["A"] * 133).conform(["A is followed by B"], conf_level=0.99).iloc[0]
    assert (wide["conf_low"], wide["conf_high"]) == pytest.approx(wilson(15 / 148, 148, 0.99))


def test_a_rule_that_applies_to_nobody_has_no_share() -> None:
    row = journeys("A", "B").split("1d").stages({"A": "A"}).conform(["A is followed by A within 9d"]).iloc[0]
    assert (row["n"], row["undecided"]) == (0, 1)
    assert math.isnan(row["estimate"])
    assert math.isnan(row["conf_low"])


def test_after_a_split_a_rule_looks_inside_one_journey() -> None:
    found = journeys("complaint resolution", hours=24 * 40)
    assert counted(found, "complaint is followed by resolution") == [1, 0, 0]
    assert counted(found.split("30d"), "complaint is followed by resolution") == [1, 1, 0]
    assert counted(found.split("30d"), "starts with complaint") == [2, 1, 0]


def test_the_sentence_is_repeated_as_it_was_given_and_read_with_a_full_stop_and_blanks() -> None:
    rule = "  A is   followed by B. "
    table = FOUR.conform([rule])
    assert table["rule"].tolist() == [rule]
    assert table["n"].tolist() == [3]


def test_a_touchpoint_of_several_words_is_read_whole() -> None:
    assert parse("order help is followed by order within 3d", KNOWN) == (
        "followed",
        {"a": "order help", "b": "order", "within": "3d"},
    )
    assert parse("order never happens after order help", KNOWN) == ("never_after", {"a": "order", "b": "order help"})


@pytest.mark.parametrize("wrong", ["order then resolution", "", "order happens", "order happens 3 times"])
def test_a_sentence_that_is_no_rule_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(
        ValueError, match="is not understood; write for example “complaint is followed by resolution within 3d”"
    ):
        parse(wrong, KNOWN)


@pytest.mark.parametrize("rule", ["starts with ordr", "offer is followed by ordr", "ordr never happens"])
def test_an_unknown_touchpoint_is_refused_with_the_nearest(rule: str) -> None:
    with pytest.raises(ValueError, match=f"rule “{rule}”: there is no touchpoint `ordr`; did you mean `order`"):
        parse(rule, KNOWN)


def test_a_window_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a number with a unit .*got '3'"):
        FOUR.conform(["A is followed by B within 3"])


def test_no_rules_give_an_empty_table_with_its_columns() -> None:
    table = FOUR.conform([])
    assert table.empty
    assert {"rule", "n", "broken", "undecided", "estimate", "conf_low", "conf_high"} <= set(table.columns)
