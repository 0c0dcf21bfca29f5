"""Whether an action worked, what waits for one, and whom to call."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.problems import StudyError
from cxlab.value import ActionBoard, action_board, action_effect, action_table, call_list
from cxlab.value.actions import ActionEffect

TODAY = pd.Timestamp("2026-07-01", tz="UTC")
ITEMS = pd.DataFrame(
    [
        {
            "item": "recommend",
            "label": "Recommendation",
            "role": "loyalty",
            "low": 0.0,
            "high": 10.0,
            "touchpoint": None,
        },
        {
            "item": "satisfied",
            "label": "Satisfaction",
            "role": "satisfaction",
            "low": 1.0,
            "high": 5.0,
            "touchpoint": None,
        },
        {"item": "app_good", "label": "The app", "role": "satisfaction", "low": 1.0, "high": 5.0, "touchpoint": "app"},
        {"item": "wanted", "label": "Wanted", "role": "need", "low": 1.0, "high": 5.0, "touchpoint": None},
    ]
)


# ------------------------------------------------------------------------------------------------------ action_effect


def _units(before: list[float], after: list[float], treated: list[bool]) -> pd.DataFrame:
    n = len(before)
    return pd.DataFrame(
        {
            "account_id": [f"A{i:02d}" for i in range(n)] * 2,
            "period": ["was"] * n + ["now"] * n,
            "score": [*before, *after],
            "treated": treated * 2,
        }
    )


def _effect(frame: pd.DataFrame, **more: Any) -> ActionEffect:
    return action_effect(frame, before="was", after="now", **more)


def _balanced(effect: float, trend: float = 0.5, n: int = 20) -> pd.DataFrame:
    """n units on each side with the same scores before; after = before + trend (+ effect) + a wobble of ±.2."""
    before = [5.0 + i % 5 for i in range(n)] * 2
    treated = [True] * n + [False] * n
    wobble = [0.2 * (-1) ** (i // 5) for i in range(2 * n)]
    after = [b + trend + effect * t + w for b, t, w in zip(before, treated, wobble, strict=True)]
    return _units(before, after, treated)


def test_with_equal_scores_before_the_effect_is_the_difference_in_differences_by_hand() -> None:
    # treated rose by .5 + 1, the others by .5; each side's wobble sums to nothing
    found = _effect(_balanced(1.0))
    assert found.estimate == pytest.approx(1.0)
    assert (found.n, found.n_treated) == (40, 20)
    assert found.claimed
    assert found.warning == ""


def test_the_interval_is_students_on_hc3_errors_by_hand() -> None:
    found = _effect(_balanced(1.0))
    # before is the same on both sides, so the three columns are a plain least-squares fit; hat values by hand
    before = np.array([5.0 + i % 5 for i in range(20)] * 2)
    given = np.repeat([1.0, 0.0], 20)
    design = np.column_stack([np.ones(40), given, before])
    bread = np.linalg.inv(design.T @ design)
    hat = 1 / 20 + (before - 7) ** 2 / ((before - 7) ** 2).sum()
    residual = np.array([0.2 * (-1) ** (i // 5) for i in range(40)]) / (1 - hat)
    error = math.sqrt((bread @ (design.T * residual**2) @ design @ bread)[1, 1])
    half = stats.t.ppf(0.975, 37) * error
    assert found.std_error == pytest.approx(error)
    assert (found.conf_low, found.conf_high) == pytest.approx((1 - half, 1 + half))
    narrow = _effect(_balanced(1.0), conf_level=0.8)
    assert narrow.conf_high - 1 == pytest.approx(stats.t.ppf(0.9, 37) * error)


def test_the_p_value_belongs_to_the_interval() -> None:
    found = _effect(_balanced(0.1, n=10))
    assert found.p_value == pytest.approx(2 * stats.t.sf(found.estimate / found.std_error, 20 - 3))


def test_a_rise_that_all_have_is_no_effect() -> None:
    found = _effect(_balanced(0.0, trend=2.0))
    assert found.estimate == pytest.approx(0)
    assert not found.claimed
    assert found.conf_low < 0 < found.conf_high


def test_units_that_were_picked_because_they_were_low_are_not_credited_with_their_return() -> None:
    # a lasting level and a passing mood; the lowest fifth is treated without any effect
    rng = np.random.default_rng(0)
    level = rng.normal(6, 1, 400)
    before, after = level + rng.normal(size=400), level + rng.normal(size=400)
    treated = (before < np.quantile(before, 0.2)).tolist()
    found = _effect(_units(before.tolist(), after.tolist(), treated))
    assert (after - before)[treated].mean() > 0.8  # before and after alone would credit it
    assert not found.claimed
    assert found.warning == "regression to the mean: they were low when they were picked"


def test_no_warning_is_given_for_units_that_were_low_by_chance() -> None:
    frame = _balanced(0.5, n=10)
    frame.loc[(frame["period"] == "was") & frame["treated"], "score"] -= 0.4
    assert _effect(frame).warning == ""


def test_answers_are_averaged_by_unit_and_units_without_both_periods_do_not_count() -> None:
    frame = _balanced(1.0)
    doubled = pd.concat([frame.assign(score=frame["score"] + 1), frame.assign(score=frame["score"] - 1)])
    assert _effect(doubled).estimate == pytest.approx(1.0)
    assert _effect(doubled).n == 40
    half = frame.drop(index=0)
    assert (_effect(half).n, _effect(half).n_treated) == (39, 19)


@pytest.mark.parametrize(
    ("n_treated", "n_others", "says"),
    [
        (12, 9, "control: too few units without the action"),
        (9, 12, "too few units with the action"),
        (12, 0, "control: too few units without the action"),
    ],
)
def test_without_ten_units_on_each_side_there_is_no_estimate_and_the_warning_says_why(
    n_treated: int, n_others: int, says: str
) -> None:
    n = n_treated + n_others
    found = _effect(_units([5.0] * n, [6.0] * n, [True] * n_treated + [False] * n_others))
    assert math.isnan(found.estimate)
    assert not found.claimed
    assert (found.warning, found.n, found.n_treated) == (says, n, n_treated)


def test_a_period_without_answers_is_named() -> None:
    found = action_effect(_balanced(1.0), before="was", after="2027")
    assert math.isnan(found.estimate)
    assert found.warning == "there are no answers of 2027"


def test_a_unit_of_which_nobody_knows_whether_it_was_treated_is_not_taken_for_treated() -> None:
    frame = _balanced(1.0).astype({"treated": object})
    frame.loc[frame["account_id"] == "A39", "treated"] = None
    assert _effect(frame).n_treated == 20


@pytest.mark.parametrize("effect", [0.0, 0.6])
def test_of_a_hundred_intervals_about_95_hold_the_planted_effect(effect: float) -> None:
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(100):
        level = rng.normal(6, 1, 60)
        treated = np.repeat([True, False], 30)
        after = 1 + level + effect * treated + rng.normal(size=60)
        found = _effect(_units((level + rng.normal(size=60)).tolist(), after.tolist(), treated.tolist()))
        held += found.conf_low <= effect <= found.conf_high
    assert 88 <= held <= 100


# ------------------------------------------------------------------------------------------------------- action_table

ACTION = {
    "action_id": "calls", "action": "Call back in a day", "level": "all", "target": "", "owner": "Ada", "due": "2026-06-01",
    "metric": "satisfied", "expected_effect": "0.2", "finding": "driver_app", "status": "open", "started": "2026-03-01",
}  # fmt: skip


def _actions(*changes: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([ACTION | change for change in changes or ({},)])


def test_an_action_is_open_unless_it_says_otherwise_and_named_after_its_line_without_a_name() -> None:
    found = action_table(_actions({}, {"action_id": None, "status": " done "}, {"status": None}))
    assert found["status"].tolist() == ["open", "done", "open"]
    assert found["action_id"].tolist() == ["calls", "row 3", "calls"]
    assert (
        action_table(_actions()[["action", "level", "owner", "due", "metric", "expected_effect"]])["finding"][0] == ""
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"owner": None}, "actions.csv, line 3: `owner` is empty; fill it in"),
        ({"metric": "  "}, "actions.csv, line 3: `metric` is empty; fill it in"),
        ({"level": "team"}, "actions.csv, line 3: level `team`; write account, segment, all"),
        (
            {"level": "segment"},
            "actions.csv, line 3: `target` is empty; name the segment or the accounts",
        ),
        ({"status": "begun"}, "actions.csv, line 3: status `begun`; write open, doing, done, dropped"),
        ({"due": "soon"}, "actions.csv, line 3: due `soon` is no date; write 2026-12-31"),
        (
            {"expected_effect": "much"},
            "actions.csv, line 3: expected_effect `much` is no number; write 0.2",
        ),
    ],
)
def test_a_wrong_action_is_refused_with_file_line_value_and_way_out(change: dict[str, Any], says: str) -> None:
    with pytest.raises(StudyError) as caught:
        action_table(_actions({}, change), where="actions.csv")
    assert [str(problem) for problem in caught.value.problems] == [says]


def test_the_beginning_of_an_action_that_is_no_date_is_refused() -> None:
    with pytest.raises(StudyError, match=r"line 2: started `spring` is no date"):
        action_table(_actions({"started": "spring"}))


def test_every_wrong_line_is_told_at_once_and_a_missing_column_first() -> None:
    with pytest.raises(StudyError) as caught:
        action_table(_actions({"owner": ""}, {}, {"level": "team"}))
    assert [problem.where for problem in caught.value.problems] == ["actions, line 2", "actions, line 4"]
    with pytest.raises(StudyError, match="actions: has no column `owner`; columns needed: action, level, owner"):
        action_table(_actions().drop(columns="owner"))


# ------------------------------------------------------------------------------------------------------- action_board


def _findings() -> pd.DataFrame:
    rows = [
        ("churn", "09_value_retention", True, "all", None, "5% of customers left.", "Churn"),
        ("driver_app", "07_loyalty_drivers", True, "all", "Ada", "The app holds 40%", "App"),
        ("nps", "02_satisfaction", False, "all", None, "NPS is 31.", "NPS"),
        ("voice_price", "08_voice", True, "segment", None, "", "Price is named most"),
    ]
    return pd.DataFrame(rows, columns=["name", "notebook", "attention", "level", "owner", "headline", "label"])


def _answers(effect: float = 1.0, missing: int = 0) -> pd.DataFrame:
    """40 accounts answer before and after March; the first 20 get the action."""
    units = _balanced(effect)[lambda frame: frame["account_id"] >= f"A{missing:02d}"]
    at = {"was": pd.Timestamp("2026-02-01", tz="UTC"), "now": pd.Timestamp("2026-05-01", tz="UTC")}
    return units.assign(
        satisfied=units["score"], wave=units["period"], counted_at=units["period"].map(at), perspective="customer",
        survey="tracking",
    )  # fmt: skip


def _decided(folder: Path, *changes: dict[str, Any], units: int = 20) -> Path:
    _actions(*changes).to_csv(folder / "actions.csv", index=False)
    if units:
        accounts = [f"A{i:02d}" for i in range(units)]
        pd.DataFrame({"action_id": "calls", "account_id": accounts}).to_csv(folder / "action_units.csv", index=False)
    return folder


def _board(folder: Path, responses: pd.DataFrame | None = None, **more: Any) -> ActionBoard:
    return action_board(folder, more.pop("found", _findings()), responses, ITEMS, today=TODAY, **more)


def test_without_a_file_of_decisions_every_finding_that_asks_waits_voice_before_drivers_before_churn(
    tmp_path: Path,
) -> None:
    board = _board(tmp_path)
    assert board.waiting["name"].tolist() == ["voice_price", "driver_app", "churn"]
    assert board.waiting["owner"].tolist() == ["no owner", "Ada", "no owner"]
    assert board.waiting["said"].tolist() == ["Price is named most", "The app holds 40%", "5% of customers left."]
    assert board.headline().startswith("Three findings ask for an action that nobody has taken, first: ")
    assert board.base_sentence() == "0 decided actions, 3 findings without one, 0 customers to call."
    assert board.actions.empty
    assert board.overdue.empty
    assert board.sentences() == []


def test_a_finding_without_a_headline_is_called_by_its_label_in_the_headline(tmp_path: Path) -> None:
    assert _board(tmp_path).headline().endswith("first: Price is named most.")


def test_a_finding_with_an_action_waits_no_longer(tmp_path: Path) -> None:
    found = _findings()[lambda frame: frame["name"] != "voice_price"]
    board = _board(_decided(tmp_path, units=0), found=found)
    assert board.waiting["name"].tolist() == ["churn"]
    assert board.headline() == ("One finding asks for an action that nobody has taken, first: 5% of customers left.")
    both = _board(_decided(tmp_path, {}, {"finding": "churn"}, units=0), found=found)
    assert both.headline() == "Every finding that asks for an action has one."
    assert _board(tmp_path, found=found[found["name"] == "nps"]).headline() == both.headline()


def test_waiting_findings_are_shown_by_level_and_all_of_them(tmp_path: Path) -> None:
    shown = {words["name"]: (words["title"], len(rows)) for words, rows in _board(tmp_path).waiting_shown()}
    assert shown["waiting_all"] == ("2 findings for all customers wait for an action; 1 of them have an owner.", 2)
    assert sum(n for _, n in shown.values()) == 3


@pytest.mark.parametrize(
    ("due", "status", "overdue"),
    [("2026-06-30", "open", 1), ("2026-06-30", "doing", 1), ("2026-06-30", "done", 0), ("2026-06-30", "dropped", 0),
     ("2026-07-01", "open", 0), ("2026-07-02", "open", 0)],
)  # fmt: skip
def test_an_action_is_overdue_when_its_day_has_passed_and_it_is_not_done(
    tmp_path: Path, due: str, status: str, overdue: int
) -> None:
    board = _board(_decided(tmp_path, {"due": due, "status": status}, {"due": "2027-01-01"}, units=0))
    assert len(board.overdue) == overdue
    assert ("1 of 2 actions are overdue." in board.sentences()) == bool(overdue)


def test_an_action_due_today_is_not_overdue_at_noon(tmp_path: Path) -> None:
    noon = TODAY + pd.Timedelta(hours=12)
    decided = _decided(tmp_path, {"due": "2026-07-01"}, units=0)
    assert action_board(decided, _findings(), None, ITEMS, today=noon).overdue.empty


def test_dates_that_were_accepted_can_be_compared(tmp_path: Path) -> None:
    board = _board(_decided(tmp_path, {"due": "2026-06-30"}, {"due": "30 June 2027"}, units=0))
    assert len(board.overdue) == 1


def test_every_decided_action_is_on_the_board_also_one_that_is_done(tmp_path: Path) -> None:
    board = _board(_decided(tmp_path, {}, {"status": "done", "started": ""}, units=0))
    assert board.base_sentence().startswith("2 decided actions")


def test_an_action_that_worked_is_said_with_its_interval_and_base(tmp_path: Path) -> None:
    board = _board(_decided(tmp_path), _answers(1.0))
    row = board.effects.iloc[0]
    assert (row["estimate"], row["n"], row["n_treated"]) == (pytest.approx(1.0), 40, 20)
    assert (row["claimed"], row["reading"], row["expected"], row["unit"]) == (True, "better", 0.2, "1 to 5")
    assert row["waves"] == "tracking: was to now"
    assert board.sentences()[0] == (
        f"“Call back in a day” worked: +1.0 (+{row['conf_low']:.1f} to +{row['conf_high']:.1f}) against those without it, "
        "20 of 40 units."
    )
    assert board.findings()[0]["name"] == "action_calls"
    assert next(iter(board.effects_shown()))[0]["title"] == "1 of 1 actions that can be judged shows an effect."


def test_an_action_that_did_harm_is_said_to_have_done_harm(tmp_path: Path) -> None:
    board = _board(_decided(tmp_path), _answers(-1.0))
    assert board.sentences()[0].startswith("“Call back in a day” did harm: −1.0 (−1.")
    assert board.effects["reading"].tolist() == ["worse"]


def test_an_effect_that_is_not_clear_is_not_claimed(tmp_path: Path) -> None:
    board = _board(_decided(tmp_path), _answers(0.0))
    assert board.sentences()[0].startswith("“Call back in a day” shows no clear effect: ")
    assert board.effects["reading"].tolist() == ["no clear change"]
    assert ": no clear effect, " in board.findings()[0]["result"]["headline"]


def test_an_action_with_too_few_units_cannot_be_judged_yet_and_says_why(tmp_path: Path) -> None:
    board = _board(_decided(tmp_path, units=5), _answers())
    assert board.sentences()[0] == "“Call back in a day” cannot be judged yet: too few units with the action."
    assert board.effects["reading"].tolist() == ["not tested"]
    assert list(board.effects_shown()) == []


def test_an_action_is_judged_by_waves_before_and_after_its_start_alone(tmp_path: Path) -> None:
    # begun in June: both waves lie before it
    board = _board(_decided(tmp_path, {"started": "2026-06-01"}), _answers())
    assert board.sentences()[0] == (
        "“Call back in a day” cannot be judged yet: no wave asked `satisfied` before and after it."
    )


def test_accounts_with_another_action_are_no_control(tmp_path: Path) -> None:
    decided = _decided(tmp_path, {}, {"action_id": "visits", "started": ""})
    units = pd.read_csv(decided / "action_units.csv")
    more = pd.DataFrame({"action_id": "visits", "account_id": [f"A{i}" for i in range(20, 26)]})
    pd.concat([units, more]).to_csv(decided / "action_units.csv", index=False)
    row = _board(decided, _answers()).effects.set_index("action_id").loc["calls"]
    assert (row["n"], row["n_treated"]) == (34, 20)


def test_units_without_a_column_are_refused_with_the_file(tmp_path: Path) -> None:
    decided = _decided(tmp_path)
    pd.DataFrame({"account": ["A00"]}).to_csv(decided / "action_units.csv", index=False)
    with pytest.raises(
        StudyError, match=r"decisions/action_units\.csv: has no column `action_id`; write action_id,acc"
    ):
        _board(decided, _answers())


# ---------------------------------------------------------------------------------------------------------- call_list


def _said(*rows: tuple[str, str, float | None, float | None]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "counted_at", "recommend", "satisfied"])
    return table.assign(
        counted_at=pd.to_datetime(table["counted_at"], utc=True), account_id="A1", perspective="customer", survey="event",
        touchpoint="shop", in_period=True, app_good=1.0, wanted=1.0,
    )  # fmt: skip


def _invoiced(**amounts: float) -> pd.DataFrame:
    at = pd.Timestamp("2026-06-01", tz="UTC")
    return pd.DataFrame({"customer_id": list(amounts), "timestamp": at, "amount": list(amounts.values())})


def test_detractors_and_the_two_worst_answers_are_called_and_nobody_else() -> None:
    said = _said(
        ("six", "2026-06-01", 6, None), ("seven", "2026-06-01", 7, None), ("two", "2026-06-02", None, 2),
        ("three", "2026-06-02", 10, 3),
    )  # fmt: skip
    found = call_list(said, ITEMS, None).set_index("customer_id")
    assert sorted(found.index) == ["six", "two"]  # `app_good` and `wanted` are 1 for all: about a touchpoint, a need
    assert found.loc["six", ["item", "score", "survey", "touchpoint"]].tolist() == ["recommend", 6, "event", "shop"]
    assert found.loc["two", ["item", "score"]].tolist() == ["satisfied", 2]
    assert found["call_by"].tolist() == (found["answered"] + pd.Timedelta(days=2)).tolist()


def test_the_most_valuable_is_called_first_and_the_unknown_last() -> None:
    said = _said(*[(name, "2026-06-01", 0.0, None) for name in ("a", "b", "c", "d")])
    found = call_list(said, ITEMS, None, _invoiced(b=10.0, c=99.0, d=10.0), within="1d")
    assert found["customer_id"].tolist() == ["c", "b", "d", "a"]
    assert found["value"].tolist()[:3] == [99, 10, 10]
    assert found["call_by"].tolist() == [pd.Timestamp("2026-06-02", tz="UTC")] * 4
    assert call_list(said, ITEMS, None)["value"].isna().all()


def test_the_value_of_a_customer_is_all_that_was_invoiced_in_the_quarter() -> None:
    said = _said(("a", "2026-06-01", 0, None), ("b", "2026-06-01", 0, None))
    invoices = pd.concat([_invoiced(a=60.0, b=100.0), _invoiced(a=70.0)])
    found = call_list(said, ITEMS, None, invoices)
    assert found["customer_id"].tolist() == ["a", "b"]
    assert found["value"].tolist() == [130, 100]


def test_a_customer_is_on_the_list_once_with_the_newest_bad_answer() -> None:
    said = _said(("a", "2026-06-01", 3, 1), ("a", "2026-06-09", 2, None))
    found = call_list(said, ITEMS, None)
    assert found[["score", "answered"]].values.tolist() == [[2, pd.Timestamp("2026-06-09", tz="UTC")]]


def test_whoever_answered_well_since_is_not_called() -> None:
    said = _said(("a", "2026-06-01", 3, None), ("a", "2026-06-09", 10, None), ("b", "2026-06-01", 3, None))
    assert call_list(said, ITEMS, None)["customer_id"].tolist() == ["b"]


def test_whoever_left_answered_before_the_period_or_is_staff_is_not_called() -> None:
    said = _said(*[(name, "2026-06-01", 0.0, None) for name in ("here", "left", "early", "staff")])
    said["in_period"] = said["customer_id"] != "early"
    said["perspective"] = said["customer_id"].map(lambda name: "employee" if name == "staff" else "customer")
    customers = pd.DataFrame({"customer_id": ["here", "left", "early", "staff"]})
    customers["end_date"] = pd.to_datetime([None, "2026-06-20", None, None], utc=True)
    assert call_list(said, ITEMS, customers)["customer_id"].tolist() == ["here"]


def test_without_answers_the_list_is_empty_and_has_its_columns() -> None:
    empty = call_list(_said(("a", "2026-06-01", 9, 5)), ITEMS, None)
    assert empty.empty
    assert list(empty) == [
        "customer_id", "account_id", "answered", "survey", "touchpoint", "item", "score", "value", "call_by",
    ]  # fmt: skip


def test_calls_are_counted_on_the_board_and_name_nobody(tmp_path: Path) -> None:
    calls = call_list(_said(("secret", "2026-06-01", 0, None), ("other", "2026-06-01", 1, None)), ITEMS, None)
    board = _board(tmp_path, calls=calls, call_back_within="2d")
    assert board.sentences() == ["2 customers wait for a call within 2 days; their list is restricted."]
    assert board.base_sentence().endswith("2 customers to call.")
    assert not any("secret" in str(value) for value in vars(board).values())
