"""Where breaks of the designed journey come from: counted by hand, by another route, the same on a split log, by luck seldom."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.inference import wilson
from cxlab.journeys import customer_journeys, designed, reconstruct
from cxlab.journeys.origins import break_origins

RULE = "order is followed by start within 5d"
START = pd.Timestamp("2026-01-01", tz="UTC")
END = START + pd.Timedelta("60D")


def events(*groups: tuple[str, int, str]) -> pd.DataFrame:
    """`("s", 40, "shop@0 order@1 start@9")`: forty customers who go that way, with the day of each step."""
    rows = [
        (f"{name}{number:03d}", START + pd.Timedelta(days=float(step.split("@")[1])), step.split("@")[0])
        for name, count, path in groups
        for number in range(count)
        for step in path.split()
    ]
    return pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"]).assign(event_id=range(len(rows)))


# 40 come through the shop and start after eight days but for 4, 60 through the web and start after two but for 6;
# 35 of those who start late call for help on the way
LOG = events(
    ("late", 35, "shop@0 order@1 help@4 start@9"), ("lost", 1, "shop@0 order@1 start@9"), ("quick", 4, "shop@0 order@1 start@3"),
    ("web", 54, "web@0 order@1 start@3"), ("slow", 6, "web@0 order@1 start@9"),
)  # fmt: skip


def rows_of(log: pd.DataFrame = LOG, **more: Any) -> Any:
    found = break_origins(reconstruct(log), [RULE], **({"observed_until": END} | more))
    return found.set_index(["kind", "place"])


def test_the_share_kept_after_a_touchpoint_is_held_against_all_other_cases() -> None:
    row = rows_of().loc[("before", "shop")]
    # 4 of 40 through the shop, 54 of 60 elsewhere
    assert row[["n", "n_before", "estimate", "others", "difference"]].tolist() == [40, 60, 10, 90, pytest.approx(-80)]
    assert (row["share_low"], row["share_high"]) == pytest.approx(tuple(100 * end for end in wilson(0.1, 40)))
    error = 100 * math.hypot(math.sqrt(0.1 * 0.9 / 39), math.sqrt(0.9 * 0.1 / 59))
    assert row["std_error"] == pytest.approx(error)
    assert row["reading"] == "changed"


def test_the_next_step_is_that_right_after_the_case_and_never_the_answer_itself() -> None:
    found = rows_of()
    assert found.loc[("next", "help"), ["n", "estimate", "others"]].tolist() == [35, 0, pytest.approx(100 * 58 / 65)]
    assert set(found.loc["next"].index) == {"help"}
    assert "order" not in found.loc["before"].index


def test_of_each_customer_the_first_decided_case_counts() -> None:
    again = pd.concat([LOG, events(("web", 54, "web@20 order@21"))])
    row = rows_of(again).loc[("before", "shop")]
    assert row[["n", "n_before", "others"]].tolist() == [40, 60, 90], (
        "the second order of 54 customers is not a case of theirs"
    )
    # an order whose time is not over is no case at all
    late = pd.concat([LOG, events(("new", 30, "shop@58 order@59"))])
    assert rows_of(late).loc[("before", "shop"), "n"] == 40


def test_what_was_met_in_another_journey_of_the_customer_came_not_before() -> None:
    log = pd.concat([LOG, events(("web", 54, "shop@-40"))])
    whole = break_origins(reconstruct(log), [RULE], observed_until=END).set_index(["kind", "place"])
    split = break_origins(reconstruct(log).split("30d"), [RULE], observed_until=END).set_index(["kind", "place"])
    assert whole.loc[("before", "shop"), "n"] == 94
    assert split.loc[("before", "shop"), ["n", "estimate"]].tolist() == [40, 10]


def test_a_segment_is_held_against_the_other_segments() -> None:
    log = LOG.assign(plan=np.where(LOG["customer_id"].str[:3].isin(["lat", "los", "qui"]), "Basic", "Plus"))
    found = break_origins(reconstruct(log, segment="plan"), [RULE], observed_until=END, segment_col="plan")
    row = found.set_index(["kind", "place"]).loc[("segment", "Basic")]
    assert row[["n", "n_before", "estimate", "others"]].tolist() == [40, 60, 10, 90]


def test_a_group_of_few_is_named_and_not_tested() -> None:
    found = rows_of(events(("s", 29, "shop@0 order@1 start@9"), ("w", 60, "web@0 order@1 start@3")))
    assert found.loc[("before", "shop"), ["reading", "reason"]].tolist() == ["not tested", "n<30"]


def test_what_holds_most_events_does_not_hide_the_next_step() -> None:
    busy = pd.concat([LOG, events(("late", 35, "app@1.5 app@2 app@3"), ("web", 54, "app@1.5"))])
    assert ("next", "help") not in rows_of(busy).index
    assert rows_of(busy, crowd="app").loc[("next", "help"), "n"] == 35


def test_the_same_as_in_plain_pandas_on_a_random_log() -> None:
    rng = np.random.default_rng(5)
    n = 400
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 80, n).astype(str),
            "timestamp": START + pd.to_timedelta(rng.integers(0, 50 * 24, n), unit="h"),
            "touchpoint": rng.choice(["order", "start", "shop", "web"], n),
            "event_id": range(n),
        }
    ).sort_values(["customer_id", "timestamp", "event_id"], ignore_index=True)
    kept: dict[str, bool] = {}
    before: dict[str, set[str]] = {}
    for name, own in frame.groupby("customer_id"):
        steps = list(zip(own["timestamp"], own["touchpoint"], strict=True))
        for place, (when, what) in enumerate(steps):
            if what != "order":
                continue
            came = [later for later, other in steps[place + 1 :] if other == "start"]
            in_time = bool(came) and came[0] - when <= pd.Timedelta("5D")
            if not in_time and when + pd.Timedelta("5D") > END:
                continue
            kept[str(name)], before[str(name)] = in_time, {other for _, other in steps[:place]}
            break
    with_shop = [kept[name] for name in kept if "shop" in before[name]]
    row = rows_of(frame, min_base=5).loc[("before", "shop")]
    assert (row["n"], row["n_before"]) == (len(with_shop), len(kept) - len(with_shop))
    assert row["estimate"] == pytest.approx(100 * np.mean(with_shop))
    pd.testing.assert_frame_equal(rows_of(frame.sample(frac=1, random_state=2), min_base=5), rows_of(frame, min_base=5))


def test_rules_of_another_form_and_rules_that_hold_have_no_origins() -> None:
    log = reconstruct(LOG)
    assert break_origins(log, ["help never happens", "web happens before order", "web is followed by order"]).empty


def test_luck_seldom_gives_a_break_an_origin() -> None:
    rng = np.random.default_rng(11)
    called = 0
    for _ in range(12):
        log = events(*[
            (f"c{number}", 1, " ".join([f"{name}@0" for name in ("shop", "web", "ad", "call") if rng.random() < 0.5]
                                       + ["order@1", f"start@{2 if rng.random() < 0.6 else 9}"]))
            for number in range(150)
        ])  # fmt: skip
        called += bool((rows_of(log)["reading"] == "changed").any())
    assert called <= 3, "at a rate of 5% four or more of twelve come in under 3 of 1,000 runs"


# ------------------------------------------------------------------------------------------------------- as a page says it

TOUCHPOINTS = pd.DataFrame(
    {
        "touchpoint": ["shop", "web", "order", "start", "help"],
        "label": ["The shop", "The website", "The order", "Getting started", "Help"],
        "owner": None,
        "stage": ["look", "look", "buy", "use", "use"],
    }
)


@cache
def page() -> Any:
    return designed(customer_journeys(LOG, TOUCHPOINTS, rules=[RULE], observed_until=END))


def test_the_page_says_where_most_breaks_come_from_before_it_says_on_which_step() -> None:
    assert page().leads() == ["Where the shop came before, it holds in 10% (4 to 23%) of 40 cases, elsewhere in 90%."]
    ((words, rows),) = page().origins_shown()
    assert words["title"] == (
        "Where the shop came before, “order is followed by start within 5 days” holds in 10% (4 to 23%), elsewhere in 90%."
    )
    assert words["folded"] is False
    assert rows["label"].tolist() == ["The shop came before", "Help comes next"]
    assert words["note"]["Test"].startswith("3 groups against all other cases, by customer")


def test_without_a_clear_origin_the_table_is_folded_and_says_so() -> None:
    even = events(
        ("a", 40, "shop@0 order@1 start@9"), ("b", 40, "shop@0 order@1 start@3"), ("c", 40, "web@0 order@1 start@9"),
        ("d", 40, "web@0 order@1 start@3"),
    )  # fmt: skip
    found = designed(customer_journeys(even, TOUCHPOINTS, rules=[RULE], observed_until=END))
    assert found.leads() == []
    for words, _ in found.origins_shown():
        assert words["folded"] is True
        assert words["title"] == (
            "No touchpoint before, next step or segment clearly goes with a break of “order is followed by start within 5 days”."
        )
