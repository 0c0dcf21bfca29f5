"""The designed journey against the real one: waits as they are, and the answers of those who were let down."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from cxlab.journeys import CustomerJourneys, Designed, customer_journeys, designed

TOUCHPOINTS = pd.DataFrame(
    {
        "touchpoint": ["ad", "order", "help", "exit_talk"],
        "label": ["Advertisement", "Order", "Help", "Exit talk"],
        "owner": ["Marketing", "Sales", "Care", "Care"],
        "stage": ["learn", "buy", "use", "leave"],
    }
)
RULE = "order is followed by help within 5d"
START = pd.Timestamp("2026-01-01", tz="UTC")
END = START + pd.Timedelta("40D")
ITEMS = pd.DataFrame(
    {
        "item": ["recommend", "overall"],
        "role": ["loyalty", "satisfaction"],
        "touchpoint": [None, None],
        "label": ["Recommendation", "Everything"],
        "low": [0.0, 1.0],
        "high": [10.0, 5.0],
    }
)


def events(*steps: tuple[str, float, str]) -> pd.DataFrame:
    """(customer, day, touchpoint) in turn."""
    frame = pd.DataFrame(steps, columns=["customer_id", "day", "touchpoint"])
    frame["timestamp"] = START + pd.to_timedelta(frame.pop("day"), unit="D")
    return frame.assign(event_id=range(len(frame)))


def names(group: str, count: int) -> list[str]:
    return [f"{group}{number:03d}" for number in range(count)]


def orders(kept: int = 40, late: int = 0, never: int = 40, **more: float) -> pd.DataFrame:
    """All see an advertisement on day 0 and order on day 1; help comes after two days, after eight, or never."""
    groups = {"kept": (kept, 2.0), "late": (late, 8.0), "never": (never, math.nan)}
    steps = []
    for group, (count, wait) in groups.items():
        for name in names(group, count):
            steps += [(name, 0.0, "ad"), (name, 1.0, "order")]
            if not math.isnan(wait):
                steps.append((name, 1 + wait, "help"))
    return events(*steps, *(("open", day, "order") for day in more.values()))


def way_of(log: pd.DataFrame, rules: tuple[str, ...] = (RULE,), **more: Any) -> CustomerJourneys:
    return customer_journeys(log, TOUCHPOINTS, rules=list(rules), **({"observed_until": END} | more))


def answers(scores: dict[str, float], day: float = 20, item: str = "recommend", survey: str = "tracking") -> Any:
    """One answer each on a day."""
    return pd.DataFrame(
        {
            "customer_id": list(scores),
            "item": item,
            "role": "loyalty" if item == "recommend" else "satisfaction",
            "touchpoint": None,
            "score": list(scores.values()),
            "perspective": "customer",
            "survey": survey,
            "wave": str(day),
            "timestamp": START + pd.Timedelta(days=day),
        }
    )


def alternating(group: str, count: int, low: float, high: float) -> dict[str, float]:
    return {name: (low, high)[number % 2] for number, name in enumerate(names(group, count))}


# those who got help answer 8 or 10, those who did not 3 or 5
SCORES = alternating("kept", 40, 8, 10) | alternating("never", 40, 3, 5)


@cache
def plain() -> CustomerJourneys:
    return way_of(orders())


def compared(log: pd.DataFrame | None = None, ratings: Any = None, **more: Any) -> Designed:
    way = plain() if log is None and not more else way_of(orders() if log is None else log, **more)
    return designed(way, ratings=answers(SCORES) if ratings is None else ratings, items=ITEMS)


def only(found: Designed) -> Any:
    (row,) = found.deviants.to_dict("records")
    return row


# -------------------------------------------------------------------------------------------------------- what is real


def test_the_real_wait_is_told_beside_the_meant_one() -> None:
    found = designed(way_of(orders(kept=40, late=20, never=10)))
    (row,) = found.rules.to_dict("records")
    # of 60 for whom it came 40 waited two days and 20 eight: half at most two, one in ten eight
    assert (row["meant"], row["usual"], row["slow"]) == ("within 5 days", "2.0 days", "8.0 days")
    assert (row["n"], row["broken"], row["never"]) == (70, 30, 10)
    assert row["estimate"] == pytest.approx(100 * 40 / 70)
    ((words, _),) = found.real_shown()
    assert words["title"] == (
        "30 of 70 cases break the rule “order is followed by help within 5 days”; half wait more than 2.0 days, one in ten more "
        "than 8.0 days."
    )
    assert words["note"]["Undecided"] == "0 cases whose time was not over when the log ended"


def test_what_may_still_come_did_not_never_come() -> None:
    made = designed(way_of(orders(kept=40, never=10, last=38)))
    found = made.rules
    ((words, _),) = made.real_shown()
    assert words["note"]["Undecided"] == "1 case whose time was not over when the log ended"
    assert found[["n", "broken", "undecided", "never"]].to_numpy().tolist() == [[50, 10, 1, 10]]


def test_waits_of_few_are_not_told() -> None:
    (row,) = designed(way_of(orders(kept=29, never=40))).rules.to_dict("records")
    assert (row["usual"], row["slow"]) == ("", "")
    ((words, _),) = designed(way_of(orders(kept=29, never=40))).real_shown()
    assert words["title"] == "40 of 69 cases break the rule “order is followed by help within 5 days”."


def test_a_rule_without_a_deadline_has_no_wait_to_compare() -> None:
    (row,) = designed(way_of(orders(), ("ad happens before order",))).rules.to_dict("records")
    assert (row["meant"], row["usual"], row["n"]) == ("", "", 80)
    assert math.isnan(row["never"])


def test_the_worst_kept_rule_stands_first_and_rules_that_apply_to_few_last() -> None:
    rules = ("ad is followed by order", RULE, "help is followed by ad")
    found = designed(way_of(orders(kept=29, never=40), rules))
    assert found.rules["rule"].tolist() == [RULE, "ad is followed by order", "help is followed by ad"]
    assert found.rules["n"].tolist() == [69, 69, 29]
    few = designed(way_of(orders(kept=29, never=40), rules[2:]))
    ((words, _),) = few.real_shown()
    assert words["title"] == "No rule of the designed journey can be judged yet: none applies to 30 customers."


def test_without_rules_nothing_is_designed() -> None:
    found = designed(way_of(orders(), ()), ratings=answers(SCORES), items=ITEMS)
    assert found.rules.empty
    assert found.deviants.empty
    assert list(found.real_shown()) == list(found.deviants_shown()) == found.sentences() == []


# ------------------------------------------------------------------------------------------------- those who were let down


def test_those_who_were_let_down_are_compared_with_those_to_whom_the_rule_was_kept() -> None:
    row = only(compared())
    # means 9 and 4, s² = 40/39 in either group of 40: error √(2/39)
    assert (row["estimate_before"], row["estimate_after"], row["difference"]) == (9, 4, -5)
    assert (row["n_before"], row["n_after"], row["unit"]) == (40, 40, "0 to 10")
    error = math.sqrt(2 / 39)
    assert row["std_error"] == pytest.approx(error)
    assert (row["conf_low"], row["conf_high"]) == pytest.approx((-5 - 1.959964 * error, -5 + 1.959964 * error))
    assert row["reading"] == "worse"
    found = compared()
    said = "Where “order is followed by help within 5 days” broke, recommendation (0 to 10) is 5.0 lower than where it held."
    assert found.sentences() == [said]
    ((words, _),) = found.deviants_shown()
    assert (words["name"], words["title"]) == ("deviants_0_to_10", said)


def test_satisfaction_is_the_share_of_the_two_best_answers_in_points() -> None:
    scores = dict.fromkeys(names("kept", 30), 4.0) | dict.fromkeys(names("kept", 40)[30:], 3.0)
    scores |= dict.fromkeys(names("never", 10), 5.0) | dict.fromkeys(names("never", 40)[10:], 3.0)
    found = compared(ratings=answers(scores, item="overall"))
    row = only(found)
    assert (row["estimate_before"], row["estimate_after"], row["unit"]) == (75, 25, "%")
    assert found.sentences()[0].endswith(
        "broke, satisfaction (everything, two best answers) is 50 points lower than where it held."
    )


@pytest.mark.parametrize(("day", "n"), [(0.5, 0), (1, 0), (3, 0), (6, 0), (6.01, 40), (20, 40)])
def test_an_answer_counts_only_after_the_time_for_keeping_was_over(day: float, n: int) -> None:
    # ordered on day 1, and help was due by day 6: an answer on day 3 knows of no break
    ratings = pd.concat([answers(alternating("kept", 40, 8, 10)), answers(alternating("never", 40, 3, 5), day)])
    assert only(compared(ratings=ratings))["n_after"] == n


def test_the_answers_of_keepers_count_from_when_the_rule_was_kept() -> None:
    # help came on day 3: what was answered before it says nothing of a rule that was kept
    early = pd.concat([answers(alternating("kept", 40, 0, 2), 2), answers(alternating("never", 40, 3, 5))])
    assert only(compared(ratings=early))["n_before"] == 0
    both = pd.concat([early, answers(alternating("kept", 35, 8, 10))])
    row = only(compared(ratings=both))
    # 18 answer 8 and 17 answer 10: 314 of 35
    assert (row["n_before"], row["difference"]) == (35, pytest.approx(4 - 314 / 35))


@pytest.mark.parametrize("gap", ["", "5d"])
def test_who_both_kept_and_broke_is_no_keeper(gap: str) -> None:
    # eight order again and wait in vain: in the same journey, or in a second one after a silence of a week
    again = events(*((name, 10.0, "order") for name in names("kept", 8)))
    row = only(compared(pd.concat([orders(), again.assign(event_id=again["event_id"] + 900)]), gap=gap))
    assert (row["n_before"], row["n_after"]) == (32, 48)


def test_a_rule_without_a_deadline_breaks_where_its_event_is() -> None:
    log = orders()
    rules = ("order is followed by help",)
    row = only(compared(log, rules=rules))
    assert (row["n_before"], row["n_after"], row["difference"]) == (40, 40, -5)
    before = pd.concat([answers(alternating("kept", 40, 8, 10)), answers(alternating("never", 40, 3, 5), 0.5)])
    assert only(compared(log, ratings=before, rules=rules))["n_after"] == 0


def test_a_rule_about_what_comes_first_has_keepers_with_any_answer() -> None:
    late = events(*((name, 0.5, "order") for name in names("never", 40)))
    log = pd.concat([orders(), late.assign(event_id=late["event_id"] + 900)])
    log = log[~((log["touchpoint"] == "ad") & log["customer_id"].str.startswith("never"))]
    ratings = pd.concat([answers(alternating("kept", 40, 8, 10), 0.1), answers(alternating("never", 40, 3, 5), 0.7)])
    row = only(compared(log, ratings=ratings, rules=("ad happens before order",)))
    assert (row["n_before"], row["n_after"], row["difference"]) == (40, 40, -5)


def test_of_several_answers_the_newest_counts_and_of_two_at_once_one_whatever_their_order() -> None:
    ratings = pd.concat([answers(dict.fromkeys(SCORES, 0.0), 15), answers(SCORES, 20)])
    assert only(compared(ratings=ratings))["difference"] == -5
    at_once = pd.concat([answers(dict.fromkeys(SCORES, 0.0)), answers(SCORES)])
    assert only(compared(ratings=at_once))["difference"] == -5
    assert only(compared(ratings=at_once.iloc[::-1]))["difference"] == -5


def test_answers_after_an_event_of_employees_and_of_nobody_do_not_count() -> None:
    ratings = pd.concat(
        [
            answers(SCORES),
            answers(dict.fromkeys(SCORES, 0.0), 30, survey="event"),
            answers(dict.fromkeys(SCORES, 0.0), 30).assign(perspective="employee"),
            answers(dict.fromkeys(SCORES, 0.0), 30).assign(customer_id=None),
        ]
    )
    assert only(compared(ratings=ratings))["difference"] == -5


@pytest.mark.parametrize(("kept", "never"), [(29, 40), (40, 29)])
def test_few_on_either_side_are_not_tested_and_have_no_figure(kept: int, never: int) -> None:
    ratings = answers(alternating("kept", kept, 8, 10) | alternating("never", never, 3, 5))
    found = compared(ratings=ratings)
    row = only(found)
    assert (row["n_before"], row["n_after"], row["reading"], row["reason"]) == (kept, never, "not tested", "n<30")
    figures = ("estimate_before", "estimate_after", "difference", "std_error", "conf_low", "conf_high", "p_value")
    assert all(math.isnan(row[name]) for name in (*figures, "q_value"))
    assert found.sentences() == list(found.deviants_shown()) == []


def test_thirty_on_either_side_are_tested() -> None:
    ratings = answers(alternating("kept", 30, 8, 10) | alternating("never", 30, 3, 5))
    assert only(compared(ratings=ratings))["reading"] == "worse"


def test_all_rules_and_measures_are_one_family_of_tests() -> None:
    overall = alternating("kept", 40, 2, 5) | alternating("never", 40, 3, 5)
    ratings = pd.concat([answers(SCORES), answers(overall, item="overall")])
    found = compared(ratings=ratings, rules=(RULE, "ad never happens", "order is directly followed by help"))
    table = found.deviants
    assert len(table) == 6
    tested = table[table["p_value"].notna()]
    assert tested["q_value"].tolist() == pytest.approx(stats.false_discovery_control(tested["p_value"]).tolist())
    assert len(tested) == 4  # everybody saw an advertisement: nobody kept that rule
    assert set(table.loc[table["rule"] == "ad never happens", "n_before"]) == {0}
    titles = [words["title"] for words, _ in found.deviants_shown()]
    assert titles[1].startswith("No break of the designed journey clearly goes with another answer on satisfaction (")


def test_for_whom_every_rule_held_is_counted_by_customer() -> None:
    """40 were helped in time, 40 never; of these two groups 10 each saw no advertisement, which breaks the other rule."""
    log = orders()
    unseen = {*names("kept", 10), *names("never", 10)}
    log = log[~(log["customer_id"].isin(unseen) & (log["touchpoint"] == "ad"))]
    found = designed(way_of(log, rules=(RULE, "starts with ad")))
    (row,) = found.whole.to_dict("records")
    # the journey of who saw no advertisement does not begin in the first two stages? it does, with the order: it is broken there
    assert (row["n"], row["estimate"]) == (80, pytest.approx(37.5))
    assert found.sentences() == [
        "For 38% (28 to 48%) of 80 customers every rule of the designed journey that applied to them held."
    ]
    (words, _) = next(found.real_shown())
    assert words["note"]["All rules"] == found.sentences()[0]
    assert found.leads() == [], "that stands among the key numbers"
    assert designed(plain()).whole.empty, "one rule says it itself"
    assert designed(plain()).sentences() == []


def test_the_level_of_the_study_is_the_level_of_the_intervals() -> None:
    found = compared(conf_level=0.8)
    error = math.sqrt(2 / 39)
    assert only(found)["conf_high"] == pytest.approx(-5 + stats.norm.ppf(0.9) * error)
    assert only(found)["conf_level"] == 0.8
    ((words, _),) = found.deviants_shown()
    assert words["subtitle"].endswith("80% interval")


def test_a_rule_that_nobody_broke_has_no_deviants() -> None:
    assert compared(rules=("ad happens before order",)).deviants.empty


def test_without_answers_or_questions_there_are_no_deviants() -> None:
    assert designed(plain(), ratings=answers(SCORES)).deviants.empty
    assert designed(plain(), items=ITEMS).deviants.empty
    about_a_touchpoint = ITEMS.assign(touchpoint="order")
    assert designed(plain(), ratings=answers(SCORES), items=about_a_touchpoint).deviants.empty


def test_the_order_of_the_rows_changes_nothing() -> None:
    log, ratings = orders(late=10), pd.concat([answers(SCORES), answers(SCORES, 12)])
    first = compared(log, ratings)
    second = compared(log.sample(frac=1, random_state=1), ratings.sample(frac=1, random_state=2))
    pd.testing.assert_frame_equal(first.deviants, second.deviants, check_exact=True)
    pd.testing.assert_frame_equal(first.rules, second.rules, check_exact=True)
