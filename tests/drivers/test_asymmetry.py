"""Penalty, reward and bends: planted shapes, by hand, refits, the classes and when they are named, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from cxlab.drivers.asymmetry import CLASSES, PenaltyReward, classify, diminishing_returns, penalty_reward
from cxlab.drivers.performance import NOT_SETTLED
from cxlab.inference import benjamini_hochberg

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "drivers"
SHAPES = {  # what a low and a high answer do
    "safety": (-2.0, 0.1),
    "speed": (-1.0, 1.0),
    "surprise": (-0.1, 2.0),
    "noise": (0.0, 0.0),
}


def _planted(n: int = 600, seed: int = 0, noise: float = 1.0) -> pd.DataFrame:
    """The outcome is 5 plus what `SHAPES` says of each answer (1, 2 low; 4, 5 high) plus noise."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({name: rng.integers(1, 6, n).astype(float) for name in SHAPES})
    loyal = 5 + noise * rng.normal(size=n)
    for name, (low, high) in SHAPES.items():
        loyal = loyal + low * (table[name] < 3) + high * (table[name] > 3)
    return table.assign(loyal=loyal)


def _found(data: pd.DataFrame | None = None, drivers: list[str] | None = None, **more: Any) -> PenaltyReward:
    return penalty_reward(
        _planted() if data is None else data,
        "loyal",
        drivers or list(SHAPES),
        **{"scales": (1, 5), "n_boot": 0, **more},
    )


def test_penalty_and_reward_are_differences_to_the_middle_by_hand() -> None:
    # one driver: mean outcome 1 for low, 4 for the middle, 5 for high answers
    data = pd.DataFrame({"app": [1, 2, 3, 3, 4, 5] * 10, "loyal": ([0.5, 1.5, 3, 5, 4.5, 5.5] * 10)}, dtype=float)
    row = _found(data, ["app"]).table.iloc[0]
    assert (row["penalty"], row["reward"]) == pytest.approx((-3, 1))
    assert (row["n_low"], row["n_middle"], row["n_high"]) == (20, 20, 20)
    assert (row["low_to"], row["high_from"]) == (2, 4)
    assert row["class"] == "basic"


