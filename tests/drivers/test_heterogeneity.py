"""For whom what counts: groupings that are tested together, drivers inside those that are clear, and accounts that stay unnamed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cxlab.drivers import heterogeneity
from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.groups import segment_differences
from cxlab.drivers.heterogeneity import ForWhom, for_whom
from cxlab.inference import benjamini_hochberg

NAMES = ["app", "shop", "help"]


def _asked(rows: pd.DataFrame, highs: tuple[int, ...] = (5, 5, 5)) -> DriverAnswers:
    items = pd.DataFrame(
        {
            "item": ["recommend", *NAMES], "label": ["Recommendation", "App", "Shop", "Help"], "low": [0, 1, 1, 1], "high": [10, *highs],
            "role": ["loyalty", *["satisfaction"] * 3], "touchpoint": [None, *NAMES],
        }
    ).set_index("item")  # fmt: skip
    places = pd.DataFrame({"touchpoint": NAMES, "owner": ["Ann", None, None]})
    return DriverAnswers(rows, "recommend", NAMES, [], items, places)


def _rows(planted: float = 0.8, n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Everybody: half a point for each driver. In the plan Business the app counts `planted` more; the region changes nothing."""
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(rng.integers(1, 6, (n, 3)).astype(float), columns=NAMES)
    rows["plan"] = np.where(rng.random(n) < 0.5, "Business", "Basic")
    rows["region"] = np.where(rng.random(n) < 0.5, "North", "South")
    more = (rows["plan"] == "Business") * planted * rows["app"]
    rows["recommend"] = rows[NAMES].sum(axis=1) / 2 + more + rng.normal(0, 1, n)
    rows["customer_id"] = [f"C{i:03d}" for i in range(n)]
    return rows.assign(survey="tracking", wave="2026-Q3", counted_at=pd.Timestamp("2026-09-30"))


def _texts(found: ForWhom) -> str:
    """Everything that the page would show."""
    parts = [*found.sentences(), *found.notes()]
    for words, rows in (
        found.drivers_shown() + found.segments_shown() + found.groupings_shown() + found.accounts_shown()
    ):
        parts += [str({key: value for key, value in words.items() if key != "table"}), rows.to_string()]
    return "\n".join(parts)


# -------------------------------------------------------------------------------------------------------------- segments


def test_a_planted_difference_is_said_with_both_segments_their_intervals_and_bases() -> None:
    rows = _rows()
    found = for_whom(_asked(rows))
    ends = {}
    for plan, own in rows.groupby("plan"):  # by another route: least squares inside each plan
        design = np.column_stack([np.ones(len(own)), own[NAMES]])
        ends[plan] = (np.linalg.lstsq(design, own["recommend"], rcond=None)[0][1], len(own))
    table = found.by_segment.set_index(["driver", "segment"])
    low, high = table.loc[("app", "Basic")], table.loc[("app", "Business")]
    assert (low["estimate"], low["n"]) == pytest.approx(ends["Basic"])
    assert (high["estimate"], high["n"]) == pytest.approx(ends["Business"])
    assert found.sentences() == [
        f"What moves recommendation differs by plan: one point more of app goes with {high['estimate']:.1f} ({high['conf_low']:.1f} to "
        f"{high['conf_high']:.1f}) points for Business (n {ends['Business'][1]}), {low['estimate']:.2f} ({low['conf_low']:.2f} to "
        f"{low['conf_high']:.2f}) for Basic (n {ends['Basic'][1]})."
    ]
    assert found.notes() == []
    ((words, shown),) = found.drivers_shown()
    assert words["title"].startswith("App counts differently by plan: ")
    assert list(shown["segment"]) == ["Business", "Basic"]
    assert words["alt"].startswith(f"Dot plot of the coefficient of app by plan: Business {high['estimate']:.1f} (")


def test_a_segment_in_which_a_driver_never_changes_is_shown_with_the_reason() -> None:
    rows = _rows(n=600)
    rows.loc[:149, "plan"], rows.loc[:149, "app"] = "Still", 3.0
    ((words, shown),) = [one for one in for_whom(_asked(rows)).drivers_shown() if one[1]["driver"][0] == "app"]
    assert shown["segment"].iloc[-1] == "Still"
    assert words["alt"].endswith("; Still not shown, no spread of its own in this segment.")
    assert "Still" not in words["title"]


