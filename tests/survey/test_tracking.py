"""Waves stated one by one, and two of them compared."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import ces, compare, compare_waves, csat, nps, nps_change, track

ITEMS = pd.DataFrame(
    [
        ("ltr", "loyalty", 0.0, 10.0, False),
        ("clean", "satisfaction", 1.0, 5.0, False),
        ("easy", "effort", 1.0, 7.0, True),
        ("trust", "attitude", 1.0, 7.0, True),
        ("comes_first", "importance", 1.0, 7.0, False),
        ("trouble", "problem", 0.0, 1.0, False),
        ("remark", "problem", math.nan, math.nan, False),
        ("not_in_the_file", "satisfaction", 1.0, 5.0, False),
    ],
    columns=["item", "role", "low", "high", "reversed"],
)


def wave(label: str, n: int, day: str, seed: int, lift: int = 0) -> pd.DataFrame:
    """One wave; `lift` moves every answer up by as many steps, within the scale."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "wave": label,
            "counted_at": pd.Timestamp(day, tz="UTC"),
            "ltr": np.clip(rng.integers(3, 11, n) + lift, 0, 10).astype(float),
            "clean": np.clip(rng.integers(2, 5, n) + lift, 1, 5).astype(float),
            "easy": np.clip(rng.integers(2, 6, n) + lift, 1, 7).astype(float),
            "trust": np.clip(rng.integers(2, 6, n) + lift, 1, 7).astype(float),
            "comes_first": np.clip(rng.integers(2, 6, n) + lift, 1, 7).astype(float),
            "trouble": np.clip(rng.integers(0, 2, n) + lift, 0, 1).astype(float),
            "remark": "fine",
            "weight": rng.uniform(0.5, 2, n),
            "flight": rng.integers(0, 12, n),
        }
    )


@pytest.fixture
def two_waves() -> pd.DataFrame:
    return pd.concat([wave("spring", 120, "2026-05-01", 1), wave("autumn", 110, "2026-10-01", 2, lift=2)])


def test_each_role_gets_its_metric_and_unit(two_waves: pd.DataFrame) -> None:
    found = track(two_waves, ITEMS)
    spring = found[found["wave"] == "spring"].set_index("item")
    assert spring["metric"].to_dict() == {
        "ltr": "nps",
        "clean": "top_box",
        "easy": "ces",
        "trust": "mean",
        "comes_first": "mean",
        "trouble": "top_box",
    }
    assert spring["unit"].tolist() == ["points", "%", "1 to 7", "1 to 7", "1 to 7", "%"]


def test_the_rows_are_what_the_public_functions_say(two_waves: pd.DataFrame) -> None:
    found = track(two_waves, ITEMS, weights_col="weight", cluster_col="flight", conf_level=0.9)
    part = two_waves[two_waves["wave"] == "autumn"]
    beside = {"weights": part["weight"], "clusters": part["flight"], "conf_level": 0.9}
    expected = {
        "ltr": nps(part["ltr"], **beside),
        "clean": csat(part["clean"], **beside),
        "easy": ces(part["easy"], scale=(1, 7), high_is_easy=False, **beside),
    }
    rows = found[found["wave"] == "autumn"].set_index("item")
    for item, result in expected.items():
        for field in ("estimate", "std_error", "conf_low", "conf_high", "n", "n_eff", "n_missing"):
            assert rows.loc[item, field] == pytest.approx(getattr(result, field)), (item, field)


def test_a_reversed_item_is_turned(two_waves: pd.DataFrame) -> None:
    spring = two_waves[two_waves["wave"] == "spring"]
    found = track(spring, ITEMS).set_index("item")
    assert found.loc["trust", "estimate"] == pytest.approx(8 - spring["trust"].mean())


def test_an_effort_question_asked_as_difficulty_is_turned() -> None:
    part = wave("w", 40, "2026-01-01", 3)
    items = ITEMS[ITEMS["item"] == "easy"].assign(reversed=False, high_is_easy=False)
    assert track(part, items).loc[0, "estimate"] == pytest.approx(8 - part["easy"].mean())


def test_waves_come_in_the_order_of_their_newest_answer(two_waves: pd.DataFrame) -> None:
    assert track(two_waves, ITEMS)["wave"].unique().tolist() == ["spring", "autumn"]
    assert track(two_waves.drop(columns="counted_at"), ITEMS)["wave"].unique().tolist() == ["autumn", "spring"]


