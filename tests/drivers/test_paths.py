"""The path model: SmartPLS's figures for the European index, least squares on the scores as another route, signs, refusals."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.drivers.paths import PathModel, path_model

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "drivers"
PREFIXES = {
    "Image": "IMAG", "Expectation": "CUEX", "Quality": "PERQ", "Value": "PERV", "Satisfaction": "CUSA", "Complaints": "CUSCO",
    "Loyalty": "CUSL",
}  # fmt: skip
# SmartPLS 2, as kept in tests/SmartPLS/results/ecsi of the R package semPLS: path weighting, centroid
SMARTPLS = {
    ("Image", "Expectation"): (0.50491393, 0.50470564),
    ("Image", "Satisfaction"): (0.17873950, 0.17883348),
    ("Image", "Loyalty"): (0.19575534, 0.19535971),
    ("Expectation", "Quality"): (0.55674896, 0.55724786),
    ("Expectation", "Value"): (0.04998839, 0.05078755),
    ("Expectation", "Satisfaction"): (0.06252287, 0.06442534),
    ("Quality", "Value"): (0.55830438, 0.55721686),
    ("Quality", "Satisfaction"): (0.51202394, 0.51254524),
    ("Value", "Satisfaction"): (0.19476510, 0.19181566),
    ("Satisfaction", "Complaints"): (0.52806625, 0.52609731),
    ("Satisfaction", "Loyalty"): (0.48547762, 0.48347472),
    ("Complaints", "Loyalty"): (0.06692607, 0.07123241),
}


def _mobi() -> tuple[pd.DataFrame, dict[str, list[str]]]:
    path = DATA / "mobi.csv"
    if not path.exists():
        pytest.skip("the shared real data lacks drivers/mobi.csv")
    mobi = pd.read_csv(path)
    return mobi, {name: [c for c in mobi if c.startswith(start)] for name, start in PREFIXES.items()}


def _planted(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """quality → satisfaction (.6) → loyalty (.5), each measured by items on 1 to 5."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)
    satisfaction = 0.6 * quality + 0.8 * rng.normal(size=n)
    loyalty = 0.5 * satisfaction + math.sqrt(0.75) * rng.normal(size=n)
    table = {}
    for word, score, items in (("q", quality, 3), ("s", satisfaction, 2), ("l", loyalty, 2)):
        for k in range(items):
            table[f"{word}{k}"] = (3 + score + 0.5 * rng.normal(size=n)).round().clip(1, 5)
    return pd.DataFrame(table)


CHAIN: dict[str, Any] = {
    "constructs": {"quality": ["q0", "q1", "q2"], "satisfaction": ["s0", "s1"], "loyalty": ["l0", "l1"]},
    "paths": [("quality", "satisfaction"), ("satisfaction", "loyalty")],
}


def _fitted(data: pd.DataFrame | None = None, **more: Any) -> PathModel:
    return path_model(_planted() if data is None else data, **{**CHAIN, **more})


@pytest.mark.realdata
@pytest.mark.parametrize(("scheme", "column"), [("path", 0), ("centroid", 1)])
def test_the_european_index_of_mobile_phones_agrees_with_smartpls(scheme: Any, column: int) -> None:
    mobi, blocks = _mobi()
    found = path_model(mobi, constructs=blocks, paths=list(SMARTPLS), scheme=scheme)
    arrows = found.paths.set_index(["from_construct", "to_construct"])["estimate"]
    assert arrows.to_dict() == pytest.approx({arrow: figures[column] for arrow, figures in SMARTPLS.items()}, abs=2e-8)


@pytest.mark.realdata
def test_total_effects_loadings_and_weights_agree_with_smartpls() -> None:
    mobi, blocks = _mobi()
    found = path_model(mobi, constructs=blocks, paths=list(SMARTPLS))
    assert found.total_effects("Loyalty").set_index("driver")["estimate"].to_dict() == pytest.approx(
        {
            "Satisfaction": 0.52081902, "Image": 0.39873238, "Quality": 0.32330474, "Expectation": 0.21763337,
            "Value": 0.10143737, "Complaints": 0.06692607,
        }, abs=2e-8,
    )  # fmt: skip
    items = found.loadings.set_index("item")
    loadings = {"CUSL1": 0.82041320, "CUSL2": 0.20202172, "CUSL3": 0.91543628, "IMAG3": 0.57635896, "CUSCO": 1}
    weights = {"CUSL1": 0.46066473, "CUSL2": 0.11426953, "CUSL3": 0.65431059, "IMAG3": 0.21792305, "CUSCO": 1}
    assert items["estimate"][list(loadings)].to_dict() == pytest.approx(loadings, abs=2e-8)
    assert items["weight"][list(weights)].to_dict() == pytest.approx(weights, abs=2e-8)
    # reliability from SmartPLS's loadings of Loyalty: Σλ = 1.93787, Σλ² = 1.55193
    loyalty = found.reliability.set_index("construct").loc["Loyalty"]
    total, squares = 0.82041320 + 0.20202172 + 0.91543628, 0.82041320**2 + 0.20202172**2 + 0.91543628**2
    assert loyalty["ave"] == pytest.approx(squares / 3, abs=1e-7)
    assert loyalty["rho_c"] == pytest.approx(total**2 / (total**2 + 3 - squares), abs=1e-7)


