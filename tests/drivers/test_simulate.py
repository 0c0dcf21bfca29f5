"""What-if gains: by hand where a model is saturated, capped and monotone, and intervals that are those of refitting resamples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.drivers import DriverModel
from cxlab.drivers.ordered import fit_ordered
from cxlab.drivers.sensitivity import as_strong, kept_estimate, omitted_driver
from cxlab.drivers.simulate import WhatIf


def _table(n: int = 200, seed: int = 0) -> pd.DataFrame:
    """Answers from 1 to 7; recommendation from 0 to 10 rises with speed, less with price, not with noise."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(rng.integers(1, 8, (n, 3)).astype(float), columns=["speed", "price", "noise"])
    ltr = 2 + table["speed"] + 0.4 * table["price"] + 1.5 * rng.logistic(size=n)
    return table.assign(ltr=ltr.round().clip(0, 10), channel=rng.choice(["shop", "web"], n), loyal=(ltr > 8) * 1.0)


def _model(kind: Any = "ordered", **more: Any) -> DriverModel:
    outcome = {"ordered": "ltr", "ols": "ltr", "logit": "loyal"}[kind]
    table = more.pop("table", None)
    return DriverModel.from_columns(
        _table() if table is None else table, outcome, ["speed", "price", "noise"], kind=kind, **more
    )


def _simulated(model: DriverModel, changes: dict[str, float], **more: Any) -> WhatIf:
    return model.simulate(changes, **{"scale": (1, 7), "n_boot": 0, **more})


def test_the_nps_gained_where_everybody_gets_it_is_the_difference_between_those_with_and_without() -> None:
    # the ordered logit of two answers, 0 and 10, on one yes or no is saturated: 4 with it have an NPS of 50, 6 without −33⅓;
    # once the six have it they gain 83⅓, which is 50 for all ten
    table = pd.DataFrame({"it": [1.0] * 4 + [0.0] * 6, "ltr": [10, 10, 10, 0, 10, 10, 0, 0, 0, 0]})
    found = DriverModel.from_columns(table, "ltr", ["it"], kind="ordered").simulate({"it": 1}, scale=(0, 1), n_boot=0)
    assert found.estimate == pytest.approx(0.6 * (50 + 100 / 3))
    assert (found.unit, found.share_can_move, found.n) == ("NPS points", pytest.approx(0.6), 10)


def test_the_probability_gained_in_a_logit_is_in_percentage_points() -> None:
    table = pd.DataFrame({"it": [1.0] * 4 + [0.0] * 6, "loyal": [1, 1, 1, 0, 1, 1, 0, 0, 0, 0]})
    found = DriverModel.from_columns(table, "loyal", ["it"], kind="logit").simulate({"it": 1}, scale=(0, 1), n_boot=0)
    assert found.estimate == pytest.approx(100 * 0.6 * (3 / 4 - 2 / 6))
    assert found.unit == "percentage points"


def test_the_mean_gained_in_least_squares_is_the_slope_times_how_far_people_can_move() -> None:
    # slope 1 exactly; of answers 1, 6.5, 7 with weights 1, 2, 1 one more point moves 1, .5 and 0
    table = pd.DataFrame({"speed": [1, 6.5, 7.0], "ltr": [2, 7.5, 8], "w": [1, 2, 1]})
    model = DriverModel.from_columns(table, "ltr", ["speed"], weights="w")
    found = model.simulate({"speed": 1}, scale=(1, 7), n_boot=0)
    assert found.estimate == pytest.approx((1 * 1 + 2 * 0.5) / 4)
    assert found.share_can_move == pytest.approx(3 / 4)
    assert found.unit == "points of the outcome"


def test_an_answer_is_never_moved_past_the_end_of_its_scale() -> None:
    model = _model("ols")
    slope = float(model.fit().result.params["speed"])
    at_top = 7 - _table()["speed"]
    assert _simulated(model, {"speed": 50}).estimate == pytest.approx(slope * at_top.mean())
    assert _simulated(model, {"speed": -50}).estimate == pytest.approx(slope * (1 - _table()["speed"]).mean())
    # the end is the questionnaire's, not the highest answer given
    assert _simulated(model, {"speed": 50}, scale=(1, 10)).estimate == pytest.approx(slope * (at_top + 3).mean())