def test_groupings_are_corrected_together_and_the_surest_comes_first() -> None:
    rows = _rows().assign(side=np.random.default_rng(7).choice(["left", "right"], 400))
    found = for_whom(_asked(rows)).groupings
    options: dict[str, Any] = {"outcome": "recommend", "drivers": NAMES, "n_boot": 0}
    p = [segment_differences(rows, segment_col=name, **options).p_value for name in ("plan", "region", "side")]
    assert list(found["label"]) == [["plan", "region", "side"][place] for place in np.argsort(p)]
    assert list(found["q_value"]) == pytest.approx(sorted(benjamini_hochberg(p)), rel=1e-9, abs=0)
    assert found.loc[0, "q_value"] == pytest.approx(3 * min(p), abs=0)
    assert list(found["result"]) == ["Differs: app", "Not clear", "Not clear"]


def test_inside_a_picked_grouping_a_driver_must_be_surer_by_the_share_of_groupings_that_are_clear() -> None:
    rows = _rows(planted=0.4, seed=0)
    rows["recommend"] += (rows["plan"] == "Business") * 0.25 * rows["help"]
    found = for_whom(_asked(rows))
    own = found.by_segment.drop_duplicates("driver").set_index("driver")
    assert list(found.clear["label"]) == ["plan"]
    assert 0.025 < own.loc["help", "q_value"] < 0.05  # clear if plan were the only grouping
    assert list(own.index[own["differs"]]) == ["app"]
    alone = for_whom(_asked(rows.drop(columns="region"))).by_segment
    assert set(alone.loc[alone["differs"], "driver"]) == {"app", "help"}


def test_where_nothing_is_clear_one_sentence_says_what_would_have_been_seen() -> None:
    found = for_whom(_asked(_rows(planted=0.0).drop(columns="region")))
    fits = segment_differences(
        _rows(planted=0.0), outcome="recommend", drivers=NAMES, segment_col="plan", n_boot=0
    ).coefficients
    errors = [np.hypot(*own["std_error"]) for _, own in fits.groupby("driver")]
    assert found.detectable == pytest.approx((1.959964 + 0.841621) * np.median(errors), rel=1e-6)
    assert found.sentences() == []
    assert found.notes() == [
        f"What moves recommendation does not clearly differ by plan (2 segments). Two of them that differ by {found.detectable:.2f} "
        "points of recommendation for one point more of a driver would usually have been told apart, taken alone."
    ]
    assert found.drivers_shown() == [] == found.segments_shown()


def test_groups_come_from_answers_customers_and_needs_segments_and_the_answers_own_column_counts() -> None:
    rows = _rows()
    customers = pd.DataFrame(
        {
            "customer_id": rows["customer_id"], "sales_channel": np.where(np.arange(400) % 2, "shop", "online"),
            "region": "elsewhere",
        }
    )  # fmt: skip
    customers.loc[0, "region"] = "nowhere"
    placed = pd.DataFrame(
        {
            "customer_id": rows["customer_id"][:300],
            "segment_id": "x",
            "segment": np.where(rows["plan"][:300] == "Business", "Savers", "Fans"),
        }
    )
    found = for_whom(_asked(rows), customers=customers, membership=placed)
    tests = found.groupings.set_index("label")
    assert set(tests.index) == {"plan", "region", "sales channel", "needs segment"}
    assert tests.loc["region", "n"] == 400
    assert tests.loc["needs segment", "n"] == 300
    assert found.sentences()[0].startswith("What moves recommendation differs by plan and needs segment: ")


def test_segments_that_are_too_small_are_left_out_and_counted_and_the_reason_is_said() -> None:
    rows = _rows()
    rows.loc[:19, "plan"] = "Family"
    found = for_whom(_asked(rows), min_base=30)
    assert "Family" not in set(found.by_segment["segment"])
    assert "20 more in segments below 30 are left out" in found.drivers_shown()[0][0]["note"]["Base"]
    none = for_whom(_asked(_rows(n=50)))
    assert none.notes() == [
        "Whether drivers differ between segments cannot be told: by plan and region there are no two segments with 30 respondents who "
        "answered every driver; 50 did in all."
    ]
    assert set(none.groupings["result"].str[:11]) == {"Not tested:"}
    bare = for_whom(_asked(_rows().drop(columns=["plan", "region", "customer_id"])))
    assert bare.notes() == [
        "Whether drivers differ between segments cannot be told: no column of the answers or of the customers makes 2 to 12 groups."
    ]
    assert bare.groupings_shown() == []