def test_a_small_base_is_suppressed_and_keeps_its_n() -> None:
    part = wave("w", 29, "2026-01-01", 3)
    row = track(part, ITEMS).set_index("item").loc["ltr"]
    assert math.isnan(row["estimate"])
    assert math.isnan(row["conf_low"])
    assert (row["n"], row["suppressed"], row["reason"]) == (29, True, "n<30")
    assert track(part, ITEMS, min_base=29)["suppressed"].tolist() == [False] * 6


def test_an_item_not_asked_in_a_wave_is_undefined_and_not_suppressed(two_waves: pd.DataFrame) -> None:
    frame = two_waves.assign(clean=two_waves["clean"].where(two_waves["wave"] == "autumn"))
    row = track(frame, ITEMS).set_index(["wave", "item"]).loc[("spring", "clean")]
    assert math.isnan(row["estimate"])
    assert (row["n"], row["n_missing"], row["suppressed"], row["reason"]) == (0, 120, False, "nobody answered")


def test_a_wave_without_weights_is_unweighted_and_says_so(two_waves: pd.DataFrame) -> None:
    frame = two_waves.assign(weight=two_waves["weight"].where(two_waves["wave"] == "autumn"))
    found = track(frame, ITEMS, weights_col="weight").set_index(["wave", "item"])
    assert not found.loc[("spring", "ltr"), "weighted"]
    assert found.loc[("spring", "ltr"), "reason"] == "unweighted: this wave has no weights"
    assert found.loc[("spring", "ltr"), "n_eff"] == 120
    assert found.loc[("autumn", "ltr"), "weighted"]
    assert found.loc[("autumn", "ltr"), "n_eff"] < 110


def test_a_single_answer_without_a_weight_in_a_weighted_wave_is_refused(two_waves: pd.DataFrame) -> None:
    frame = two_waves.reset_index(drop=True)
    frame.loc[0, "weight"] = math.nan
    with pytest.raises(ValueError, match="wave spring, item `ltr`: 1 respondents who answered have no weight"):
        track(frame, ITEMS, weights_col="weight")


def test_off_scale_codes_are_refused_with_wave_and_item(two_waves: pd.DataFrame) -> None:
    frame = two_waves.reset_index(drop=True)
    frame.loc[0, "clean"] = 6
    with pytest.raises(ValueError, match=r"wave spring, item `clean`: .*`missing = \[6\]`"):
        track(frame, ITEMS)


def test_customers_and_staff_and_two_surveys_are_never_pooled(two_waves: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="customers and staff must not be pooled"):
        track(two_waves.assign(perspective=["customer", "staff"] * 115), ITEMS)
    with pytest.raises(ValueError, match="wave `spring` belongs to several surveys"):
        track(two_waves.assign(survey=["event"] + ["tracking"] * 229), ITEMS)
    with pytest.raises(ValueError, match="1 respondents have no `wave`"):
        track(two_waves.assign(wave=[None] + ["spring"] * 229), ITEMS)


def test_a_wide_satisfaction_scale_is_a_mean() -> None:
    items = pd.DataFrame({"item": ["s"], "role": ["satisfaction"], "low": [1.0], "high": [100.0]})
    part = pd.DataFrame({"wave": "w", "s": [float(x) for x in range(1, 101)]})
    row = track(part, items).iloc[0]
    assert (row["metric"], row["estimate"]) == ("mean", 50.5)


def test_a_tested_change_reads_as_what_it_means_to_the_customer(two_waves: pd.DataFrame) -> None:
    found = compare_waves(two_waves, ITEMS, before="spring", after="autumn")
    reading = found.frame.set_index("item")["reading"].to_dict()
    # every answer rose by two steps: reversed items and problems got worse, importance merely changed
    assert reading == {
        "ltr": "better",
        "clean": "better",
        "easy": "worse",
        "trust": "worse",
        "comes_first": "changed",
        "trouble": "worse",
    }
    assert found.family_size == 6
    assert found.headline() == (
        "Of 6 measures tested between spring and autumn, 2 got better, 3 got worse, 1 changed; "
        "0 show no clear change (n 120 before, 110 after at most)."
    )