def test_paths_r2_and_points_are_the_regressions_of_the_scores_on_each_other() -> None:
    data = _planted()
    found = _fitted(data)
    scores = found.scores(data, scale=(1, 5))
    r = scores.corr()
    assert found.paths["estimate"].tolist() == pytest.approx(
        [r.loc["quality", "satisfaction"], r.loc["satisfaction", "loyalty"]]
    )
    assert found.r2["estimate"].tolist() == pytest.approx((found.paths["estimate"] ** 2).tolist())
    slope = [
        np.polyfit(scores[a], scores[b], 1)[0] for a, b in [("quality", "satisfaction"), ("satisfaction", "loyalty")]
    ]
    ipma = found.ipma("loyalty", scale=(1, 5)).set_index("driver")
    assert ipma["importance"].to_dict() == pytest.approx({"quality": slope[0] * slope[1], "satisfaction": slope[1]})
    assert ipma["performance"].to_dict() == pytest.approx(scores[["quality", "satisfaction"]].mean().to_dict())
    assert found.index("loyalty", scale=(1, 5)).estimate == pytest.approx(scores["loyalty"].mean())


def test_items_on_different_scales_meet_on_0_to_100() -> None:
    data = _planted()
    wider = data.assign(q1=10 * data["q1"], s0=data["s0"] - 1)
    scale = {item: (10, 50) if item == "q1" else (0, 4) if item == "s0" else (1, 5) for item in data}
    expected = _fitted(data).ipma("loyalty", scale=(1, 5))
    pd.testing.assert_frame_equal(_fitted(wider).ipma("loyalty", scale=scale), expected)


def test_performance_uses_the_ends_of_the_questionnaire_not_of_the_answers() -> None:
    data = _planted().clip(2, 4)
    found = _fitted(data)
    assert found.scores(data, scale=(1, 5)).to_numpy().min() == pytest.approx(25)
    with pytest.raises(ValueError, match="answers to `q0` run from 2 to 4, off the scale 3 to 5; give the questionn"):
        found.index("quality", scale=(3, 5))


def test_a_score_is_missing_where_an_item_of_it_is() -> None:
    data = _planted()
    scores = _fitted(data).scores(data.mask(data.index.to_numpy()[:, None] == np.array([3] + [-1] * 6)), scale=(1, 5))
    assert np.isnan(scores.loc[3, "quality"])
    assert scores.drop(index=3).notna().all(axis=None)
    assert scores.loc[3, ["satisfaction", "loyalty"]].notna().all()


def test_reliability_of_two_items_by_hand() -> None:
    # two standardised items that correlate r: alpha = 2r/(1 + r); with equal weights λ² = (1 + r)/2
    data = _planted()
    r = data["s0"].corr(data["s1"])
    row = _fitted(data).reliability.set_index("construct").loc["satisfaction"]
    assert row["alpha"] == pytest.approx(2 * r / (1 + r))
    assert row["ave"] == pytest.approx((1 + r) / 2, abs=0.002)
    # rho_a of two items: (Σw²)²·2w₁w₂r/(2w₁²w₂²), the weights scaled so that the construct has variance 1
    w = _fitted(data).loadings.set_index("item").loc[["s0", "s1"], "weight"]
    assert row["rho_a"] == pytest.approx((w**2).sum() ** 2 * r / w.prod())


def test_two_constructs_that_measure_the_same_are_not_separate() -> None:
    data = _planted()
    rng = np.random.default_rng(5)
    for k in range(2):
        data[f"l{k}"] = (data["s0"] + data["s1"]) / 2 + 0.4 * rng.normal(size=len(data))
    pairs = _fitted(data).discriminant.set_index(["construct", "other"])
    assert not pairs.loc[("satisfaction", "loyalty"), "separate"]
    assert pairs.loc[("quality", "loyalty"), "separate"]
    # by hand: mean correlation between over the root of the product of those within
    r = data.corr()
    between = r.loc[["s0", "s1"], ["l0", "l1"]].to_numpy().mean()
    expected = between / math.sqrt(r.loc["s0", "s1"] * r.loc["l0", "l1"])
    assert pairs.loc[("satisfaction", "loyalty"), "htmt"] == pytest.approx(expected)