def test_a_target_moves_those_below_it_to_it_and_nobody_else() -> None:
    model = _model("ols")
    speed = _table()["speed"]
    found = model.simulate(scale=(1, 7), target={"speed": 5}, n_boot=0)
    assert found.estimate == pytest.approx(float(model.fit().result.params["speed"]) * (5 - speed).clip(lower=0).mean())
    assert found.share_can_move == pytest.approx((speed < 5).mean())
    top = model.simulate(scale=(1, 7), target={"speed": 7}, n_boot=0)
    assert top.estimate == pytest.approx(_simulated(model, {"speed": 6}).estimate)


@pytest.mark.parametrize("kind", ["ols", "ordered", "logit"])
def test_more_of_a_driver_never_gains_less_and_nothing_gains_nothing(kind: str) -> None:
    made = _model(kind).simulator(n_boot=0)
    gains = [made.what_if({"speed": points}, scale=(1, 7)).estimate for points in (-6, -1, 0, 0.25, 0.5, 1, 2, 6, 9)]
    assert gains[2] == 0
    assert (np.diff(gains)[:-1] > 0).all()
    assert gains[-1] == pytest.approx(gains[-2])


def test_each_driver_stands_alone_and_all_together() -> None:
    found = _simulated(_model(), {"speed": 1, "price": 1})
    alone = [_simulated(_model(), {name: 1}).estimate for name in ("speed", "price")]
    assert found.parts["driver"].tolist() == ["speed", "price", "together"]
    assert found.parts["estimate"].tolist()[:2] == pytest.approx(alone)
    assert found.parts["estimate"].iloc[2] == pytest.approx(found.estimate)
    assert max(alone) < found.estimate < sum(alone)  # the nearer to 10 somebody is, the less is there to gain
    table = _table()
    either = (table["speed"] < 7) | (table["price"] < 7)
    assert found.parts["share_can_move"].tolist() == pytest.approx(
        [(table["speed"] < 7).mean(), (table["price"] < 7).mean(), either.mean()]
    )
    linear = _simulated(_model("ols"), {"speed": 1, "price": 1})
    assert linear.estimate == pytest.approx(linear.parts["estimate"].iloc[:2].sum())


def test_segments_add_up_to_the_whole_by_their_weights() -> None:
    table = _table().assign(w=np.random.default_rng(1).uniform(0.5, 2, 200))
    found = _simulated(_model(table=table, weights="w"), {"speed": 1}, segment_col="channel", n_boot=60)
    share = table.groupby("channel")["w"].sum() / table["w"].sum()
    assert found.segments["segment"].tolist() == ["shop", "web"]
    assert found.segments["n"].tolist() == table["channel"].value_counts().sort_index().tolist()
    assert found.estimate == pytest.approx(found.segments["estimate"].to_numpy() @ share.to_numpy())
    assert found.segments[["std_error", "conf_low", "conf_high"]].notna().all(axis=None)
    alone = table[table["channel"] == "web"]
    moved = alone["w"][alone["speed"] < 7].sum() / alone["w"].sum()
    assert found.segments["share_can_move"].iloc[1] == pytest.approx(moved)


def test_each_driver_alone_is_told_in_every_segment_too() -> None:
    found = _simulated(_model(), {"speed": 1, "price": 1}, segment_col="channel", n_boot=60)
    alone = _simulated(_model(), {"price": 1}, segment_col="channel", n_boot=60).segments
    parts = found.segment_parts
    assert parts[["segment", "driver"]].to_numpy().tolist() == [
        ["shop", "speed"], ["web", "speed"], ["shop", "price"], ["web", "price"],
    ]  # fmt: skip
    price = parts[parts["driver"] == "price"].drop(columns="driver").reset_index(drop=True)
    pd.testing.assert_frame_equal(price, alone)
    assert _simulated(_model(), {"speed": 1}).segments.empty


def test_respondents_without_a_segment_are_in_none() -> None:
    table = _table()
    table.loc[:9, "channel"] = None
    found = _simulated(_model(table=table), {"speed": 1}, segment_col="channel")
    assert found.segments["n"].sum() == 190


