"""Mix and rate by hand, and what a report says of a change that comes from who answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import mix_rate, movement

ITEMS = pd.DataFrame(
    {
        "item": ["overall", "app"],
        "question": ["How satisfied?", "The app?"],
        "role": ["satisfaction", "satisfaction"],
        "low": [1, 1],
        "high": [5, 5],
        "touchpoint": [None, "app"],
        "label": ["Overall satisfaction", "App"],
    }
)


def people(wave: str, **plans: tuple[int, int]) -> pd.DataFrame:
    """One row a respondent of a wave; a plan says how many are content with the app and how many are not."""
    rows = [(plan, score) for plan, (good, bad) in plans.items() for score in [5.0] * good + [1.0] * bad]
    frame = pd.DataFrame(rows, columns=["plan", "app"])
    day = {"A": "2026-05-01", "B": "2026-08-01"}[wave]
    ids = [f"{wave}{number}" for number in range(len(frame))]
    return frame.assign(
        response_id=ids, customer_id=ids, survey="tracking", perspective="customer", wave=wave, in_period=wave == "B",
        counted_at=pd.Timestamp(day, tz="UTC"), overall=[4.0, 2.0] * (len(frame) // 2),
    )  # fmt: skip


def test_mix_and_rate_by_hand() -> None:
    # before: a 50% at 10, b 50% at 0, mean 5; after: a 25% at 8, b 75% at 2, mean 3.5
    rows = [(0, "a", 10.0)] * 2 + [(0, "b", 0.0)] * 2 + [(1, "a", 8.0)] + [(1, "b", 2.0)] * 3
    table = mix_rate(pd.DataFrame(rows, columns=["t", "g", "v"]), value="v", by="g", period="t").set_index("g")
    # rate: ½(.50 + .25)·(8 − 10) = −.75 and ½(.50 + .75)·(2 − 0) = 1.25
    assert table["rate"].to_dict() == pytest.approx({"a": -0.75, "b": 1.25})
    # mix: (.25 − .50)·(9 − 4.25) = −1.1875 and (.75 − .50)·(1 − 4.25) = −.8125
    assert table["mix"].to_dict() == pytest.approx({"a": -1.1875, "b": -0.8125})
    assert table[["mix", "rate"]].to_numpy().sum() == pytest.approx(3.5 - 5)
    assert table["n"].to_dict() == {"a": 3, "b": 5}


def test_a_group_that_is_new_is_all_mix() -> None:
    rows = [(0, "a", 4.0)] * 4 + [(1, "a", 4.0)] * 2 + [(1, "new", 0.0)] * 2
    table = mix_rate(pd.DataFrame(rows, columns=["t", "g", "v"]), value="v", by="g", period="t").set_index("g")
    assert table["rate"].tolist() == [0, 0]
    assert table["mix"].sum() == pytest.approx(-2)
    assert (table.loc["new", "share_before"], table.loc["new", "share_after"]) == (0, 0.5)


@pytest.mark.parametrize("weights_col", [None, "w"])
def test_both_parts_add_up_and_do_not_depend_on_where_the_scale_begins(weights_col: str | None) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(
        {"t": rng.integers(0, 2, 500), "g": rng.choice(list("abcd"), 500), "v": rng.normal(3, 1, 500)}
    ).assign(w=rng.uniform(0.2, 3, 500))
    table, moved = (
        mix_rate(rows, value="v", by="g", period="t", weights_col=weights_col)
        for rows in (frame, frame.assign(v=frame["v"] + 100))
    )
    means = [
        np.average(part["v"], weights=part[weights_col] if weights_col else None) for _, part in frame.groupby("t")
    ]
    assert table[["mix", "rate"]].to_numpy().sum() == pytest.approx(means[1] - means[0])
    assert moved["mix"].to_numpy() == pytest.approx(table["mix"].to_numpy())


def test_rows_without_a_group_are_left_out_and_a_change_has_two_periods() -> None:
    rows = pd.DataFrame({"t": [0, 0, 1, 1], "g": ["a", None, "a", "a"], "v": [1.0, 9.0, 2.0, 2.0]})
    assert mix_rate(rows, value="v", by="g", period="t")["rate"].tolist() == [1.0]
    with pytest.raises(ValueError, match="a change has two periods, got 3: 0, 1, 2"):
        mix_rate(rows.assign(t=[0, 1, 2, 2], g="a"), value="v", by="g", period="t")


def test_a_change_that_is_mostly_who_answered_is_shown_and_asks_for_no_action() -> None:
    # content with the app: 80% of Basic and 20% of Business in both waves; Business from 20% to 60% of answers
    before, after = people("A", Basic=(256, 64), Business=(16, 64)), people("B", Basic=(128, 32), Business=(48, 192))
    rows = pd.concat([before, after], ignore_index=True)
    customers = rows[["customer_id", "plan"]].drop_duplicates("customer_id")
    moved = movement(rows.drop(columns="plan"), ITEMS, customers=customers)
    (finding,) = [made for made in moved.findings() if made["name"] == "tracking_app"]
    assert finding["caution"] == "mostly who answered"
    assert finding["attention"] is False
    said = moved.sentences()
    assert "App: 100% of the change comes from who answered, with fewer Basic (plan): 40% of answers after 80%." in said
    (words, table), *rest = moved.mix_shown()
    assert rest == []
    assert words["title"] == "App: the change comes mostly from who answered, not from what they felt."
    change = moved.changes.set_index("item").loc["app", "difference"]
    assert table["change"].tolist() == pytest.approx([change])
    assert table["mix"].iloc[0] == pytest.approx(-24)


def test_a_change_within_groups_asks_for_an_action_without_a_caution() -> None:
    before, after = people("A", Basic=(256, 64), Business=(40, 40)), people("B", Basic=(160, 160), Business=(20, 60))
    rows = pd.concat([before, after], ignore_index=True)
    moved = movement(rows.drop(columns="plan"), ITEMS, customers=rows[["customer_id", "plan"]])
    (finding,) = [made for made in moved.findings() if made["name"] == "tracking_app"]
    assert (finding["caution"], finding["attention"]) == ("", True)
    assert not any("who answered" in said for said in moved.sentences())
    without = movement(rows.drop(columns="plan"), ITEMS)
    assert list(without.mix_shown()) == [], "without customers there is nothing to split by"


def test_the_parts_of_a_turned_question_add_up_to_its_change() -> None:
    before, after = people("A", Basic=(256, 64), Business=(40, 40)), people("B", Basic=(160, 160), Business=(20, 60))
    rows = pd.concat([before, after], ignore_index=True).assign(app=lambda table: 6 - table["app"])
    items = ITEMS.assign(reversed=[False, True])
    moved = movement(rows.drop(columns="plan"), items, customers=rows[["customer_id", "plan"]])
    ((_, table),) = moved.mix_shown()
    assert table["change"].tolist() == pytest.approx([moved.changes.set_index("item").loc["app", "difference"]])