def test_the_bootstrap_agrees_with_refitting_redrawn_respondents_one_by_one() -> None:
    data = _planted(80)
    found = _fitted(data, n_boot=100, random_state=4)
    assert found._draws is not None
    drawn = found._draws.paths[:, [0, 1], [1, 2]]
    rng = np.random.default_rng(4)
    for one in drawn[:15]:
        again = _fitted(data.iloc[rng.integers(0, 80, 80)])
        assert one == pytest.approx(again.paths["estimate"].to_numpy(), abs=1e-7)
    reach = math.sqrt(80 / 79) * stats.t.ppf(0.975, 79)  # a little further out than 2.5% (Hesterberg 2015)
    low, high = np.quantile(drawn, stats.norm.cdf([-reach, reach]), axis=0)
    assert found.paths["std_error"].tolist() == pytest.approx(np.std(drawn, axis=0, ddof=1).tolist())
    assert found.paths["conf_low"].tolist() == pytest.approx(low.tolist())
    assert found.paths["conf_high"].tolist() == pytest.approx(high.tolist())
    assert (found.n_draws, found.n_unsolved) == (100, 0)


def test_a_construct_whose_sign_is_a_toss_up_does_not_inflate_the_standard_errors() -> None:
    # one item runs against the other with the same strength: the sum of loadings is near 0 and its sign is luck
    data = _planted(150)
    data["s1"] = 6 - data["s1"]
    found = _fitted(data, n_boot=200)
    straight = _fitted(_planted(150), n_boot=200)
    assert found.loadings["against"].sum() == 1
    assert found.paths["estimate"].abs().tolist() == pytest.approx(straight.paths["estimate"].tolist(), abs=1e-6)
    assert found.paths["std_error"].tolist() == pytest.approx(straight.paths["std_error"].tolist(), abs=1e-6)
    lost = found.loadings.loc[found.loadings["weight"] < 0, "item"].iloc[0]
    with pytest.raises(ValueError, match=f"`{lost}` has a negative weight in satisfaction, so there is no 0 to 100"):
        found.index("satisfaction", scale=(1, 5))
    assert found.index("loyalty", scale=(1, 5)).estimate > 0  # its own items run one way


def test_loadings_of_a_construct_add_up_to_a_positive_number() -> None:
    data = 6 - _planted()[["q0", "q1", "q2"]]
    turned = _fitted(_planted().assign(**{name: data[name] for name in data}))
    assert (turned.loadings.groupby("construct")["estimate"].sum() > 0).all()
    assert turned.paths["estimate"].iloc[0] == pytest.approx(-_fitted().paths["estimate"].iloc[0])
    # one item that is the thing itself and three that weakly run against it: by the items' number they have the say
    rng = np.random.default_rng(0)
    f = rng.normal(size=300)
    mixed = pd.DataFrame({f"m{k}": -0.3 * f + rng.normal(size=300) for k in range(3)})
    mixed = mixed.assign(m3=f, l0=0.7 * f + rng.normal(size=300))
    found = path_model(mixed, constructs={"m": ["m0", "m1", "m2", "m3"], "l": ["l0"]}, paths=[("m", "l")])
    assert found.loadings.groupby("construct")["estimate"].sum().min() > 0
    assert found.loadings["against"].tolist() == [False, False, False, True, False]
    assert found.paths["estimate"].iloc[0] < 0
    for seed in range(6):  # two items that run against each other
        mixed = _planted(150, seed)
        mixed["s1"] = 6 - mixed["s1"]
        assert _fitted(mixed).loadings.groupby("construct")["estimate"].sum().min() > 0


def test_a_weight_is_as_many_equal_respondents_and_duplicates_change_nothing() -> None:
    data = _planted(120)
    times = np.random.default_rng(1).integers(1, 4, 120)
    weighted = _fitted(data.assign(w=times.astype(float)), weights_col="w")
    repeated = _fitted(data.loc[data.index.repeat(times)])
    assert weighted.paths["estimate"].tolist() == pytest.approx(repeated.paths["estimate"].tolist(), abs=1e-8)
    assert weighted.index("loyalty", scale=(1, 5)).estimate == pytest.approx(
        repeated.index("loyalty", scale=(1, 5)).estimate
    )
    assert weighted.weighted
    assert weighted.n == 120


