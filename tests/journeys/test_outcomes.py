"""What touchpoints go with later: landmarks, failures, moments of truth, importance, and the sentences about them."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.inference import wilson
from cxlab.journeys import CustomerJourneys, Significance, customer_journeys, outcomes, significance
from cxlab.problems import NotApplicableError

END = pd.Timestamp("2026-07-01", tz="UTC")
LONG_AGO = pd.Timestamp("2025-01-01", tz="UTC")
RULE = "order is followed by help within 5d"
ITEMS = pd.DataFrame(
    {
        "item": ["recommend", "order_good", "help_good"],
        "role": ["loyalty", "satisfaction", "satisfaction"],
        "touchpoint": [None, "order", "help"],
        "label": ["Recommendation", "Order", "Help"],
        "low": [0.0, 1.0, 0.0],
        "high": [10.0, 5.0, 10.0],
    }
)


def before_end(days: Any) -> Any:
    return END - pd.to_timedelta(days, unit="D")


def names(group: str, count: int) -> list[str]:
    return [f"{group}{number:03d}" for number in range(count)]


def log_of(*steps: tuple[list[str], float, str]) -> pd.DataFrame:
    """(customers, days before the end, touchpoint) in turn; the last event of all is on the last day."""
    rows = [(name, before_end(day), touchpoint) for who, day, touchpoint in steps for name in who]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    return frame.assign(event_id=range(len(frame)))


def people(stay: list[str], leave: list[str], day: float = 10, **more: Any) -> pd.DataFrame:
    """Customers: those who stay, and those who leave so many days before the end."""
    ended = [pd.NaT] * len(stay) + [before_end(day)] * len(leave)
    frame = pd.DataFrame(
        {"customer_id": stay + leave, "start_date": LONG_AGO, "end_date": pd.to_datetime(ended, utc=True)}
    )
    return frame.assign(**more)


def way_of(log: pd.DataFrame, *rules: str, **more: Any) -> CustomerJourneys:
    return customer_journeys(log, rules=list(rules), **({"observed_until": END} | more))


def found_in(way: CustomerJourneys, *, compare: bool = False, **given: Any) -> Significance:
    """Landmarks thirty days apart, as few resamples as there may be; the journey is compared with its touchpoints where asked for,
    because that takes longest."""
    with pytest.MonkeyPatch.context() as patch:
        if not compare:
            patch.setattr(outcomes, "discrete_or_journey", _not_compared)
        return significance(way, horizon="30d", n_boot=50, **({"observed_until": END} | given))


def _not_compared(*_: Any, **__: Any) -> None:
    raise NotApplicableError("is not asked for")


def effects(found: Significance, number: int = 0) -> Any:
    return found.judged[number].moments.to_frame().set_index(["touchpoint", "kind"])


# Eighty customers with two events each on the same days: 40 shop and get help, of whom 10 stay, 40 shop twice, of whom 30 stay.
# Number of events and days do not differ, so that the effect of help is the difference of two shares, −50 points.
HELPED, ALONE = names("h", 40), names("s", 40)
TWO = log_of((HELPED + ALONE, 55, "shop"), (HELPED, 50, "help"), (ALONE, 50, "shop"))
TWO_PEOPLE = people(HELPED[:10] + ALONE[:30], HELPED[10:] + ALONE[30:])


@cache
def two() -> CustomerJourneys:
    return way_of(TWO)


@cache
def two_found() -> Significance:
    return found_in(two(), compare=True, customers=TWO_PEOPLE)


def test_the_effect_on_staying_is_a_difference_of_shares_where_nothing_else_differs() -> None:
    found = two_found()
    row = effects(found).loc[("help", "met")]
    assert row["estimate"] == pytest.approx(-0.5)
    # residuals have p(1 − p) = 3/16 in either group of 40; HC3 divides each by 1 − 1/40
    error = math.sqrt(2 * (3 / 16) * (40 / 39) ** 2 / 40)
    assert row["std_error"] == pytest.approx(error)
    assert (row["n"], row["n_met"]) == (80, 40)
    half = 100 * stats.t.ppf(0.975, 78) * error
    said = (
        f"where help was met, the share that stays for 30 days is 50 points lower ({50 - half:.0f} to {50 + half:.0f})"
    )
    assert found.sentences() == [f"A moment of truth: {said}."]
    ((words, rows),) = found.moments_shown()
    assert words["title"] == f"1 of 1 touchpoints is a moment of truth: {said}."
    assert words["note"]["Not judged"] == "shop (every customer met it)"
    assert rows[["label", "estimate", "n", "unit", "reading"]].to_numpy().tolist() == [
        ["Help was met", pytest.approx(-50), 40, "points", "worse"]
    ]
    assert words["note"]["Base"].startswith(
        "80 cases; customers at 1 landmark up to 2026-06-01: what they met in the 30 days before"
    )


def test_a_finding_carries_the_figure_and_its_unit() -> None:
    (finding,) = two_found().findings()
    assert finding["name"] == "moment_help_met_the_share_that_stays_for_30_days"
    assert (finding["result"]["estimate"], finding["result"]["n"], finding["unit"]) == (
        pytest.approx(-50),
        40,
        "points",
    )
    assert finding["result"]["headline"].startswith(
        "Where help was met, the share that stays for 30 days is 50 points lower"
    )


def test_without_segment_and_start_nothing_but_the_journey_is_held_equal() -> None:
    found = found_in(two(), customers=TWO_PEOPLE.drop(columns="start_date"))
    assert "segment" not in found.judged[0].moments.adjusted
    assert effects(found).loc[("help", "met"), "estimate"] == pytest.approx(-0.5)
    assert "segment" in two_found().judged[0].moments.adjusted


def test_the_end_of_observation_may_have_no_time_zone() -> None:
    found = found_in(two(), customers=TWO_PEOPLE, observed_until=END.tz_localize(None))
    assert effects(found).equals(effects(two_found()))


def test_the_order_of_the_rows_changes_nothing() -> None:
    mixed = way_of(TWO.sample(frac=1, random_state=1))
    again = found_in(mixed, customers=TWO_PEOPLE.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(effects(again), effects(two_found()), check_exact=True)
    first, second = two_found().importance, again.importance
    assert first is not None
    assert second is not None
    pd.testing.assert_frame_equal(first.table, second.table, check_exact=True)


def test_importance_shows_also_touchpoints_that_lift_cannot_judge() -> None:
    ((words, rows),) = two_found().importance_shown()
    table: Any = rows.set_index("label")
    assert list(table.index) == ["Help", "Shop"]
    # the logit has one case of average outcome added to either group of 40: 10.5/41 less 30.5/41
    assert table.loc["Help", "estimate"] == pytest.approx(-100 * 20 / 41)
    assert table.loc["Help", ["reach", "n", "clear"]].tolist() == [50, 40, "Clear"]
    # everybody shops: no lift, but all that is there goes without it
    assert math.isnan(table.loc["Shop", "estimate"])
    assert table.loc["Shop", ["reach", "n", "clear"]].tolist() == [100, 80, "Not judged"]
    assert table.loc["Shop", "reason"] != ""
    assert table["markov_share"].sum() == pytest.approx(100)
    assert words["note"]["Base"].startswith("80 customers")
    assert words["title"].startswith("1 of 1 touchpoint clearly goes with the share that stays for 30 days")


def test_the_journey_and_its_touchpoints_are_compared_on_customers_who_were_not_used() -> None:
    ((words, rows),) = two_found().compared_shown()
    assert rows["label"].tolist() == [
        "Segment and time alone", "Touchpoints one by one", "The journey as a whole", "Both",
    ]  # fmt: skip
    # a guess by help alone ranks 30 of 40 right on either side: AUC 3/4; one by one knows help
    assert rows.set_index("label").loc["Touchpoints one by one", "estimate"] == pytest.approx(0.75, abs=0.03)
    assert words["title"] == two_found().judged[0].compared.headline()  # type: ignore[union-attr]
    assert words["note"]["Base"].startswith("80 customers")


# ------------------------------------------------------------------------------------------------------------- landmarks


def test_what_comes_after_the_landmark_does_not_count() -> None:
    # whoever stays gets a letter after the landmark; before it half of everybody did, at random
    rng = np.random.default_rng(4)
    everybody = names("c", 240)
    stays = rng.random(240) < 0.5
    early = rng.random(240) < 0.5
    who = np.array(everybody)
    log = log_of(
        (everybody, 55, "shop"), (list(who[early]), 45, "letter"), (list(who[~early]), 45, "shop"), (list(who[stays]), 5, "letter"),
    )  # fmt: skip
    customers = people(list(who[stays]), list(who[~stays]), 20)
    row = effects(found_in(way_of(log), customers=customers)).loc[("letter", "met")]
    assert row["n_met"] == early.sum()
    assert row["verdict"] == "no clear effect"
    # whenever it came, nobody without a letter stayed: who stays longer has time for more
    ever = early | stays
    assert stays[ever].mean() > 0.6
    assert stays[~ever].sum() == 0


def test_a_customer_is_a_case_at_each_landmark_at_which_it_was_there() -> None:
    stay, gone = names("stay", 60), names("gone", 40)
    early, late, edge = ["early"], ["late"], ["edge"]
    log = log_of(
        *((stay + gone + early + late + edge, day, "shop") for day in (150, 119, 89, 59, 29)), (stay, 0, "shop")
    )
    customers = pd.concat(
        [
            people(stay, gone, 10),
            people([], early, 70),  # left between the second and the third landmark
            people(late, [], start_date=before_end(75)),  # came between them
            people([], edge, 60),  # left at the moment of a landmark
        ]
    )
    cases = found_in(way_of(log), customers=customers).judged[0].outcome.cases
    at = cases.groupby("customer_id").apply(lambda part: dict(zip(part["landmark"], part["value"], strict=True)))
    landmarks = [before_end(day) for day in (30, 60, 90, 120)]
    assert at["stay000"] == dict.fromkeys(landmarks, 1.0)
    assert at["gone000"] == dict(zip(landmarks, [0.0, 1.0, 1.0, 1.0], strict=True))
    assert at["early"] == {before_end(90): 0.0, before_end(120): 1.0}
    assert at["late"] == {before_end(30): 1.0, before_end(60): 1.0}
    assert at["edge"] == {before_end(90): 0.0, before_end(120): 1.0}, "who left is counted as gone once"
    assert (cases["landmark"] - cases["since"] == pd.Timedelta("30D")).all()


def test_of_a_stretch_only_its_own_events_count() -> None:
    # help 40 days before the end lies in the newest stretch, 70 days before it in the one before
    stay, gone = names("stay", 40), names("gone", 40)
    log = log_of(
        *((stay + gone, day, "shop") for day in (85, 55)),
        (stay[:35], 40, "help"),
        (stay[35:] + gone, 40, "shop"),
        (gone[:33], 70, "help"),
    )
    found = found_in(way_of(log), customers=people(stay, gone))
    cases = found.judged[0].outcome.cases
    assert cases["landmark"].nunique() == 1  # two would need events of a third stretch before them
    assert effects(found).loc[("help", "met"), "n_met"] == 35
    assert found.judged[0].moments.n == 80
    # all 35 with help stay, and 5 of 45 without it
    assert effects(found).loc[("help", "met"), "estimate"] == pytest.approx(1 - 5 / 45)


def test_who_had_no_event_before_the_landmark_is_no_case() -> None:
    idle = names("idle", 50)
    log = pd.concat([TWO, log_of((idle, 10, "shop"))])
    found = found_in(way_of(log), customers=pd.concat([TWO_PEOPLE, people(idle, [])]))
    assert found.judged[0].moments.n == 80
    assert found.importance is not None
    assert found.importance.n == 80


# ------------------------------------------------------------------------------------------------------------ small bases


@pytest.mark.parametrize(("leave", "judged"), [(29, 0), (30, 1)])
def test_nothing_is_judged_where_fewer_than_thirty_left(leave: int, judged: int) -> None:
    who = HELPED + ALONE
    found = found_in(two(), customers=people(who[leave:], who[:leave]))
    assert len(found.judged) == judged
    assert (found.importance is None) == (judged == 0)
    if not judged:
        assert found.sentences() == found.findings() == []
        assert [*found.moments_shown(), *found.importance_shown(), *found.compared_shown()] == []


def test_those_who_left_without_a_trace_before_it_are_not_counted_as_thirty() -> None:
    # 30 left, but one of them was seen after the landmark alone
    log = pd.concat([TWO, log_of((["unseen"], 20, "shop"))])
    who = HELPED + ALONE
    assert found_in(way_of(log), customers=people(who[29:], [*who[:29], "unseen"])).judged == ()
    assert len(found_in(way_of(log), customers=people(who[30:], [*who[:30], "unseen"])).judged) == 1


def test_importance_is_of_the_newest_landmark_and_needs_thirty_there_too() -> None:
    who = names("c", 120)
    log = log_of(
        *((who, day, "shop") for day in (89, 59)), (who[::2], 80, "help"), (who[::2], 50, "help"), (who, 100, "web")
    )
    spread = pd.concat([people(who[40:], who[20:40], 10), people([], who[:20], 40)])
    found = found_in(way_of(log), customers=spread)
    assert len(found.judged) == 1  # 40 left in two stretches
    assert found.judged[0].outcome.cases["landmark"].nunique() == 2
    assert found.importance is None
    assert found.judged[0].compared is None
    more = pd.concat([people(who[50:], who[20:50], 10), people([], who[:20], 40)])
    enough = found_in(way_of(log), customers=more)
    assert enough.importance is not None
    assert enough.importance.n == 100  # of 120 twenty had left before the newest landmark


def test_a_touchpoint_that_few_met_is_not_judged_and_said_so() -> None:
    log = pd.concat([TWO, log_of((HELPED[:29], 45, "web"))])
    found = found_in(way_of(log), customers=TWO_PEOPLE)
    row = effects(found).loc[("web", "met")]
    assert math.isnan(row["estimate"])
    ((words, rows),) = found.moments_shown()
    assert "web (n<30: 29 met it)" in words["note"]["Not judged"]
    assert "Web was met" not in set(rows["label"])


def test_of_many_customers_some_are_drawn_and_the_others_counted() -> None:
    found = found_in(two(), customers=TWO_PEOPLE, max_customers=75)
    assert (found.judged[0].moments.n, found.n_left_out) == (75, 5)
    assert two_found().n_left_out == 0


def test_without_customers_and_answers_nothing_is_judged() -> None:
    assert found_in(two()).judged == ()
    assert found_in(two(), customers=TWO_PEOPLE.drop(columns="end_date")).judged == ()


# -------------------------------------------------------------------------------------------------------------- failures

KEPT, BROKE, OPEN, NONE = names("kept", 40), names("broke", 40), names("open", 10), names("none", 40)
ORDERS = log_of(
    (KEPT + BROKE + OPEN + NONE, 58, "shop"), (KEPT + BROKE, 50, "order"), (KEPT, 48, "help"), (BROKE + NONE, 48, "shop"),
    (OPEN, 32, "order"), (OPEN, 31, "shop"),
)  # fmt: skip
ORDERS_PEOPLE = people(KEPT[:30] + BROKE[:10] + OPEN[:5] + NONE[:20], KEPT[30:] + BROKE[10:] + OPEN[5:] + NONE[20:])


def test_a_broken_rule_is_a_failure_once_its_window_is_closed() -> None:
    found = effects(found_in(way_of(ORDERS, RULE), customers=ORDERS_PEOPLE))
    # ten ordered two days before the landmark: help was due three days after it, so that nothing was known of them
    assert found.loc[("order", "failed"), "n_met"] == 40
    assert found.loc[("order", "went well"), "n_met"] == 40
    longer = effects(found_in(way_of(ORDERS, "order is followed by help within 1d"), customers=ORDERS_PEOPLE))
    assert longer.loc[("order", "failed"), "n_met"] == 90
    assert "help" in found.index.get_level_values("touchpoint")


def test_a_failure_that_goes_with_leaving_is_told_as_one() -> None:
    # of those who did not order half stay, with help (which half of them got) or without
    log = pd.concat([ORDERS, log_of((NONE[10:30], 47, "help"), (NONE[:10] + NONE[30:], 47, "shop"))])
    stay = KEPT[:30] + BROKE[:2] + NONE[:20]
    customers = people(stay, [name for name in KEPT + BROKE + NONE if name not in stay])
    found = found_in(way_of(log, RULE), customers=customers)
    ((words, rows),) = found.moments_shown()
    table: Any = rows.set_index("label")
    assert table.loc["Order failed", ["estimate", "n"]].tolist() == [pytest.approx(5 - 50), 40]
    assert table.loc["Order went well", "estimate"] == pytest.approx(75 - 50)
    assert table.loc["Help was met", "estimate"] == pytest.approx(0)
    assert "where order failed, the share that stays for 30 days is 45 points lower (" in words["title"]
    assert words["subtitle"].startswith(
        "Difference in the share that stays for 30 days against customers who did not meet"
    )
    slugs = [finding["name"] for finding in found.findings()]
    assert "moment_order_failed_the_share_that_stays_for_30_days" in slugs
    assert len(slugs) == len(set(slugs))


def test_where_failing_and_going_well_go_the_same_way_the_failing_is_not_called_the_moment_of_truth() -> None:
    log = pd.concat([ORDERS, log_of((NONE[10:30], 47, "help"), (NONE[:10] + NONE[30:], 47, "shop"))])
    stay = KEPT[:5] + BROKE[:3] + NONE[2:10] + NONE[12:]
    # 12% of those who got help in time after their order stay, 8% of those who did not, 90% of those who did not order
    customers = people(stay, [name for name in KEPT + BROKE + NONE if name not in stay])
    found = found_in(way_of(log, RULE), customers=customers)
    (said,) = found.sentences()
    assert "where order was met, well or not, the share that stays for 30 days is" in said
    assert found.leads() == [], "nothing is known to fail here"
    labels = {finding["label"] for finding in found.findings()}
    assert labels == {"Order was met: the share that stays for 30 days"}
    # the p-value of failing less going well by hand: a difference of two shares in the same model
    table = effects(found)
    gap = table.loc[("order", "failed"), "estimate"] - table.loc[("order", "went well"), "estimate"]
    assert gap == pytest.approx(3 / 40 - 5 / 40)
    assert table.loc[("order", "asymmetry"), "p_apart"] > 0.2


def scored(item: str, scores: dict[str, float], day: float, survey: str = "event") -> pd.DataFrame:
    """Answers so many days before the end."""
    return pd.DataFrame(
        {
            "customer_id": list(scores),
            "item": item,
            "role": ITEMS.set_index("item").loc[item, "role"],
            "touchpoint": ITEMS.set_index("item").loc[item, "touchpoint"],
            "score": list(scores.values()),
            "perspective": "customer",
            "survey": survey,
            "wave": "1",
            "timestamp": before_end(day),
        }
    )


def test_one_of_the_lowest_answers_after_an_event_is_a_failure() -> None:
    # of 1 to 5 the lowest quarter is 1 and 2; of 0 to 10 it is 0, 1 and 2
    fives = dict.fromkeys(KEPT, 3.0) | dict.fromkeys(BROKE, 2.0)
    tens = dict.fromkeys(KEPT[:35], 2.0) | dict.fromkeys(KEPT[35:], 3.0)
    rows = pd.concat([scored("order_good", fives, 45), scored("help_good", tens, 45)])
    found = effects(found_in(way_of(ORDERS), customers=ORDERS_PEOPLE, ratings=rows, items=ITEMS))
    assert found.loc[("order", "failed"), "n_met"] == 40
    assert found.loc[("order", "went well"), "n_met"] == 40
    assert found.loc[("help", "failed"), "n_met"] == 35
    assert found.loc[("help", "went well"), "n_met"] == 5


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("another survey", {"survey": "tracking"}),
        ("employees", {"perspective": "employee"}),
        ("after the landmark", {"timestamp": before_end(30)}),
        ("before the event", {"timestamp": before_end(51)}),
        ("nobody", {"customer_id": None}),
    ],
)
def test_only_answers_of_customers_after_the_event_and_before_the_landmark_tell_of_failure(
    what: str, change: Any
) -> None:
    rows = scored("order_good", dict.fromkeys(BROKE, 1.0), 45).assign(**change)
    found = effects(found_in(way_of(ORDERS), customers=ORDERS_PEOPLE, ratings=rows, items=ITEMS))
    assert ("order", "met") in found.index, what
    assert ("order", "failed") not in found.index, what


def test_failures_at_touchpoints_that_nobody_met_in_time_are_no_failures() -> None:
    # the rule is about what ends the journey: those events do not count, and neither do their failures
    about = pd.DataFrame(
        {
            "touchpoint": ["shop", "help", "order"],
            "label": ["Shop", "Help", "Order"],
            "owner": None,
            "stage": ["a", "b", "c"],
        }
    )
    way = customer_journeys(ORDERS, about, rules=[RULE], observed_until=END)
    found = effects(found_in(way, customers=ORDERS_PEOPLE))
    assert set(found.index.get_level_values("touchpoint")) == {"shop", "help"}
    assert set(found.index.get_level_values("kind")) == {"met"}


# ------------------------------------------------------------------------------------------------------------- a goal


def test_a_touchpoint_may_be_the_outcome_and_what_comes_after_it_does_not_count() -> None:
    renewed = [*HELPED[:30], *ALONE[:10]]
    # one more did not renew and is seen to the end, so that the log of those who did goes on after their renewal
    log = pd.concat([TWO, log_of((renewed, 40, "renewal"), (renewed, 39, "thanks"), (["last"], 5, "shop"))])
    found = found_in(way_of(log), outcome="renewal")
    row = effects(found).loc[("help", "met")]
    assert row["estimate"] == pytest.approx(0.5)
    low, high = (100 * end for end in wilson(40 / 81, 81))
    came, moment = found.sentences()
    assert came == f"49% ({low:.0f} to {high:.0f}%) of 81 customers come to renewal."
    assert moment.startswith(
        "A moment of truth: where help was met, the share that comes to renewal is 50 points higher ("
    )
    assert found.leads() == [came, moment]
    named = set(effects(found).index.get_level_values("touchpoint"))
    assert "renewal" not in named
    assert found.importance is not None
    assert found.importance_of is not None
    assert found.importance_of.name == "the share that comes to renewal"
    met = effects(found)["n_met"].to_dict()
    assert met.get(("thanks", "met"), 0) == 0


def test_an_outcome_that_few_came_to_is_not_judged_and_an_unknown_one_refused() -> None:
    few = pd.concat([TWO, log_of((HELPED[:29], 40, "renewal"))])
    assert found_in(way_of(few), outcome="renewal").judged == ()
    with pytest.raises(ValueError, match="there is no touchpoint `hulp`; did you mean `help`"):
        found_in(two(), outcome="hulp")


def test_who_begins_with_the_outcome_had_nothing_before_it() -> None:
    # 35 come to the renewal, but ten of them with nothing before it
    log = pd.concat([TWO, log_of((HELPED[:25], 40, "renewal"), (names("new", 10), 40, "renewal"))])
    assert found_in(way_of(log), outcome="renewal").judged == ()


# --------------------------------------------------------------------------------------------------------------- loyalty


def test_loyalty_is_the_newest_answer_and_what_was_met_before_it() -> None:
    # after help 4 or 6, without it 7 or 9; a first answer of all was 5, before anything had happened
    now = {name: (4.0, 6.0)[i % 2] for i, name in enumerate(HELPED)} | {
        name: (7.0, 9.0)[i % 2] for i, name in enumerate(ALONE)
    }
    rows = pd.concat(
        [
            scored("recommend", now, 20, "tracking"),
            scored("recommend", dict.fromkeys(HELPED + ALONE, 5.0), 60, "tracking"),
            scored("recommend", dict.fromkeys(HELPED + ALONE, 0.0), 1, "tracking").assign(perspective="employee"),
        ]
    )
    log = pd.concat([TWO, log_of((HELPED + ALONE, 10, "gift"))])
    found = found_in(way_of(log), ratings=rows, items=ITEMS)
    row = effects(found).loc[("help", "met")]
    # means 5 and 8, s² about either mean 1: HC3 error √(2 · (40/39)²/40)
    assert row["estimate"] == pytest.approx(-3)
    assert row["std_error"] == pytest.approx(math.sqrt(2 * (40 / 39) ** 2 / 40))
    half = stats.t.ppf(0.975, 78) * row["std_error"]
    assert found.sentences() == [
        "A moment of truth: where help was met, recommendation (0 to 10) is 3.0 lower "
        f"({3 - half:.1f} to {3 + half:.1f})."
    ]
    assert found.importance is None
    assert "gift" not in {name for name, _ in effects(found).index if effects(found).loc[(name, "met"), "n_met"]}
    assert found.judged[0].outcome.words == "the newest answer of 80 respondents, and what they met before it"


def test_staying_and_loyalty_are_judged_one_after_the_other_with_findings_of_their_own() -> None:
    now = {name: (4.0, 6.0)[i % 2] for i, name in enumerate(HELPED)} | {
        name: (7.0, 9.0)[i % 2] for i, name in enumerate(ALONE)
    }
    found = found_in(two(), customers=TWO_PEOPLE, ratings=scored("recommend", now, 20, "tracking"), items=ITEMS)
    assert [one.outcome.binary for one in found.judged] == [True, False]
    slugs = [finding["name"] for finding in found.findings()]
    assert slugs == [
        "moment_help_met_the_share_that_stays_for_30_days", "moment_help_met_recommendation_0_to_10",
    ]  # fmt: skip
    assert [words["name"] for words, _ in found.moments_shown()] == ["moments_0", "moments_1"]
    assert len(found.sentences()) == 2


def test_answers_of_fewer_than_sixty_or_all_the_same_are_not_judged() -> None:
    who = HELPED + ALONE
    few = scored("recommend", {name: float(i % 9) for i, name in enumerate(who[:59])}, 20, "tracking")
    same = scored("recommend", dict.fromkeys(who, 7.0), 20, "tracking")
    assert found_in(two(), ratings=few, items=ITEMS).judged == ()
    assert found_in(two(), ratings=same, items=ITEMS).judged == ()


def test_an_unjudged_outcome_has_a_title_that_says_nothing_is_clear() -> None:
    who = HELPED + ALONE
    flat = {name: (4.0, 6.0)[i % 2] for i, name in enumerate(who)}
    found = found_in(two(), ratings=scored("recommend", flat, 20, "tracking"), items=ITEMS)
    ((words, _),) = found.moments_shown()
    assert words["title"] == "None of 1 touchpoint clearly goes with recommendation (0 to 10)."
    assert found.sentences() == found.findings() == []


# --------------------------------------------------------------------------------------------------------- planted truth


def planted(seed: int, effect: float, n: int = 400) -> tuple[CustomerJourneys, pd.DataFrame]:
    """Everybody shops one to six times, and each of three touchpoints is met by half at random; help changes the share that stays by
    `effect`."""
    rng = np.random.default_rng(seed)
    who = np.array(names("c", n))
    met = {name: rng.random(n) < 0.5 for name in ("help", "web", "app")}
    days = {name: rng.uniform(31, 50, n) for name in met}
    shops = np.repeat(who, rng.integers(1, 7, n))
    steps = [(str(one), float(day), "shop") for one, day in zip(shops, rng.uniform(31, 59, len(shops)), strict=True)]
    steps += [(str(who[i]), float(days[name][i]), name) for name in met for i in np.flatnonzero(met[name])]
    log = pd.DataFrame(steps, columns=["customer_id", "day", "touchpoint"])
    log["timestamp"] = before_end(log.pop("day"))
    stays = rng.random(n) < 0.7 + effect * met["help"]
    return way_of(log.assign(event_id=range(len(log)))), people(list(who[stays]), list(who[~stays]))


@pytest.mark.parametrize("seed", range(4))
def test_a_planted_moment_of_truth_is_found_with_its_size(seed: int) -> None:
    way, customers = planted(seed, -0.35)
    found = found_in(way, customers=customers)
    row = effects(found).loc[("help", "met")]
    assert row["verdict"] == "moment of truth: can hurt"
    assert row["conf_low"] < -0.35 < row["conf_high"]
    assert "where help was met" in found.sentences()[0]


def test_noise_is_not_called_a_moment_of_truth() -> None:
    # three touchpoints in six logs without any effect; Benjamini–Hochberg lets a log pass by chance in one of twenty
    called = 0
    for seed in range(6):
        way, customers = planted(100 + seed, 0.0)
        called += len(found_in(way, customers=customers).sentences())
    assert called <= 1