@pytest.mark.parametrize("clustered", [False, True])
def test_errors_are_hc3_or_by_account_and_q_values_count_all_dummies(clustered: bool) -> None:
    data = _planted(200).assign(account=np.arange(200) // 4, w=np.tile([1.0, 2.0], 100))
    found = _found(data, cluster_col="account" if clustered else None, weights_col=None if clustered else "w")
    dummies = pd.DataFrame({f"{n}<": data[n] < 3 for n in SHAPES} | {f"{n}>": data[n] > 3 for n in SHAPES}, dtype=float)
    model = sm.WLS(data["loyal"], sm.add_constant(dummies), weights=1 if clustered else data["w"])
    fit = model.fit(cov_type="HC3") if not clustered else model.fit()
    effects = np.concatenate([found.table["penalty"], found.table["reward"]])
    errors = np.concatenate([found.table["penalty_error"], found.table["reward_error"]])
    assert effects == pytest.approx(fit.params.iloc[1:].to_numpy())
    if clustered:  # leave one account out, the other route
        left = [
            sm.OLS(data["loyal"], sm.add_constant(dummies)).fit().params
            - sm.OLS(data["loyal"][keep], sm.add_constant(dummies)[keep]).fit().params
            for keep in (data["account"] != account for account in range(50))
        ]
        assert errors == pytest.approx(np.sqrt((np.array(left) ** 2).sum(axis=0))[1:])
    else:
        assert errors == pytest.approx(fit.bse.iloc[1:].to_numpy())
        assert found.weighted
    df = 49 if clustered else 200 - 9
    q = benjamini_hochberg(2 * stats.t.sf(np.abs(effects / errors), df))
    assert np.concatenate([found.table["penalty_q"], found.table["reward_q"]]) == pytest.approx(q)
    reach = stats.t.ppf(0.975, df) * found.table["penalty_error"]
    assert found.table["penalty_low"].to_numpy() == pytest.approx((found.table["penalty"] - reach).to_numpy())


def test_planted_shapes_get_their_class_and_nothing_is_never_named() -> None:
    table = _found(n_boot=200).table.set_index("driver")
    assert table["class"].to_dict() == {
        "safety": "basic", "speed": "performance", "surprise": "excitement", "noise": "none",
    }  # fmt: skip
    assert table["class_named"].to_dict() == {
        "safety": "basic", "speed": "performance", "surprise": "excitement", "noise": NOT_SETTLED,
    }  # fmt: skip
    assert table.loc["noise", "class_probability"] > 0.8
    shares = table[[f"p_{name}" for name in CLASSES]]
    assert shares.sum(axis=1).tolist() == pytest.approx([1] * 4)
    for driver, row in table.iterrows():
        assert row["class_probability"] == shares.loc[driver, f"p_{row['class']}"]


def test_a_class_at_the_edge_of_two_to_one_is_not_named() -> None:
    # 40 of each answer, half a point above and half a point below what their answer says: −2 and 1 exactly
    data = pd.DataFrame({"app": np.repeat([1.0, 2, 3, 4, 5], 40)})
    data["loyal"] = 5 - 2 * (data["app"] < 3) + (data["app"] > 3) + np.tile([1.0, -1.0], 100)
    row = _found(data, ["app"], n_boot=300).table.iloc[0]
    assert (row["penalty"], row["reward"]) == pytest.approx((-2, 1))
    assert row["p_basic"] == pytest.approx(0.5, abs=0.1)
    assert row["p_performance"] == pytest.approx(0.5, abs=0.1)
    assert row["class_named"] == NOT_SETTLED
    assert row["class"] in ("basic", "performance")


@pytest.mark.parametrize(
    ("penalty", "reward", "clear_low", "clear_high", "expected"),
    [
        (-2.0, 1.0, True, True, "basic"),
        (-1.9, 1.0, True, True, "performance"),
        (-1.0, 2.0, True, True, "excitement"),
        (-1.0, 0.8, True, False, "performance"),  # what is not clear is not therefore small
        (-1.0, 0.8, False, False, "none"),
        (-2.0, 0.5, False, True, "performance"),  # a penalty that is not clear does not make a basic
        (-1.0, -0.8, True, False, "basic"),  # the wrong way, as chance may have it: counts 0
        (-1.0, -0.8, True, True, "none"),  # clearly the wrong way, and nearly as strong
        (-1.0, -0.4, True, True, "basic"),
        (0.3, 2.0, True, True, "excitement"),
        (1.5, 2.0, False, True, "excitement"),
        (1.5, 2.0, True, True, "none"),
        (1.0, -1.0, True, True, "none"),
    ],
)
def test_the_rule_of_the_classes(
    penalty: float, reward: float, clear_low: bool, clear_high: bool, expected: str
) -> None:
    assert CLASSES[int(classify([penalty], [reward], [clear_low], [clear_high])[0])] == expected


def test_an_effect_that_is_clear_only_as_a_single_test_makes_no_class() -> None:
    rng = np.random.default_rng(4)
    data = pd.DataFrame(rng.integers(1, 6, size=(300, 8)).astype(float), columns=list("abcdefgh"))
    data["loyal"] = rng.normal(size=300)
    table = _found(data, list("abcdefgh")).table
    p_low, p_high = (
        2 * stats.t.sf((table[word] / table[f"{word}_error"]).abs(), 300 - 17) for word in ("penalty", "reward")
    )
    single = classify(table["penalty"], table["reward"], p_low < 0.05, p_high < 0.05)
    assert "excitement" in {CLASSES[k] for k in single}, "single tests would have called one"
    assert set(table["class"]) == {"none"}


def test_answers_that_clearly_run_the_wrong_way_are_said() -> None:
    data = _planted(500)
    data["loyal"] += 1.0 * (data["noise"] < 3) + 1.2 * (data["noise"] > 3)  # both ends better than the middle
    table = _found(data).table.set_index("driver")
    assert table.loc["noise", "class"] == "none"
    assert table["wrong_way"].to_dict() == {"safety": "", "speed": "", "surprise": "", "noise": "low answers"}


def test_the_resamples_are_refits_of_redrawn_accounts() -> None:
    data = _planted(160).assign(account=np.arange(160) // 4)
    found = _found(data, cluster_col="account", n_boot=100, random_state=7)
    rng = np.random.default_rng(7)
    members = np.arange(160).reshape(40, 4)
    for draw in found.draws[:10]:
        again = _found(data.iloc[members[rng.integers(0, 40, 40)].ravel()]).table
        assert draw == pytest.approx(again[["penalty", "reward"]].to_numpy())
    assert (found.n_draws, found.clustered) == (100, True)


def test_a_driver_with_few_low_answers_has_no_class_but_is_held_fixed() -> None:
    data = _planted(300)
    data["speed"] = data["speed"].where((data["speed"] > 2) | (data.index < 12), 4.0)
    n_low = int((data["speed"] < 3).sum())
    assert 0 < n_low < 10
    table = _found(data, n_boot=100).table.set_index("driver")
    row = table.loc["speed"]
    assert np.isnan([row["penalty"], row["reward"], row["class_probability"]]).all()
    assert (row["class"], row["class_named"]) == ("", "")
    assert row["reason"].startswith(f"{n_low} low, ")
    others = [name for name in SHAPES if name != "speed"]
    dummies = pd.DataFrame({f"{n}<": data[n] < 3 for n in others} | {f"{n}>": data[n] > 3 for n in others}, dtype=float)
    fit = sm.OLS(data["loyal"], sm.add_constant(dummies.assign(speed=data["speed"]))).fit()
    assert table.loc[others, "penalty"].tolist() == pytest.approx(fit.params.iloc[1:4].tolist())
    assert table.loc[others, "class"].tolist() == ["basic", "excitement", "none"]


def test_which_answers_are_low_and_high_follows_the_scale_or_ones_own_cuts() -> None:
    rng = np.random.default_rng(0)
    data = pd.DataFrame(
        {"nps": rng.integers(0, 11, 300), "seven": rng.integers(1, 8, 300), "long": rng.integers(0, 101, 300)}
    )
    data["loyal"] = rng.normal(size=300)
    scales = {"nps": (0, 10), "seven": (1, 7), "long": (0, 100)}
    table = penalty_reward(data, "loyal", list(scales), scales=scales, n_boot=0).table.set_index("driver")
    assert table[["low_to", "high_from"]].to_numpy().tolist() == [[4, 9], [3, 6], [49, 81]]
    own = penalty_reward(data, "loyal", list(scales), scales=scales, cuts={"nps": (6, 9)}, n_boot=0).table
    assert own.set_index("driver").loc["nps", ["low_to", "high_from", "n_low"]].tolist() == [
        6,
        9,
        (data["nps"] <= 6).sum(),
    ]
    four = data.assign(four=rng.integers(1, 5, 300))
    with pytest.raises(ValueError, match=r"no answer to `four` lies between low \(up to 2\) and high \(from 3\); say"):
        penalty_reward(four, "loyal", ["four"], scales=(1, 4), n_boot=0)
    with pytest.raises(ValueError, match="`cuts` of `nps` must lie on its scale, low below high, got 9 and 6"):
        penalty_reward(data, "loyal", ["nps"], scales=(0, 10), cuts={"nps": (9, 6)}, n_boot=0)
    with pytest.raises(ValueError, match="`cuts` names `nsp`, which is no driver"):
        penalty_reward(data, "loyal", ["nps"], scales=(0, 10), cuts={"nsp": (6, 9)}, n_boot=0)


def test_respondents_with_holes_are_counted_and_too_few_are_refused() -> None:
    data = _planted(200)
    data.loc[:19, "speed"] = np.nan
    found = _found(data)
    assert (found.n, found.n_left_out) == (180, 20)
    with pytest.raises(ValueError, match="39 of 39 respondents answered everything; 8 drivers need 40"):
        _found(_planted(39))
    with pytest.raises(ValueError, match=r"`speed` holds 0 \(row 3\), off the scale 1 to 5"):
        _found(_planted().assign(speed=lambda d: d["speed"].where(d.index != 3, 0)))


def test_a_line_that_flattens_is_called_diminishing_and_its_gains_add_up() -> None:
    rng = np.random.default_rng(2)
    data = pd.DataFrame(rng.uniform(1, 5, size=(500, 3)), columns=["flat", "even", "late"])
    # from 1 to 3 and from 3 to 5: 3 and .5, 1 and 1, 0 and 2
    data["loyal"] = (
        1.5 * np.minimum(data["flat"] - 3, 0) + 0.25 * np.maximum(data["flat"] - 3, 0) + 0.5 * data["even"]
        + np.maximum(data["late"] - 3, 0) + 0.5 * rng.normal(size=500)
    )  # fmt: skip
    table = diminishing_returns(data, "loyal", ["flat", "even", "late"], scales=(1, 5)).set_index("driver")
    assert table["shape"].to_dict() == {"flat": "diminishing", "even": "no clear bend", "late": "rising"}
    truth = {"gain_low": [3, 1, 0], "gain_high": [0.5, 1, 2], "difference": [2.5, 0, -2]}
    for word, values in truth.items():
        assert (table[f"{word}_low"] <= values).all()
        assert (table[f"{word}_high"] >= values).all()
        assert table[word].tolist() == pytest.approx(values, abs=0.3)
    assert table["difference"].to_numpy() == pytest.approx((table["gain_low"] - table["gain_high"]).to_numpy())


def test_the_bend_agrees_with_statsmodels() -> None:
    data = _planted(150)
    found = diminishing_returns(data, "loyal", ["safety", "speed"], scales=(1, 5)).set_index("driver")
    X = pd.DataFrame({"l1": (data["safety"] - 3).clip(upper=0), "l2": (data["speed"] - 3).clip(upper=0)})
    X = X.assign(h1=(data["safety"] - 3).clip(lower=0), h2=(data["speed"] - 3).clip(lower=0))
    fit = sm.OLS(data["loyal"], sm.add_constant(X)).fit(cov_type="HC3", use_t=True)
    assert found["gain_low"].tolist() == pytest.approx((2 * fit.params[["l1", "l2"]]).tolist())
    assert found["gain_high_error"].tolist() == pytest.approx((2 * fit.bse[["h1", "h2"]]).tolist())
    for driver, contrast in (("safety", "l1 - h1 = 0"), ("speed", "l2 - h2 = 0")):
        test = fit.t_test(contrast)
        assert found.loc[driver, "difference"] == pytest.approx(2 * test.effect[0])
        assert found.loc[driver, "p_value"] == pytest.approx(float(test.pvalue))
        assert found.loc[driver, ["difference_low", "difference_high"]].tolist() == pytest.approx(
            (2 * test.conf_int()[0]).tolist()
        )
    assert found["q_value"].tolist() == pytest.approx(benjamini_hochberg(found["p_value"]).tolist())


def test_straight_lines_are_called_bent_about_as_often_as_the_level_says() -> None:
    called = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        data = pd.DataFrame(rng.integers(1, 6, size=(150, 2)), columns=["app", "shop"])
        data["loyal"] = data["app"] + 0.5 * data["shop"] + rng.normal(size=150)
        called += int(
            (diminishing_returns(data, "loyal", ["app", "shop"], scales=(1, 5))["shape"] != "no clear bend").any()
        )
    assert called <= 6  # of 40 at 5%: more than 6 has a chance of .004


def test_a_driver_with_answers_on_one_side_only_has_no_bend() -> None:
    data = _planted(120).assign(speed=lambda d: d["speed"].clip(3, 5))
    table = diminishing_returns(data, "loyal", ["safety", "speed"], scales=(1, 5)).set_index("driver")
    assert (
        table.loc["speed", "reason"]
        == f"0 answers below the middle and {(data['speed'] > 3).sum()} above it, needs 10 each"
    )
    assert table.loc["speed", "shape"] == ""
    assert np.isnan(table.loc["speed", "difference"])
    assert table.loc["safety", "reason"] == ""


@pytest.mark.realdata
def test_airline_0_is_not_applicable_and_as_a_score_costs_a_fifth_of_r2() -> None:
    path = DATA / "airline_satisfaction.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks drivers/airline_satisfaction.parquet")
    table = pd.read_parquet(path)
    items = list(table.loc[:, "Inflight wifi service":"Cleanliness"].columns)
    table["loyal"] = (table["satisfaction"] == "satisfied").astype(float)
    with pytest.raises(
        ValueError, match=r"holds 0 .* off the scale 1 to 5; mend the scale, or make a code that is no answer"
    ):
        penalty_reward(table, "loyal", items, scales=(1, 5), n_boot=0)
    rated = table[(table[items] > 0).all(axis=1)]
    r2 = [sm.OLS(rows["loyal"], sm.add_constant(rows[items])).fit().rsquared for rows in (rated, table)]
    assert (len(rated), *np.round(r2, 3)) == (42_276, 0.490, 0.395)
    found = penalty_reward(rated, "loyal", items, scales=(1, 5), n_boot=0).table.set_index("driver")
    assert found.loc["Online boarding", "class"] == "excitement"
    assert found.loc["Inflight entertainment", "class"] == "basic"