def test_respondents_of_one_account_are_drawn_together() -> None:
    # every respondent five times: drawn singly the error looks √5 smaller than it is
    data = pd.concat([_planted(60)] * 5, ignore_index=True)
    single = _fitted(_planted(60), n_boot=300).paths["std_error"]
    accounts = data.assign(account=np.tile(np.arange(60), 5))
    assert _fitted(accounts, cluster_col="account", n_boot=300).paths["std_error"].tolist() == pytest.approx(
        single.tolist(), rel=0.15
    )
    assert (_fitted(data, n_boot=300).paths["std_error"] < 0.6 * single).all()


def test_resamples_in_which_an_item_has_no_spread_are_left_out_and_counted() -> None:
    data = _planted(80).assign(
        l1=np.where(np.arange(80) == 7, 5.0, 4.0)
    )  # respondent 7 is missed by a third of resamples
    found = _fitted(data, n_boot=200)
    assert 200 * 0.2 < found.n_unsolved < 200 * 0.5
    assert found.n_draws + found.n_unsolved == 200
    assert np.isfinite(found.paths[["std_error", "conf_low", "conf_high"]].to_numpy()).all()


def test_the_index_has_the_error_of_its_mean() -> None:
    # with weights that hardly move, the bootstrap error is that of the mean of the scores
    data = _planted(300)
    found = _fitted(data, n_boot=500)
    index = found.index("satisfaction", scale=(1, 5))
    scores = found.scores(data, scale=(1, 5))["satisfaction"]
    assert index.std_error == pytest.approx(scores.std() / math.sqrt(300), rel=0.1)
    assert index.conf_low < index.estimate < index.conf_high
    assert index.headline().startswith("The index of satisfaction is ")
    assert _fitted(data).index("satisfaction", scale=(1, 5)).reason == "no resamples were drawn"


def test_respondents_with_a_hole_or_without_a_weight_are_left_out_and_counted() -> None:
    data = _planted(100).assign(w=1.0)
    data.loc[:4, "q0"] = np.nan
    data.loc[3:6, "l1"] = np.nan
    data.loc[10, "w"] = np.nan
    found = _fitted(data, weights_col="w")
    assert (found.n, found.n_left_out) == (92, 8)
    assert _fitted(data).n_left_out == 7
    with pytest.raises(ValueError, match="8 of 100 respondents answered all 7 items; a path model of them needs 10"):
        _fitted(data.where(data.index.to_series() < 15))


def test_what_is_no_model_is_refused_by_name() -> None:
    data = _planted(50)
    blocks = CHAIN["constructs"]
    for error, more in {
        "`s0` is an item of quality and of satisfaction": {"constructs": {**blocks, "quality": ["q0", "s0"]}},
        'must be a list of columns, got "q0"; write': {"constructs": {**blocks, "quality": "q0"}},
        "quality has no items": {"constructs": {**blocks, "quality": []}},
        "has no column `q9`; known: l0": {"constructs": {**blocks, "quality": ["q9"]}},
        "run in a circle through satisfaction, loyalty": {"paths": [*CHAIN["paths"], ("loyalty", "satisfaction")]},
        "from quality to itself": {"paths": [("quality", "quality")]},
        "`loyalti`, which is no construct; did you mean `loyalty`": {"paths": [("quality", "loyalti")]},
        "no path leads to loyalty or from it": {"paths": CHAIN["paths"][:1]},
        '`scheme` must be "path" or "centroid", got': {"scheme": "factorial"},
        "`n_boot` must be 0 or a whole number from 100": {"n_boot": 20},
        "`conf_level` must be between 0 and 1, got 95": {"conf_level": 95},
    }.items():
        with pytest.raises(ValueError, match=error):
            _fitted(data, **more)
    with pytest.raises(ValueError, match="all respondents are of one account, which shows no spread"):
        _fitted(data.assign(account="A"), cluster_col="account", n_boot=100)
    with pytest.raises(ValueError, match="`q0` has no spread: all 50 answers are 3"):
        _fitted(data.assign(q0=3))
    with pytest.raises(ValueError, match=r"`q0` holds 'good' \(row 0\), which is no number"):
        _fitted(data.assign(q0="good"))
    found = _fitted(data)
    with pytest.raises(ValueError, match="no construct `loyal`; did you mean `loyalty`"):
        found.total_effects("loyal")
    with pytest.raises(ValueError, match="no arrow leads to `quality`"):
        found.ipma("quality", scale=(1, 5))
    with pytest.raises(ValueError, match="`scale` has no ends for `q1`"):
        found.index("quality", scale={"q0": (1, 5)})


def test_constructs_that_follow_from_each_other_are_refused() -> None:
    data = _planted(60)
    with pytest.raises(ValueError, match="constructs follow from each other"):
        path_model(
            data.assign(c0=data["q0"] * 2),
            constructs={"a": ["q0"], "b": ["c0"], "loyalty": ["l0"]},
            paths=[("a", "loyalty"), ("b", "loyalty")],
        )