def _anew(table: pd.DataFrame, times: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The gain of one point of speed in a resample, from a fit of its own."""
    w = times * (1 if weights is None else weights)
    inside = w > 0
    X, y, w = table[["speed", "price", "noise"]].to_numpy()[inside], table["ltr"].to_numpy()[inside], w[inside]
    fit = fit_ordered(X, y, weights=w)
    value = 100.0 * ((fit.levels >= 9).astype(float) - (fit.levels <= 6))
    moved = X.copy()
    moved[:, 0] = np.minimum(moved[:, 0] + 1, 7)
    return float(np.average((fit.probabilities(moved) - fit.probabilities(X)) @ value, weights=w))


def test_the_draws_are_the_gains_of_fitting_every_resample_anew() -> None:
    # among them resamples without anybody who said 0, 1 or 2, which are levels here
    table = _table(60)
    table.loc[[0, 1, 2], "ltr"] = [0.0, 1.0, 2.0]
    weights = np.random.default_rng(3).uniform(0.5, 2, 60)
    found = _simulated(_model(table=table, weights=weights), {"speed": 1}, n_boot=50, random_state=4)
    rng = np.random.default_rng(4)
    draws = [_anew(table, np.bincount(rng.integers(0, 60, 60), minlength=60), weights) for _ in range(50)]
    assert found.draws["together"].tolist() == pytest.approx(draws, abs=1e-4)
    # percentiles as far out as Student's with 59 degrees of freedom, and √(60/59) more
    score = (60 / 59) ** 0.5 * stats.t.ppf(0.975, 59)
    ends = np.quantile(draws, [stats.norm.cdf(-score), stats.norm.cdf(score)])
    assert (found.conf_low, found.conf_high) == pytest.approx(tuple(ends), abs=1e-4)
    assert found.std_error == pytest.approx(np.std(draws, ddof=1), abs=1e-4)


def test_accounts_are_drawn_whole_and_a_column_names_them() -> None:
    table = _table(60).assign(account=np.arange(60) // 6)
    found = _simulated(_model(table=table), {"speed": 1}, n_boot=50, random_state=4, clusters="account")
    rng = np.random.default_rng(4)
    times = [np.bincount(rng.integers(0, 10, 10), minlength=10)[table["account"]] for _ in range(50)]
    assert found.draws["together"].tolist() == pytest.approx([_anew(table, one) for one in times], abs=1e-4)
    for more in ({"cluster": "account"}, {"clusters": table["account"]}):
        same = _simulated(_model(table=table), {"speed": 1}, n_boot=50, random_state=4, **more)
        assert same.conf_low == found.conf_low
    fitted = _simulated(_model(table=table).fit(clusters="account"), {"speed": 1}, n_boot=50, random_state=4)
    assert fitted.conf_low == found.conf_low


def test_one_account_alone_shows_no_spread_and_five_have_a_wide_interval() -> None:
    table = _table(60)
    one, five, twelve = (
        _simulated(_model(table=table), {"speed": 1}, n_boot=200, clusters=np.arange(60) % m) for m in (1, 5, 12)
    )
    assert np.isnan([one.std_error, one.conf_low, one.conf_high]).all()
    assert one.reason == "all respondents are of one account, which shows no spread"
    assert one.estimate == five.estimate
    reach = [(found.conf_high - found.conf_low) / found.std_error for found in (five, twelve)]
    assert reach[0] > reach[1] > 2 * 1.96


@pytest.mark.parametrize("kind", ["ols", "ordered", "logit"])
def test_accounts_that_are_copies_of_each_other_leave_no_uncertainty(kind: str) -> None:
    copies = pd.concat([_table(80)] * 5, ignore_index=True)
    found = _simulated(_model(kind, table=copies), {"speed": 1}, n_boot=50, clusters=np.arange(400) // 80)
    assert found.std_error < 1e-6
    assert found.conf_low == pytest.approx(found.estimate, abs=1e-6)
    assert found.estimate == pytest.approx(_simulated(_model(kind, table=_table(80)), {"speed": 1}).estimate, abs=1e-8)


def test_draws_of_least_squares_are_those_of_fitting_every_resample_anew() -> None:
    table = _table(40)
    found = _simulated(_model("ols", table=table), {"speed": 1}, n_boot=50, random_state=2)
    rng, draws = np.random.default_rng(2), []
    for _ in range(50):
        drawn = table.iloc[np.repeat(np.arange(40), np.bincount(rng.integers(0, 40, 40), minlength=40))]
        slope = float(_model("ols", table=drawn).fit().result.params["speed"])
        draws.append(slope * (7 - drawn["speed"]).clip(upper=1).mean())
    assert found.draws["together"].tolist() == pytest.approx(draws)


def test_the_same_random_state_gives_the_same_interval_and_another_another() -> None:
    one, same, other = (_simulated(_model(), {"speed": 1}, n_boot=60, random_state=seed) for seed in (1, 1, 2))
    assert (one.conf_low, one.conf_high) == (same.conf_low, same.conf_high)
    assert one.conf_low != other.conf_low
    assert one.estimate == other.estimate


def test_another_level_of_confidence_gives_another_reach_and_is_said() -> None:
    wide, narrow = (_simulated(_model(conf_level=level), {"speed": 1}, n_boot=100) for level in (0.95, 0.8))
    assert wide.conf_low < narrow.conf_low < narrow.conf_high < wide.conf_high
    assert "80% interval" in narrow.headline()
    assert "interval" not in wide.headline()


def test_a_gain_is_said_with_its_condition_its_interval_and_its_base() -> None:
    found = _simulated(_model(), {"speed": 1}, n_boot=60)
    low, high = f"{found.conf_low:+.1f}", f"{found.conf_high:+.1f}"
    assert found.headline() == (
        f"If the association is causal, {found.estimate:+.1f} NPS points would go with 1 point more of speed, between {low} and "
        f"{high} (n 200; {found.share_can_move:.0%} of respondents can move)."
    )
    row = found.to_frame().iloc[0]
    assert (row["estimate"], row["conf_low"], row["n"]) == (found.estimate, found.conf_low, 200)
    assert row["change"] == "1 point more of speed"
    fewer = _simulated(_model(), {"price": -0.5}, target={"speed": 6}, n_boot=0)
    assert fewer.change == "0.5 points less of price and speed at 6 at least"
    assert ", between" not in fewer.headline()
    assert fewer.reason == "no resamples were asked for"
    assert np.isnan([fewer.std_error, fewer.conf_low, fewer.conf_high]).all()


def test_an_ordered_outcome_that_is_no_recommendation_gains_in_its_own_points() -> None:
    table = _table().assign(ltr=lambda frame: (frame["ltr"] / 2.5).round())  # 0 to 4
    assert _simulated(_model(table=table), {"speed": 1}).unit == "points of the outcome"
    mean = _simulated(_model(), {"speed": 1}, metric="mean")
    assert mean.unit == "points of the outcome"
    # a slope of least squares and the ordered model tell nearly the same of the mean
    assert mean.estimate == pytest.approx(_simulated(_model("ols"), {"speed": 1}).estimate, rel=0.15)
    with pytest.raises(ValueError, match="an NPS needs answers from 0 to 10, got 0 to 40"):
        _simulated(_model(table=_table().assign(ltr=lambda frame: frame["ltr"] * 4)), {"speed": 1}, metric="nps")
    with pytest.raises(ValueError, match="needs kind='ordered'"):
        _simulated(_model("ols"), {"speed": 1}, metric="nps")
    with pytest.raises(ValueError, match="a logit has a probability"):
        _simulated(_model("logit"), {"speed": 1}, metric="nps")


def test_a_planted_gain_is_found() -> None:
    # slope 1 on speed of a mean that is not rounded: one point more for all but those at 7, less those who reach it
    rng = np.random.default_rng(0)
    table = _table(4_000)
    table["ltr"] = 2 + table["speed"] + rng.normal(size=4_000)
    found = _simulated(_model("ols", table=table), {"speed": 1}, n_boot=200)
    truth = (table["speed"] < 7).mean()
    assert found.conf_low < truth < found.conf_high
    assert found.std_error < 0.02


def test_a_driver_of_a_formula_moves_before_the_formula_is_applied() -> None:
    table = _table()
    log = DriverModel.from_formula("ltr ~ np.log(speed) + price + C(channel)", table)
    slope = float(log.fit().result.params["np.log(speed)"])
    rise = np.log((table["speed"] + 1).clip(upper=7)) - np.log(table["speed"])
    assert _simulated(log, {"speed": 1}).estimate == pytest.approx(slope * rise.mean())
    plain = DriverModel.from_formula("ltr ~ speed + price + noise", table, kind="ordered")
    found, expected = (_simulated(model, {"speed": 1}, n_boot=50) for model in (plain, _model()))
    assert found.parts["conf_low"].tolist() == pytest.approx(expected.parts["conf_low"].tolist())
    crossed = DriverModel.from_formula("ltr ~ speed * C(channel)", table)
    b = crossed.fit().result.params
    own = b["speed"] + b["speed:C(channel)[T.web]"] * (table["channel"] == "web")
    moved = (table["speed"] < 7) * 1.0
    assert _simulated(crossed, {"speed": 1}).estimate == pytest.approx((own * moved).mean())


def test_a_resample_that_lacks_a_category_has_the_gain_of_a_fit_without_it() -> None:
    # two of 60 telephoned; without them the columns of the other two channels add up to the constant
    table = _table(60)
    table["channel"] = ["phone"] * 2 + table["channel"].tolist()[2:]
    linear, ordered = (
        _simulated(DriverModel.from_formula("ltr ~ speed + C(channel)", table, kind=kind), {"speed": 1}, n_boot=60)
        for kind in ("ols", "ordered")
    )
    rng, lacking = np.random.default_rng(0), 0
    for draw in range(60):
        drawn = table.iloc[np.repeat(np.arange(60), np.bincount(rng.integers(0, 60, 60), minlength=60))]
        shown = sorted(drawn["channel"].unique())[1:]
        lacking += len(shown) == 1
        X = np.column_stack([drawn["speed"], *(drawn["channel"] == name for name in shown)])
        moved = X + np.column_stack([(7 - drawn["speed"]).clip(upper=1), *np.zeros((len(shown), 60))])
        slope = np.linalg.lstsq(np.column_stack([np.ones(60), X]), drawn["ltr"], rcond=None)[0][1]
        assert linear.draws["together"][draw] == pytest.approx(slope * (moved - X)[:, 0].mean())
        fit = fit_ordered(X, drawn["ltr"])
        rise = (fit.probabilities(moved) - fit.probabilities(X)) @ (100.0 * ((fit.levels >= 9) * 1 - (fit.levels <= 6)))
        assert ordered.draws["together"][draw] == pytest.approx(rise.mean(), abs=1e-4)
    assert lacking > 2


def test_a_driver_that_separates_has_no_gain_and_the_others_do() -> None:
    table = _table()
    table["vip"] = (np.arange(200) < 15) * 1.0
    table.loc[table["vip"] == 1, "ltr"] = 10.0
    model = DriverModel.from_columns(table, "ltr", ["speed", "vip"], kind="ordered")
    made = model.simulator(n_boot=50)
    found = made.what_if({"speed": 1, "vip": 1}, scale={"speed": (1, 7), "vip": (0, 1)})
    parts = found.parts.set_index("driver")
    assert np.isnan(parts.loc["vip", "estimate"])
    assert parts.loc["vip", "reason"] == "vip separates the answers: no finite coefficient is the best"
    assert parts.loc["speed", "estimate"] > 0
    assert parts.loc["speed", "reason"] == ""
    assert np.isnan(found.estimate)
    assert found.headline().startswith("What would go with 1 point more of speed and 1 point more of vip")
    by_formula = DriverModel.from_formula("ltr ~ speed + vip", table, kind="ordered")
    assert np.isnan(_simulated(by_formula, {"vip": 1}, scale=(0, 7)).estimate)


def test_what_cannot_be_simulated_is_refused_by_name() -> None:
    model = _model()
    with pytest.raises(ValueError, match="there is no driver `sped` that can move; did you mean `speed`"):
        _simulated(model, {"sped": 1})
    with pytest.raises(ValueError, match=r"`speed` has no scale; give its ends, as in scale=\{'speed': \(1, 7\)\}"):
        _simulated(model, {"speed": 1}, scale={"price": (1, 7)})
    with pytest.raises(ValueError, match="`speed` has the answer 6, outside its scale 1 to 5"):
        _simulated(model, {"speed": 1}, scale=(1, 5))
    with pytest.raises(ValueError, match="the scale of `speed` runs from its lowest to its highest answer, got 7 to 1"):
        _simulated(model, {"speed": 1}, scale=(7, 1))
    with pytest.raises(ValueError, match="the target 8 of `speed` lies outside its scale 1 to 7"):
        model.simulate(scale=(1, 7), target={"speed": 8})
    with pytest.raises(ValueError, match="`speed` is in `changes` and in `target`"):
        _simulated(model, {"speed": 1}, target={"speed": 6})
    with pytest.raises(ValueError, match="nothing changes"):
        _simulated(model, {})
    with pytest.raises(ValueError, match="the change of `speed` is nan"):
        _simulated(model, {"speed": float("nan")})
    with pytest.raises(ValueError, match=r"`n_boot` must be 0 \(no interval\) or 50 and more, got 10"):
        _simulated(model, {"speed": 1}, n_boot=10)
    with pytest.raises(ValueError, match="no column `chanel`; did you mean `channel`"):
        _simulated(model, {"speed": 1}, segment_col="chanel")
    twice = DriverModel.from_columns(
        _table().assign(twice=lambda t: 2 * t["speed"]), "ltr", ["speed", "noise", "twice"]
    )
    with pytest.raises(ValueError, match="follow from each other: speed, twice; leave one out"):
        _simulated(twice, {"speed": 1})
    log = DriverModel.from_formula("ltr ~ np.log(speed)", _table())
    with pytest.raises(ValueError, match="the formula has no finite value after the change of speed"):
        _simulated(log, {"speed": -9}, scale=(0, 7))
    formula = DriverModel.from_formula("ltr ~ speed + C(price) + channel", _table())
    for name in ("price", "channel"):
        with pytest.raises(ValueError, match=f"there is no driver `{name}` that can move; known: speed"):
            _simulated(formula, {name: 1})


# ------------------------------------------------------------------------------------------------- an omitted driver


def test_what_stays_of_a_coefficient_is_what_stays_when_the_omitted_driver_is_put_in() -> None:
    # leave price out, then ask with the two partial R² that price really has
    table = _table(300).assign(price=lambda frame: frame["price"] + frame["speed"])
    short, long = (
        DriverModel.from_columns(table, "ltr", drivers).fit()
        for drivers in (["speed", "noise"], ["speed", "noise", "price"])
    )
    f = abs(float(short.result.params["speed"] / (short.result.mse_resid**0.5))) * np.sqrt(
        float(1 / np.linalg.inv(np.cov(table[["speed", "noise"]].T))[0, 0]) * 299 / short.result.df_resid
    )
    r2_outcome = (long.r2 - short.r2) / (1 - short.r2)
    with_price = DriverModel.from_columns(table, "speed", ["noise", "price"]).fit().r2
    without = DriverModel.from_columns(table, "speed", ["noise"]).fit().r2
    kept = kept_estimate(f, (with_price - without) / (1 - without), r2_outcome)
    assert kept == pytest.approx(float(long.result.params["speed"] / short.result.params["speed"]))


def test_a_driver_with_a_larger_partial_r2_is_more_robust_and_noise_is_not() -> None:
    table = _table(400)
    found = omitted_driver(table[["speed", "price", "noise"]], table["ltr"]).set_index("driver")
    model = _model("ols", table=table).fit("nonrobust")
    t2 = (model.result.tvalues**2)[["speed", "price", "noise"]]
    assert found["partial_r2"].to_numpy() == pytest.approx((t2 / (t2 + 396)).to_numpy())
    assert found.loc["speed", "robustness_value"] > found.loc["price", "robustness_value"] > 0.1
    assert found.loc["noise", "robustness_value"] < 0.15
    # a driver as strong in both as the robustness value says takes it all
    value, f = found.loc["speed", "robustness_value"], np.sqrt(t2["speed"] / 396)
    assert kept_estimate(f, value, value) == pytest.approx(0, abs=1e-12)
    assert found.loc["price", "benchmark"] == "speed"
    alone = omitted_driver(table[["speed"]], table["ltr"]).iloc[0]
    assert np.isnan(alone["kept"])
    assert alone["benchmark"] == ""


def test_a_driver_as_strong_as_one_that_was_asked_by_hand() -> None:
    # Cinelli & Hazlett, section 4.4, with .2 of the driver and .3 of the outcome: .2/.8 = .25; Z with that driver (.2/.8)² = .0625,
    # so ((1 + .25)²/(1 − .0625))·(.3/.7) = 5/7
    assert as_strong(0.2, 0.3) == pytest.approx((0.25, 5 / 7))
    assert as_strong(0.6, 0.3) == (1.0, 1.0)  # as strong as one that is nearly the driver itself: nothing is left of it
    table = pd.DataFrame({"a": [1, 1, -1, -1.0] * 2, "b": [1, -1, 1, -1.0] * 2, "ltr": [3, 1, 1, -1, 4, 1, 0, -1.0]})
    apart = omitted_driver(table[["a", "b"]], table["ltr"])
    assert apart["kept"].tolist() == pytest.approx([1, 1])  # a driver that does not go with it takes nothing


def test_the_gain_carries_the_robustness_of_the_drivers_that_change() -> None:
    found = _simulated(_model(), {"speed": 1, "noise": 1})
    known = omitted_driver(_table()[["speed", "price", "noise"]], _table()["ltr"])
    pd.testing.assert_frame_equal(found.sensitivity, known[known["driver"] != "price"].reset_index(drop=True))