def test_a_driver_on_a_long_scale_is_read_in_ten_points() -> None:
    rows = _rows()
    rows[NAMES] *= 20
    short, long = for_whom(_asked(_rows())), for_whom(_asked(rows, highs=(100, 100, 100)))
    assert list(long.by_segment["estimate"]) == pytest.approx(list(short.by_segment["estimate"] / 2))
    assert long.detectable == pytest.approx(short.detectable / 2)
    assert "ten points more of app goes with" in long.sentences()[0]


def test_errors_are_by_account_and_answers_weighted_where_the_answers_say_so() -> None:
    rng = np.random.default_rng(0)
    rows = _rows().assign(cluster=[f"k{i % 40}" for i in range(400)], weight=rng.uniform(0.5, 2, 400))
    found = for_whom(_asked(rows))
    direct = segment_differences(
        rows,
        outcome="recommend",
        drivers=NAMES,
        segment_col="plan",
        weights_col="weight",
        cluster_col="cluster",
        n_boot=0,
    )
    assert found.groupings.loc[0, "p_value"] == pytest.approx(direct.p_value)
    assert "errors by account (CR3), weighted" in found.groupings_shown()[0][0]["note"]["Test"]


def test_shares_of_a_segment_add_up_to_all_and_stand_nowhere_without_their_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = for_whom(_asked(_rows()))
    assert list(found.by_segment.groupby("segment")["share"].sum()) == pytest.approx([100, 100])
    ((words, rows),) = found.segments_shown()
    assert words["title"] == "1 of 3 drivers clearly differs by plan: app."
    assert rows["share_text"].str.fullmatch(r"\d+% \(\d+ to \d+%\)").all()
    monkeypatch.setattr(heterogeneity, "_SUBSETS", 99 * 2 * 2**3)  # one resample short of enough
    ((words, rows),) = for_whom(_asked(_rows())).segments_shown()
    assert set(rows["share_text"]) == {"not computed"}
    assert words["note"]["Share"] == "With 3 drivers its interval would take too long, so it is not computed"


def test_pictures_take_the_surest_driver_of_each_grouping_in_turn() -> None:
    rows = _rows()
    twin = rows["plan"].map({"Business": "x", "Basic": "y"})
    rows["recommend"] += (rows["plan"] == "Business") * 0.9 * (rows["shop"] + rows["help"])
    found = for_whom(_asked(rows.assign(kind=twin, sort=twin)))
    pictured = [(one["grouping"][0], one["driver"][0]) for _, one in found.drivers_shown()]
    assert len(pictured) == 4
    assert {grouping for grouping, _ in pictured[:3]} == {"plan", "kind", "sort"}
    assert pictured[3][0] == pictured[0][0]
    assert pictured[3][1] != pictured[0][1]


def test_findings_name_the_segment_in_which_a_driver_counts_most_where_it_clearly_counts() -> None:
    (finding,) = for_whom(_asked(_rows())).findings()
    assert (finding["name"], finding["level"], finding["target"]) == ("driver_app_by_plan", "segment", "Business")
    assert finding["owner"] == "Ann"
    assert finding["result"]["estimate"] == pytest.approx(1.3, abs=0.15)
    turned = _rows()
    turned["recommend"] -= 1.3 * turned["app"]  # now 0 for Business and below 0 for Basic
    found = for_whom(_asked(turned))
    assert list(found.clear["label"]) == ["plan"]
    assert found.findings() == []


# ------------------------------------------------------------------------------------------- single accounts and customers


def _with_accounts(scatter: float) -> pd.DataFrame:
    """40 accounts of 20 people; between them the app's coefficient scatters with a standard deviation of `scatter`."""
    rows = _rows(planted=0.0, n=800).drop(columns=["plan", "region"])
    account = np.arange(800) % 40
    drawn = np.random.default_rng(3).normal(size=40)
    rows["recommend"] += scatter * (drawn / drawn.std(ddof=1))[account] * rows["app"]
    return rows.assign(account_id=[f"Account-{i}" for i in account])