def test_nothing_moved_reads_as_no_clear_change_with_what_could_have_been_seen() -> None:
    frame = pd.concat([wave("a", 200, "2026-01-01", 5), wave("b", 200, "2026-02-01", 6)])
    found = compare_waves(frame, ITEMS, before="a", after="b")
    row = found.frame.set_index("item").loc["ltr"]
    assert row["reading"] == "no clear change"
    assert row["detectable"] == pytest.approx((1.959964 + 0.841621) * row["std_error"], rel=1e-5)
    assert (found.frame["reading"] == "no clear change").all()


def test_the_difference_is_that_of_nps_change(two_waves: pd.DataFrame) -> None:
    row = compare_waves(two_waves, ITEMS, before="spring", after="autumn").frame.set_index("item").loc["ltr"]
    parts = {label: part["ltr"] for label, part in two_waves.groupby("wave")}
    expected = nps_change(parts["spring"], parts["autumn"])
    assert row["difference"] == pytest.approx(expected.estimate)
    assert row["difference"] == pytest.approx(row["estimate_after"] - row["estimate_before"])
    assert (row["conf_low"], row["conf_high"], row["p_value"]) == pytest.approx(
        (expected.conf_low, expected.conf_high, expected.p_value)
    )


def test_weights_and_clusters_count_only_where_both_waves_have_them(two_waves: pd.DataFrame) -> None:
    columns = {"weights_col": "weight", "cluster_col": "flight"}
    both = compare_waves(two_waves, ITEMS, before="spring", after="autumn", **columns)
    assert (both.weighted, both.clustered) == (True, True)
    assert both.design == "Weights used. Clusters used."
    lacking = two_waves.assign(weight=two_waves["weight"].where(two_waves["wave"] == "autumn"), flight=None)
    found = compare_waves(lacking, ITEMS, before="spring", after="autumn", **columns)
    assert (found.weighted, found.clustered) == (False, False)
    assert found.design == "Weights not used: wave spring has none. Clusters not used: wave spring and autumn has none."
    plain = compare_waves(two_waves, ITEMS, before="spring", after="autumn")
    pd.testing.assert_frame_equal(found.frame, plain.frame)


def test_small_and_absent_bases_are_not_tested_and_outside_the_family(two_waves: pd.DataFrame) -> None:
    small = two_waves.reset_index(drop=True)
    small.loc[20:119, "ltr"] = math.nan
    small.loc[:119, "clean"] = math.nan
    found = compare_waves(small, ITEMS, before="spring", after="autumn")
    rows = found.frame.set_index("item")
    assert (rows.loc["ltr", "reading"], rows.loc["ltr", "reason"]) == ("not tested", "n<30")
    assert rows.loc["ltr", "suppressed"]
    assert math.isnan(rows.loc["ltr", "estimate_before"])
    assert rows.loc["ltr", "estimate_after"] > 0
    assert (rows.loc["clean", "reading"], rows.loc["clean", "reason"]) == ("not tested", "nobody answered before")
    assert not rows.loc["clean", "suppressed"]
    assert found.family_size == 4


def test_nothing_to_test_is_said_and_not_an_error() -> None:
    frame = pd.concat([wave("a", 5, "2026-01-01", 5), wave("b", 5, "2026-02-01", 6)])
    found = compare_waves(frame, ITEMS, before="a", after="b")
    assert found.family_size == 0
    assert found.headline() == "Nothing could be tested between a and b (n 5 before, 5 after at most)."
    empty = compare_waves(frame, ITEMS[:0], before="a", after="b")
    assert empty.headline() == "Nothing could be tested between a and b (n 0 before, 0 after at most)."
    assert track(frame, ITEMS[:0]).empty


def test_unknown_and_equal_waves_are_refused(two_waves: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="there is no wave `sprig`; did you mean `spring`"):
        compare_waves(two_waves, ITEMS, before="sprig", after="autumn")
    with pytest.raises(ValueError, match="the same wave `spring`"):
        compare_waves(two_waves, ITEMS, before="spring", after="spring")


