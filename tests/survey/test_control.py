"""Control charts against the worked examples of the NIST/SEMATECH e-Handbook, and rules by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from cxlab.survey import control_chart

# e-Handbook 6.3.3.2: defective chips on 30 wafers of 50; 6.3.3.1: defects of 25 wafers; 6.3.2.4 and 6.3.2.2: single figures
WAFERS = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]
DEFECTS = [16, 14, 28, 16, 12, 20, 10, 12, 10, 17, 19, 17, 14, 16, 15, 13, 14, 16, 11, 20, 11, 19, 16, 31, 13]
DRIFT = [52, 47, 53, 49.3, 50.1, 47, 51, 50.1, 51.2, 50.5, 49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]
FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]


def test_a_p_chart_is_that_of_the_handbook() -> None:
    chart = control_chart(WAFERS, kind="p", n=50)
    assert chart.center == pytest.approx(347 / 1500, abs=1e-9)
    assert (chart.lcl, chart.ucl) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.4102, abs=5e-5))
    assert (np.flatnonzero(chart.points["signal"]) + 1).tolist() == [15, 23]


def test_a_c_chart_is_that_of_the_handbook_and_a_point_on_the_limit_is_inside() -> None:
    chart = control_chart(DEFECTS, kind="c")
    assert (chart.center, chart.lcl, chart.ucl) == (16, 4, 28)
    assert (np.flatnonzero(chart.points["signal"]) + 1).tolist() == [24], (
        "the third wafer has 28 defects, as many as allowed"
    )


def test_an_ewma_is_that_of_the_handbook() -> None:
    chart = control_chart(DRIFT, kind="ewma", target=50, sigma=2.0539, lam=0.3)
    assert chart.points["value"].round(2).tolist()[:5] == [50.6, 49.52, 50.56, 50.18, 50.16]
    assert chart.points["value"].iloc[-1] == pytest.approx(51.99, abs=0.005)
    assert (chart.points["lcl"].iloc[-1], chart.points["ucl"].iloc[-1]) == (
        pytest.approx(47.4115, abs=5e-4),
        pytest.approx(52.5884, abs=5e-4),
    )
    # the first limits are narrower: 3 × 2.0539 × .3
    assert chart.points["ucl"].iloc[0] == pytest.approx(50 + 3 * 2.0539 * 0.3)
    assert chart.points["raw"].tolist() == DRIFT
    assert not chart.points["signal"].any()
    assert set(chart.points["rule"]) == {""}


def test_an_xmr_chart_is_that_of_the_handbook() -> None:
    chart = control_chart(FLOW, kind="xmr")
    assert chart.center == pytest.approx(50.81)
    assert (chart.lcl, chart.ucl) == (pytest.approx(45.8159, abs=0.01), pytest.approx(55.8041, abs=0.01))


def test_a_u_chart_by_hand_has_limits_for_each_exposure() -> None:
    # 3 + 5 + 16 = 24 in 1 + 2 + 3 = 6 units: ū = 4; limits 4 ± 3·√(4/n), never below 0
    chart = control_chart([3, 5, 16], kind="u", n=[1, 2, 3])
    assert chart.points["value"].tolist() == pytest.approx([3, 2.5, 16 / 3])
    assert chart.points["lcl"].tolist() == pytest.approx([0, 0, 4 - 6 / math.sqrt(3)])
    assert chart.points["ucl"].tolist() == pytest.approx([10, 4 + 6 / math.sqrt(2), 4 + 6 / math.sqrt(3)])


def test_a_p_chart_of_large_bases_cries_wolf_and_p_prime_does_not() -> None:
    rng = np.random.default_rng(2)
    n = np.full(40, 50_000)
    counts = rng.binomial(n, np.clip(rng.normal(0.7, 0.02, 40), 0, 1))
    plain, prime = (control_chart(counts, kind=kind, n=n) for kind in ("p", "p_prime"))
    assert plain.points["signal"].mean() > 0.5
    assert not prime.points["signal"].any()
    # by another route: the spread of shares, from the mean range of neighbours, over what chance within a point gives
    share = counts / n
    expected = np.abs(np.diff(share)).mean() / 1.128 / math.sqrt(plain.center * (1 - plain.center) / 50_000)
    assert prime.sigma_z == pytest.approx(expected)
    assert prime.ucl - prime.center == pytest.approx(prime.sigma_z * (plain.ucl - plain.center))


@pytest.mark.parametrize(
    ("figures", "rule", "place"),
    [
        ([0, -0.1] + [0.2] * 8, "8 on one side", 9),
        ([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], "6 rising", 5),
        ([0.9, 0.5, 0.4, 0.3, 0.2, 0.1], "6 falling", 5),
        ([0, 2.5, 0, 2.5], "2 of 3 beyond 2σ", 3),
        ([0, 1.5, 1.2, 0, 1.7, 1.1], "4 of 5 beyond 1σ", 5),
        ([0, -1.5, -1.2, 0, -1.7, -1.1], "4 of 5 beyond 1σ", 5),
    ],
)
def test_a_pattern_is_named_where_it_ends(figures: list[float], rule: str, place: int) -> None:
    points = control_chart(figures, kind="xmr", target=0, sigma=1).points
    assert rule in points["rule"].iloc[place]
    assert (points["rule"].iloc[:place] == "").all()


@pytest.mark.parametrize(
    "figures", [[0, 2.5, 0, -2.5], [1.5, -1.2, 1.7, -1.1, 1.3], [0.2] * 7, [-0.2, -0.1, 0, 0.1, 0.2, 0]]
)
def test_what_is_no_pattern_has_no_name(figures: list[float]) -> None:
    assert set(control_chart(figures, kind="xmr", target=0, sigma=1).points["rule"]) == {""}


def test_a_point_without_a_figure_is_left_out_of_everything() -> None:
    with_hole = control_chart([49.6, 47.6, math.nan, *FLOW[2:]], kind="xmr")
    assert with_hole.center == pytest.approx(control_chart(FLOW, kind="xmr").center)
    assert with_hole.ucl == pytest.approx(control_chart(FLOW, kind="xmr").ucl)
    assert with_hole.points.loc[2, ["value", "lcl", "ucl"]].isna().all()
    assert not with_hole.points.loc[2, "signal"]
    assert with_hole.n_points == 10
    shares = control_chart([5, 0, 6], kind="p", n=[10, 0, 10])
    assert (shares.center, shares.n_points) == (0.55, 2)


def test_limits_from_a_baseline_do_not_hide_what_came_after() -> None:
    counts = [20, 22, 19, 21, 20, 18, 40, 41, 39]
    assert not control_chart(counts, kind="p", n=100).points["signal"].all()
    chart = control_chart(counts, kind="p", n=100, baseline=6)
    assert chart.center == pytest.approx(0.2)
    assert (np.flatnonzero(chart.points["signal"]) + 1).tolist() == [7, 8, 9]


def test_about_three_points_in_a_thousand_of_a_steady_process_are_outside() -> None:
    values = np.random.default_rng(1).normal(0, 1, 20_000)
    outside = control_chart(values, kind="xmr").points["signal"].mean()
    assert outside == pytest.approx(0.0027, abs=0.0012)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "pprime"}, "there is no chart `pprime`; did you mean `p_prime`"),
        ({"kind": "p"}, 'a chart of kind "p" needs `n`'),
        ({"kind": "p", "n": [10, 10]}, "`n` has 2 bases for 3 points"),
        ({"kind": "p", "n": [4, 4, 2]}, "point 3 counts 3 of 2"),
        ({"kind": "p", "n": [4, 4, 0]}, "point 3 counts 3 of a base of 0"),
        ({"kind": "c", "values": [1, 2.5, 3]}, "takes counts, whole numbers from 0 upwards, got 2.5"),
        ({"kind": "c", "values": [1, -2, 3]}, "got -2"),
        ({"kind": "xmr", "values": [1, "x", 3]}, "`values` must be numbers, got 'x'"),
        ({"kind": "xmr", "values": [1.0]}, "needs two points with a figure, got 1"),
        ({"kind": "xmr", "baseline": 9}, "`baseline` must be a number of points from 2 to 3, got 9"),
        ({"kind": "ewma", "lam": 0}, "`lam` must be above 0 and at most 1, got 0"),
        ({"kind": "c", "k": 0}, "`k` must be above 0, got 0"),
    ],
)
def test_what_cannot_be_charted_is_refused_by_name(given: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError) as refused:
        control_chart(**({"values": [1, 2, 3]} | given))  # type: ignore[arg-type]
    assert said in str(refused.value)


def test_flagged_points_are_those_outside_and_those_that_end_a_pattern() -> None:
    chart = control_chart([0, -0.1] + [0.2] * 8 + [9], kind="xmr", target=0, sigma=1)
    assert chart.flagged.index.tolist() == [9, 10]
    assert isinstance(chart.flagged, pd.DataFrame)