def test_accounts_that_differ_are_counted_and_only_the_restricted_list_names_them() -> None:
    found = for_whom(_asked(_with_accounts(0.7)))
    assert found.accounts is not None
    assert found.sentences() == ["Accounts clearly differ in how much app counts (40 accounts)."]
    ((words, rows),) = found.accounts_shown()
    table = dict(found.restricted())["account_priorities"]
    off = table[(table["driver"] == "app") & (table["reading"] != "not clear")]["account_id"].nunique()
    assert 10 < off < 40
    assert (
        words["title"]
        == f"1 of 3 drivers counts differently between 40 accounts; {off} of these lie clearly off the whole."
    )
    assert not words["folded"]
    forced = replace(
        found.accounts,
        table=table.assign(reading=table["reading"].mask(table["driver"] == "shop", "more than the whole")),
    )
    assert replace(found, accounts=forced).accounts_shown()[0][0]["title"] == words["title"]  # the shop does not differ
    assert list(rows["label"]) == ["App", "Shop", "Help"]
    assert rows["sd"][0] == pytest.approx(0.7, abs=0.1)
    assert "Account-" not in _texts(found)
    assert set(table["label"]) == {"App", "Shop", "Help"}


def test_accounts_that_are_alike_are_said_to_be_not_clear_and_stand_folded() -> None:
    found = for_whom(_asked(_with_accounts(0.0)))
    ((words, _),) = found.accounts_shown()
    assert words["title"] == "What counts does not clearly differ between 40 accounts."
    assert words["folded"]
    assert found.sentences() == []


def test_accounts_may_be_known_from_the_customers_alone() -> None:
    rows = _with_accounts(0.7)
    customers = rows[["customer_id", "account_id"]]
    found = for_whom(_asked(rows.drop(columns="account_id")), customers=customers)
    assert found.accounts is not None
    assert found.accounts.n_accounts == 40
    assert found.groupings.empty  # accounts are no grouping


def test_why_accounts_and_customers_cannot_be_told_apart_is_one_sentence() -> None:
    rows = _rows(planted=0.8).assign(account_id=[f"A{i // 2}" if i < 18 else f"A{i}" for i in range(400)])
    found = for_whom(_asked(rows), responses=rows)
    assert found.notes() == [
        "What counts for single accounts (10 accounts with 2 complete answers or more are needed, 9 have them) and single customers (30 "
        "customers with 5 complete answers or more are needed, 0 have them) cannot be told."
    ]
    pairs = rows.assign(account_id=[f"A{i // 2}" if i < 20 else f"A{i}" for i in range(400)])
    assert (
        for_whom(_asked(pairs)).why_no_accounts == "400 complete answers of 390 accounts are too few to tell them apart"
    )
    still = _with_accounts(0.0)
    still.loc[:, "shop"] = 3.0
    still.loc[0, ["shop", "account_id"]] = [4.0, None]  # the driver changes, but not inside accounts
    assert (
        for_whom(_asked(still)).why_no_accounts
        == "among their answers a driver never changes, or follows from the others"
    )


def test_customers_with_long_records_are_pooled_over_the_waves_of_the_same_survey() -> None:
    rng = np.random.default_rng(5)
    waves = []
    for number in range(6):
        wave = _rows(planted=0.0, n=60, seed=number).drop(columns=["plan", "region"])
        waves.append(wave.assign(wave=f"2026-{number}"))
    responses = pd.concat(waves, ignore_index=True)
    scatter = rng.normal(0, 1.0, 60)[np.arange(360) % 60]
    responses["recommend"] += scatter * (responses["app"] - 3)
    others = responses.assign(survey="event")
    found = for_whom(_asked(waves[-1]), responses=pd.concat([responses, others], ignore_index=True))
    assert found.customers is not None
    assert (found.customers.n_accounts, found.customers.n) == (60, 360)
    ((words, _),) = found.accounts_shown()
    assert words["title"].startswith("1 of 3 drivers counts differently between 60 customers; ")
    assert "C00" not in _texts(found)
