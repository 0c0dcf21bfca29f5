"""The journey of an open study: stages, rules, hand-overs, segments, and the sentences about them."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from cxlab import charts
from cxlab.inference import wilson
from cxlab.journeys import CustomerJourneys, customer_journeys, designed
from cxlab.problems import NotApplicableError

TOUCHPOINTS = pd.DataFrame(
    {
        "touchpoint": ["ad", "offer", "order", "help", "exit_talk"],
        "label": ["Advertisement", "Offer", "Order", "Help", "Exit talk"],
        "owner": ["Marketing", "Sales", "Sales", None, "Care"],
        "stage": ["learn", "learn", "buy", "use", "leave"],
    }
)
RULE = "order is followed by help within 5d"


def events(**paths: tuple[str, int]) -> pd.DataFrame:
    """`name=("ad order", 40)`: forty customers who go that way, a day a step; the log ends on the 20th."""
    rows = [
        (f"{name}{number:03d}", pd.Timestamp("2026-01-01", tz="UTC") + pd.Timedelta(days=step), touchpoint)
        for name, (path, count) in paths.items()
        for number in range(count)
        for step, touchpoint in enumerate(path.split())
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "timestamp", "touchpoint"])
    return frame.assign(event_id=range(len(frame)))


# 40 order and get help, 40 order and do not, 20 see an advertisement only; 10 were customers before the log began
LOG = events(kept=("ad order help", 40), left=("offer order order", 40), saw=("ad", 20), old=("help", 10))
END = pd.Timestamp("2026-02-01", tz="UTC")
ITEMS = pd.DataFrame({"item": [f"{name}_good" for name in TOUCHPOINTS["touchpoint"]], "low": 1.0, "high": 5.0})


def made(log: pd.DataFrame = LOG, **more: object) -> CustomerJourneys:
    given: dict[str, object] = {"rules": [RULE], "observed_until": END, "items": ITEMS} | more
    return customer_journeys(log, TOUCHPOINTS, **given)  # type: ignore[arg-type]


def ratings(scores: dict[str, list[float]], survey: str = "tracking", wave: str = "2", day: int = 2) -> pd.DataFrame:
    """Satisfaction with touchpoints in one wave of a survey."""
    rows = [(touchpoint, score) for touchpoint, own in scores.items() for score in own]
    frame = pd.DataFrame(rows, columns=["touchpoint", "score"])
    return frame.assign(
        customer_id=[f"{survey}{number}" for number in range(len(frame))],
        item=frame["touchpoint"] + "_good",
        role="satisfaction",
        perspective="customer",
        survey=survey,
        wave=wave,
        timestamp=pd.Timestamp(f"2026-01-{day:02d}", tz="UTC"),
    )


def test_the_reach_of_a_stage_is_of_the_customers_whose_journey_begins_in_the_log() -> None:
    stages = made().stages.set_index("stage")
    # 100 of 110 begin with learning or buying; 80 of them order, 40 get help
    assert made().n_begun == 100
    assert stages["reach"].to_dict() == pytest.approx(
        {"learn": 100, "buy": 80, "use": 40, "leave": math.nan}, nan_ok=True
    )
    assert stages["customers"].tolist() == [100, 80, 40, 0]


def test_a_stage_that_the_log_does_not_know_is_unknown_and_said_so() -> None:
    found = made()
    assert "Nothing is known of leave." in found.sentences()
    assert found.stages["touchpoints"].iloc[-1] == "exit talk (not in the log)"
    assert found.stages["reason"].iloc[-1] == "not rated"


def test_the_touchpoints_of_a_stage_have_their_reach_and_their_owner_or_none() -> None:
    stages = made().stages.set_index("stage")
    assert stages.loc["learn", "touchpoints"] == "advertisement 60%, offer 40%"
    assert stages.loc["learn", "owners"] == "Marketing, Sales"
    assert stages.loc["use", "owners"] == "no owner"


def test_the_headline_names_the_rule_that_breaks_most_with_interval_and_cases() -> None:
    row = made().rules.iloc[0]
    assert (row["n"], row["broken"], row["undecided"]) == (80, 40, 0)
    low, high = wilson(0.5, 80)
    assert made().headline() == (
        "The journey breaks most where “order is followed by help within 5 days” should hold: it does in 50% "
        f"({100 * low:.0f} to {high:.0%}) of 80 cases."
    )


def test_cases_whose_time_is_not_over_are_in_no_share() -> None:
    found = made(observed_until=pd.Timestamp("2026-01-04", tz="UTC"))
    row = found.rules.iloc[0]
    assert (row["n"], row["broken"], row["undecided"]) == (40, 0, 40)


def test_without_a_date_the_log_ends_with_its_last_event() -> None:
    assert made(observed_until=None).rules["undecided"].tolist() == [40]


def test_every_rule_holds_only_where_every_rule_holds() -> None:
    assert made(rules=["order happens before help", "starts with ad"]).headline().startswith("The journey breaks most")
    kept = made(rules=["ad never happens after order"])
    assert kept.headline() == "Every rule of the desired journey holds."


def test_a_broken_rule_on_a_small_base_does_not_let_every_rule_hold() -> None:
    log = events(kept=("ad order", 60), few=("ad order help ad", 10))
    mixed = made(log, rules=["ad happens before order", "help is directly followed by order"])
    assert mixed.rules[["n", "broken"]].to_numpy().tolist() == [[70, 0], [10, 10]]
    assert mixed.headline() != "Every rule of the desired journey holds."


def test_a_rule_about_what_comes_first_looks_only_at_journeys_that_begin_in_the_log() -> None:
    found = made(rules=["order happens before help", "starts with ad"]).rules
    # the ten old customers with help and no order are not counted
    assert found[["n", "broken"]].to_numpy().tolist() == [[40, 0], [100, 40]]


def test_a_window_of_one_day_is_one_day() -> None:
    found = made(rules=["order is followed by help within 1d"])
    assert "within 1 day”" in found.headline()


def test_a_rule_about_an_unknown_touchpoint_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no touchpoint `ordr`; did you mean `order`"):
        made(rules=["ordr is followed by help"])


def test_a_rule_on_a_small_base_is_a_finding_without_a_figure() -> None:
    few = made(rules=["help is followed by order"], min_base=60).findings()[0]
    assert few["result"] == {"estimate": None, "n": 50, "reason": "n<60", "headline": ""}
    assert few["attention"] is False
    enough = made(rule_owners={RULE: "Care"}).findings()[0]
    assert (enough["result"]["estimate"], enough["owner"], enough["attention"]) == (50, "Care", True)
    assert enough["result"]["headline"] == "“Order is followed by help within 5 days” holds in 50% of 80 cases."


def test_steps_back_to_the_same_touchpoint_are_exits_but_no_handover() -> None:
    table = made().handovers.set_index(["from_touchpoint", "to_touchpoint"])
    assert ("order", "order") not in table.index
    # order is left 80 times: 40 for help, 40 for order again
    assert table.loc[("order", "help"), "share"] == 50
    assert table.loc[("ad", "order"), "crosses"]
    assert not table.loc[("offer", "order"), "crosses"]


def test_a_touchpoint_with_most_events_does_not_hide_the_steps_between_the_others() -> None:
    log = events(a=("ad web web offer web web web order web help", 60))
    found = made(log)
    assert found.crowd == "web"
    steps = set(zip(found.handovers["from_touchpoint"], found.handovers["to_touchpoint"], strict=True))
    assert steps == {("ad", "offer"), ("offer", "order"), ("order", "help")}
    words, _ = next(found.handovers_shown())
    assert "web, which holds most events" in words["note"]["Base"]


def test_paths_of_stages_add_up_to_the_journeys_that_begin() -> None:
    paths = made().variants.set_index("path")
    assert paths["journeys"].to_dict() == {"learn → buy": 40, "learn → buy → use": 40, "learn": 20}
    assert paths["estimate"].sum() == 100
    assert paths["covered"].tolist() == [40, 80, 100]
    assert set(paths["n"]) == {100}
    words, rows = next(made().variants_shown())
    assert list(rows["journeys"]) == [40, 40], "20 journeys are too few to be shown"
    assert words["title"] == "The 2 most frequent paths cover 80% of journeys."
    assert (
        words["note"]["Base"]
        == "100 journeys that begin in the log, which take 3 paths; 1 of fewer than 30 journeys each"
    )
    charts.paths(rows, order=made().stage_labels)


def test_a_long_path_is_cut_and_says_so() -> None:
    log = events(long=("ad order " * 8, 60), short=("ad order", 40))
    assert made(log, rules=[]).variants["path"].iloc[0] == " → ".join(["learn", "buy"] * 6 + ["…"])


def test_journeys_that_did_not_come_to_the_last_stage_are_open() -> None:
    log = events(gone=("ad order exit_talk", 30), here=("ad order", 40))
    found = made(log, rules=[])
    assert found.n_open == 40
    assert "40 of 70 journeys were still going on when the log ended." in found.sentences()
    # without an end in the log nobody knows: nothing is said, and nothing counted as finished
    assert made().n_open == 0
    assert made().lengths["censored"].isna().all()


def test_a_gap_closes_journeys_that_fell_silent() -> None:
    found = made(gap="10d")
    assert (found.n_open, len(found.lengths)) == (0, 110)
    assert made(gap="40d").n_open == 110


def test_the_base_says_how_many_customers_and_from_when_to_when() -> None:
    assert made().base_sentence() == (
        "270 events of 110 customers, 2026-01-01 to 2026-01-03; 100 journeys begin in the log."
    )


def test_satisfaction_of_a_stage_is_the_share_of_its_two_best_answers() -> None:
    found = made(ratings=ratings({"order": [5, 4, 3, 1], "help": [5, 5, 5, 1]})).stages.set_index("stage")
    assert found["estimate"].to_dict() == pytest.approx(
        {"learn": math.nan, "buy": 50, "use": 75, "leave": math.nan}, nan_ok=True
    )
    assert found["n"].tolist() == [0, 4, 4, 0]
    assert (found.loc["buy", "conf_low"], found.loc["buy", "conf_high"]) == pytest.approx(
        tuple(100 * end for end in wilson(0.5, 4))
    )


def test_the_two_best_answers_are_those_of_the_scale_even_where_nobody_gave_the_best() -> None:
    worse = ratings({"order": [4, 3, 3, 1], "help": [5, 4, 2, 1]})
    assert made(ratings=worse).stages.set_index("stage").loc["buy", "estimate"] == 25


def test_of_a_touchpoint_one_survey_counts_and_of_a_survey_its_newest_wave() -> None:
    rows = pd.concat(
        [
            ratings({"order": [5, 5, 1, 1]}),
            ratings({"order": [1, 1, 1, 5]}, wave="1", day=1),
            ratings({"order": [5] * 9, "help": [5, 5, 1, 1]}, survey="event"),
        ]
    )
    stages = made(ratings=rows).stages.set_index("stage")
    assert stages.loc["buy", ["n", "estimate"]].tolist() == [4, 50]
    assert stages.loc["use", "n"] == 4


def segmented(x: int = 40, y: int = 40) -> CustomerJourneys:
    log = pd.concat(
        [
            events(a=("ad help", 35 * x // 40), b=("ad order", 5 * x // 40)).assign(plan="x"),
            events(c=("ad help", 5 * y // 40), d=("ad order", 35 * y // 40)).assign(plan="y"),
        ]
    )
    return made(log, rules=[], segment_col="plan")


def test_segments_that_go_different_ways_are_told_apart_and_said_so() -> None:
    table = segmented().segments.set_index(["segment", "touchpoint"])
    assert table.loc[("x", "help"), ["estimate", "difference", "reading"]].tolist() == [87.5, 75, "changed"]
    assert table.loc[("x", "ad"), "reading"] == "not tested"  # everybody saw it: no spread
    assert any("of “x” 88% are seen at" in said or "of “y” 88% are seen at" in said for said in segmented().sentences())
    assert {finding["target"] for finding in segmented().findings()} == {"x", "y"}


def test_segments_of_few_customers_are_not_tested() -> None:
    table = segmented(x=24).segments
    assert set(table.loc[table["segment"] == "x", "reading"]) == {"not tested"}
    assert table.loc[table["segment"] == "x", "p_value"].isna().all()


def test_segments_that_go_the_same_way_are_said_to() -> None:
    log = pd.concat([events(a=("ad help", 30), b=("ad order", 30)).assign(plan=plan) for plan in "xy"])
    log["customer_id"] = log["plan"] + log["customer_id"]
    found = made(log, rules=[], segment_col="plan")
    assert set(found.segments["reading"]) <= {"no clear change", "not tested"}
    assert "No segment clearly goes another way than the others." in found.sentences()


def test_membership_gives_segments_to_those_it_knows() -> None:
    known = LOG["customer_id"].drop_duplicates()
    members = pd.DataFrame(
        {"customer_id": known, "segment": known.str[:4].map({"kept": "Keen", "left": "Quiet"}), "segment_id": "s"}
    ).dropna()
    table = made(membership=members).segments
    assert table.groupby("segment")["n"].first().to_dict() == {"Keen": 40, "Quiet": 40}


def test_fewer_than_fifty_customers_are_no_study() -> None:
    with pytest.raises(NotApplicableError, match="needs events of 50 customers; there are 49"):
        made(events(a=("ad order", 49)))


def test_a_study_without_stages_still_has_journeys() -> None:
    found = customer_journeys(LOG)
    assert found.stages.empty
    assert found.n_begun == 110
    assert found.headline() == "The most frequent of 4 paths is taken by 36% of journeys."


def test_the_rows_of_the_log_reconcile_in_the_quality_table() -> None:
    log = pd.concat([LOG, LOG.head(3).assign(timestamp=pd.NaT), LOG.head(2).assign(customer_id=None)])
    found = made(log)
    table = found.quality_shown().set_index("check")["n"]
    assert table["Rows of the log"] == 275 == table["Kept"] + table["Without a customer"] + table["Without a time"]
    assert found.quality_words()["title"] == "270 of 275 rows are in the journeys."


def test_the_key_numbers_are_the_rules_that_break_most_and_for_whom_all_held() -> None:
    found = made(rules=[RULE, "starts with ad", "ad happens before order"])
    assert found.key_numbers()["label"].tolist() == [
        "Order is followed by help within 5 days", "Ad happens before order", "Starts with ad",
    ]  # fmt: skip
    held = made(rules=["ad never happens after order", "starts with ad"])
    assert held.key_numbers()["label"].tolist() == ["Starts with ad"], (
        "a rule that holds is no news where another breaks"
    )
    table = found.key_numbers(designed(found).whole)
    assert table["label"].iloc[-1] == "Every rule held"
    # 40 of 100 who begin kept all three; the other 40 who ordered broke two, 20 had only an advertisement, which is all right
    assert table.iloc[-1][["n", "estimate"]].tolist() == [100, 60]


@pytest.mark.parametrize(
    ("last", "leaving"), [("termination", True), ("leave", True), ("closing", False), ("decision", False)]
)
def test_whether_the_last_stage_means_leaving_is_read_from_its_name(last: str, leaving: bool) -> None:
    stages = TOUCHPOINTS.assign(stage=[*TOUCHPOINTS["stage"][:-1], last])
    assert customer_journeys(LOG, stages).ends_in_leaving is leaving


def test_a_part_leads_with_its_own_choice_and_six_sentences_are_the_most() -> None:
    class Part:
        def leads(self) -> list[str]:
            return ["First.", "Second."]

        def sentences(self) -> list[str]:
            return [f"{number}." for number in range(9)]

    said = made().all_sentences(first=[Part()])
    assert said[:2] == ["First.", "Second."]
    assert len(made().all_sentences(then=[Part(), Part()])) <= 6