def test_a_wave_in_which_all_agree_can_be_tested_against_one_in_which_they_do_not() -> None:
    items = ITEMS[ITEMS["item"].isin(["trouble", "comes_first"])]
    frame = pd.concat(
        [wave("a", 60, "2026-01-01", 5), wave("b", 60, "2026-02-01", 6).assign(trouble=1.0, comes_first=7.0)]
    )
    rows = compare_waves(frame, items, before="a", after="b").frame.set_index("item")
    assert rows["reading"].to_dict() == {"comes_first": "changed", "trouble": "worse"}
    same = frame.assign(comes_first=7.0)
    row = compare_waves(same, items, before="a", after="b").frame.set_index("item").loc["comes_first"]
    assert (row["reading"], row["difference"]) == ("not tested", 0)
    assert row["reason"] == "everybody in both groups gave the same answer, so there is no test"


def test_q_values_are_corrected_for_every_item_that_was_tested(two_waves: pd.DataFrame) -> None:
    """By hand: with the p-values in rising order, q is the smallest of p·m/rank from here on (Benjamini–Hochberg 1995)."""
    pair = pd.concat([wave("spring", 120, "2026-05-01", 1), wave("autumn", 110, "2026-10-01", 2)])
    found = compare_waves(pair, ITEMS, before="spring", after="autumn")
    tested = found.frame.dropna(subset="p_value").sort_values("p_value")
    m = found.family_size
    assert m == len(tested) == 6
    raw = [p * m / rank for rank, p in enumerate(tested["p_value"], 1)]
    by_hand = [min(raw[at:]) for at in range(m)]
    assert tested["q_value"].to_list() == pytest.approx(by_hand)
    assert (tested["q_value"] > tested["p_value"] + 1e-6).any()


def test_strata_take_what_differs_between_them_out_of_the_error() -> None:
    wave = pd.DataFrame(
        {"wave": "A", "recommend": [10.0] * 60 + [0.0] * 60, "layer": ["promoters"] * 60 + ["detractors"] * 60}
    )
    wave.loc[[0, 60], "recommend"] = [0.0, 10.0]  # one of sixty in each is of another mind
    items = pd.DataFrame({"item": ["recommend"], "role": ["loyalty"], "low": [0.0], "high": [10.0]})
    plain, drawn = (track(wave, items, strata_col=column)["std_error"].iloc[0] for column in (None, "layer"))
    own = 200 * math.sqrt(59 / 3600)  # within a stratum the score has the variance 200²·(1/60)(59/60), over 60
    assert drawn == pytest.approx(math.sqrt(2) / 2 * own / math.sqrt(59))
    assert plain == pytest.approx(200 * math.sqrt(0.25 / 119))
    assert drawn == pytest.approx(nps(wave["recommend"], strata=wave["layer"]).std_error)


def test_a_stratum_with_one_answer_joins_another_one_and_nothing_is_refused() -> None:
    rows = pd.DataFrame({"wave": "A", "recommend": [10.0, 0.0] * 30 + [10.0], "layer": ["many"] * 60 + ["one"]})
    items = pd.DataFrame({"item": ["recommend"], "role": ["loyalty"], "low": [0.0], "high": [10.0]})
    found = track(rows, items, strata_col="layer")
    assert found["std_error"].iloc[0] == pytest.approx(track(rows, items)["std_error"].iloc[0])


def test_a_comparison_knows_the_strata_of_both_waves() -> None:
    first = pd.DataFrame({"wave": "A", "recommend": [10.0] * 60 + [0.0] * 60, "layer": ["p"] * 60 + ["d"] * 60})
    first.loc[[0, 60], "recommend"] = [0.0, 10.0]
    items = pd.DataFrame({"item": ["recommend"], "role": ["loyalty"], "low": [0.0], "high": [10.0]})
    waves = pd.concat([first, first.assign(wave="B")], ignore_index=True)
    found = compare_waves(waves, items, before="A", after="B", strata_col="layer")
    one = nps(first["recommend"], strata=first["layer"]).std_error
    assert found.frame["std_error"].iloc[0] == pytest.approx(math.hypot(one, one))
    assert "Strata used." in found.design
    lacking = compare_waves(
        waves.assign(layer=waves["layer"].where(waves["wave"] == "A")), items, before="A", after="B", strata_col="layer"
    )
    assert "Strata not used: wave B has none." in lacking.design
    both = compare(
        waves.assign(best=waves["recommend"] / 10), ["best"], by="wave", scale=(0, 1), top=1, strata_col="layer"
    ).iloc[0]
    assert both["std_error"] == pytest.approx(found.frame["std_error"].iloc[0] / 2)
