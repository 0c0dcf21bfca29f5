"""Are the data fit to be believed? Verdicts on small planted faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab.health import _protected, examine_health, response_rates
from cxlab.study import open_study

FOLDER = "data/raw/acme"


@pytest.fixture
def examined(project: Path) -> Callable[..., object]:
    def examine(period: str = "2026-Q3") -> object:
        return examine_health(open_study("acme", period=period, root=project))

    return examine


def test_sound_data_are_fit_and_every_row_is_counted(examined: Callable) -> None:
    health = examined()
    assert health.verdict == "fit"
    assert (
        health.headline()
        == "The data up to 2026-Q3 are fit to be believed: nothing that was looked at gives a reason for doubt."
    )
    assert health.sentences()[0] == "All 390 rows of three files are kept."
    assert health.matches[["n", "matched"]].to_numpy().tolist() == [[240, 240]]


def test_a_file_that_holds_only_later_rows_is_not_known_yet(examined: Callable) -> None:
    assert set(examined("2026-Q2").files["file"]) == {"survey_2026-Q2.csv", "customers.csv"}


def test_rejected_rows_are_a_reservation_and_many_a_serious_fault(examined: Callable, project: Path) -> None:
    path = project / FOLDER / "survey_2026-Q3.csv"
    frame = pd.read_csv(path, dtype=str)
    pd.concat([frame, frame.head(3)]).to_csv(path, index=False)
    health = examined()
    assert health.verdict == "fit with reservations"
    assert "survey_2026-Q3.csv: 3 of 123 rows are rejected (2.4%)." in health.reservations
    assert health.rejects[["reason", "rows"]].to_numpy().tolist() == [["duplicate response_id", 3]]
    pd.concat([frame, frame.head(60)]).to_csv(path, index=False)
    health = examined()
    assert health.verdict == "not fit"
    assert health.serious == ["survey_2026-Q3.csv: 60 of 180 rows are rejected."]


def test_ids_that_another_table_does_not_know(examined: Callable, project: Path) -> None:
    path = project / FOLDER / "customers.csv"
    customers = pd.read_csv(path, dtype=str)
    customers.iloc[:100].to_csv(path, index=False)
    assert "40 of 240 ids (customer_id) of responses are not known in customers (17%)." in examined().reservations
    customers.assign(CUSTOMER="X" + customers["CUSTOMER"]).to_csv(path, index=False)
    assert examined().serious[0].startswith("Only 0 of 240 ids (customer_id) of responses are known in customers")


def test_a_period_without_anything_new_says_so(examined: Callable) -> None:
    assert "Nothing new in this period: responses." in examined("2026-Q4").reservations


def test_a_question_that_many_left_out_is_named_by_its_label(examined: Callable, project: Path) -> None:
    path = project / FOLDER / "survey_2026-Q3.csv"
    frame = pd.read_csv(path)
    frame.loc[:59, "app_good"] = 99
    frame.to_csv(path, index=False)
    assert any("most often App good (5" in said for said in examined().reservations)


def test_a_code_that_looks_like_no_answer_is_a_warning(examined: Callable, project: Path) -> None:
    path = project / FOLDER / "customers.csv"
    customers = pd.read_csv(path, dtype=str)
    customers.loc[:4, "plan"] = "k.A."
    customers.to_csv(path, index=False)
    health = examined()
    assert health.traps["where"].to_list() == ["customers.plan"]
    assert "One warning about values that may mean something else, listed below." in health.reservations


def test_groups_that_will_be_hidden_are_counted_before_anybody_looks_for_them(
    examined: Callable, project: Path
) -> None:
    path = project / FOLDER / "customers.csv"
    customers = pd.read_csv(path, dtype=str)
    customers.loc[:9, "plan"] = "rare"
    customers.to_csv(path, index=False)
    health = examined()
    hidden = health.bases[health.bases["state"] == "hidden"]
    assert hidden[["by", "cell", "n"]].to_numpy().tolist() == [["plan", "rare", 10]]
    assert "rare (plan)" in health.bases_words()["title"]


def test_what_was_masked_in_comments_is_told_in_numbers_with_what_the_rules_find(
    examined: Callable, project: Path
) -> None:
    assert list(examined().masked_shown()) == []  # a study without free texts
    folder = project / FOLDER
    with (folder / "study.toml").open("a", encoding="utf-8") as toml:
        toml.write('\n[sources.comments]\npath = "comments.csv"\nperiod = "2026-Q3"\nid_from_row = true\n')
    texts = ["write to ann@example.com", "or bob@example.com, +44 20 7946 0958", "fine"]
    pd.DataFrame({"text": texts}).to_csv(folder / "comments.csv", index=False)
    ((words, rows),) = examined().masked_shown()
    assert words["title"] == "Two e-mail addresses and one telephone number were masked in 3 texts."
    assert rows[["where", "what", "n", "texts", "of"]].to_numpy().tolist() == [
        ["comments: text", "e-mail addresses", 2, 2, 3],
        ["comments: text", "telephone numbers", 1, 1, 3],
    ]
    assert "example.com" not in rows.to_csv()
    assert "benchmarks/masking.py" in words["note"]["Finds"]
    pd.DataFrame({"text": ["fine", "good"]}).to_csv(folder / "comments.csv", index=False)
    ((words, rows),) = examined().masked_shown()
    assert words["title"] == "No personal data were found in 2 texts."
    assert rows["of"].to_list() == [2]


def _frame(answered_north: int, answered_south: int) -> dict[str, pd.DataFrame]:
    ids = [f"C{i}" for i in range(200)]
    counted = pd.Timestamp("2026-08-01", tz="UTC")
    invited = pd.DataFrame(
        {"customer_id": ids, "survey": "tracking", "wave": "A", "region": ["North"] * 100 + ["South"] * 100,
         "counted_at": counted, "in_period": True}
    )  # fmt: skip
    who = ids[:answered_north] + ids[100 : 100 + answered_south]
    responses = pd.DataFrame({"customer_id": who, "survey": "tracking", "wave": "A"})
    return {"invitations": invited, "responses": responses}


def test_response_rates_by_hand() -> None:
    rates = response_rates(_frame(60, 20)).set_index("cell")
    assert rates.loc["all", ["invited", "answered", "estimate"]].to_list() == [200, 80, 40]
    assert rates.loc["North", "estimate"] == 60
    assert rates.loc["North", "difference"] == pytest.approx(40)
    assert rates.loc["North", "reading"] == "changed"
    # Wilson at 60 of 100: (0.6 + z²/200 ± z√(0.24/100 + z²/40000)) / (1 + z²/100)
    assert rates.loc["North", "conf_low"] == pytest.approx(50.2, abs=0.05)
    assert rates.loc["North", "conf_high"] == pytest.approx(69.06, abs=0.05)


def test_equal_response_is_no_clear_change_and_an_invitation_counts_once() -> None:
    tables = _frame(40, 41)
    tables["invitations"] = pd.concat([tables["invitations"], tables["invitations"].head(50)])
    rates = response_rates(tables).set_index("cell")
    assert rates.loc["all", "invited"] == 200
    assert rates.loc["South", "reading"] == "no clear change"


def test_without_invitations_there_is_no_rate() -> None:
    assert response_rates({"responses": pd.DataFrame({"customer_id": ["C1"]})}).empty


def test_a_question_whose_column_was_renamed_is_missed_by_name(examined: Callable, project: Path) -> None:
    path = project / FOLDER / "survey_2026-Q3.csv"
    pd.read_csv(path).rename(columns={"recommend": "recommend_NPS"}).to_csv(path, index=False)
    assert examined().reservations[0].startswith("Nobody answered Recommend in the newest wave")


def test_a_handful_of_invitations_is_not_tested() -> None:
    tables = _frame(40, 41)
    tables["invitations"].loc[:2, "region"] = "Rare"
    rates = response_rates(tables).set_index("cell")
    assert rates.loc["Rare", "reading"] == "not tested"
    assert rates.loc["South", "reading"] == "no clear change"


def test_the_total_cannot_tell_the_response_of_a_small_group() -> None:
    plans = {"basic": 100, "plus": 60, "gold": 20}
    frame = pd.DataFrame({"customer_id": [f"{plan}{n}" for plan, count in plans.items() for n in range(count)]})
    frame = frame.assign(plan=frame["customer_id"].str.rstrip("0123456789"), survey="tracking", wave="B")
    frame["counted_at"] = pd.Timestamp("2026-08-01", tz="UTC")
    rates = response_rates({"invitations": frame, "responses": frame[::2].drop(columns="plan")})
    safe = _protected(rates, 30).set_index("cell")
    assert safe.loc["plus", "reason"] == "hidden so that n<30 cannot be worked out"
    assert safe.loc[["plus", "gold"], ["invited", "answered", "estimate", "difference"]].isna().all(axis=None)
    assert np.isnan(safe.loc["plus", "n"])
    assert safe.loc["basic", "estimate"] == 50
    assert safe.loc["all", "invited"] == 180
