"""Dominance by hand for three drivers, by sets for four, and for fits that are not R²."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from cxlab.drivers.dominance import STRENGTHS, dominance, strengths
from cxlab.drivers.subsets import shapley

# fits of nobody, a, b, ab, c, ac, bc, abc
FITS = np.array([0.0, 0.30, 0.20, 0.36, 0.10, 0.33, 0.27, 0.40])


def test_three_drivers_by_hand() -> None:
    found = dominance(FITS, ["a", "b", "c"])
    # a adds .30 alone; .16 to b and .23 to c; .13 as the last one
    assert found.conditional.loc["a"].tolist() == pytest.approx([0.30, 0.195, 0.13])
    assert found.conditional.loc["b"].tolist() == pytest.approx([0.20, (0.06 + 0.17) / 2, 0.07])
    assert found.conditional.loc["c"].tolist() == pytest.approx([0.10, (0.03 + 0.07) / 2, 0.04])
    assert found.general.tolist() == pytest.approx([0.625 / 3, 0.385 / 3, 0.19 / 3])
    assert found.general.sum() == pytest.approx(0.40)
    # a against b: .30 to .20 alone, .23 to .17 beside c
    assert found.complete.loc["a", "b"] == 1
    assert found.complete.loc["b", "a"] == 0
    assert np.isnan(found.complete.loc["b", "b"])
    assert found.pairs().values.tolist() == [
        ["a", "b", "complete", 1.0],
        ["a", "c", "complete", 1.0],
        ["b", "c", "complete", 1.0],
    ]
    assert found.to_frame().columns.tolist() == ["driver", "general", "with_0", "with_1", "with_2"]


def test_each_strength_of_dominance_is_told_from_the_next() -> None:
    # beside c, b now adds more than a (.26 to .20) while a keeps its lead at every size on average
    conditional = dominance(np.array([0.0, 0.30, 0.20, 0.36, 0.10, 0.30, 0.34, 0.40]), ["a", "b", "c"])
    ahead = conditional.conditional.loc["a"] - conditional.conditional.loc["b"]
    # a: .30, (.16 + .20)/2 = .18, .06; b: .20, (.06 + .24)/2 = .15, .10
    assert ahead.tolist() == pytest.approx([0.10, 0.03, -0.04])
    table = conditional.pairs().set_index(["driver", "other"])
    assert table.loc[("a", "b"), "dominance"] == "general"
    assert table.loc[("a", "b"), "share_of_subsets"] == 0.5
    # four drivers: a is ahead of b at every size on average, not beside c alone
    fits = np.array([0.1 * bin(number & 0b1100).count("1") + 0.2 * (number & 1) for number in range(16)])
    fits += np.array([0.1 * (number >> 1 & 1) for number in range(16)])
    fits[0b0110] = fits[0b0101] + 0.01
    assert dominance(fits, list("abcd")).pairs().iloc[0].tolist() == ["a", "b", "conditional", 0.75]


def test_four_drivers_by_sets() -> None:
    rng = np.random.default_rng(0)
    fits = rng.random(16)
    found = dominance(fits, list("abcd"))

    def fit(members: tuple[int, ...]) -> float:
        return float(fits[sum(1 << j for j in members)])

    for i in range(4):
        rest = [j for j in range(4) if j != i]
        for size in range(4):
            gains = [fit((*others, i)) - fit(others) for others in combinations(rest, size)]
            assert found.conditional.iloc[i, size] == pytest.approx(np.mean(gains))
        for j in rest:
            neither = [k for k in rest if k != j]
            sets = [others for size in range(3) for others in combinations(neither, size)]
            ahead = [fit((*others, i)) > fit((*others, j)) for others in sets]
            assert found.complete.iloc[i, j] == pytest.approx(np.mean(ahead))
    assert found.general.tolist() == pytest.approx(shapley(fits).tolist())


def test_drivers_that_are_equal_but_for_rounding_do_not_dominate_each_other() -> None:
    found = dominance(np.array([0, 0.1 + 0.2, 0.3, 0.5]), ["a", "b"])
    assert found.complete.loc["a", "b"] == found.complete.loc["b", "a"] == 0
    assert found.pairs()["dominance"].tolist() == ["none"]


def test_a_constant_added_to_every_fit_changes_nothing_so_log_likelihoods_will_do() -> None:
    plain, shifted = dominance(FITS, list("abc")), dominance(FITS - 800, list("abc"))
    assert shifted.conditional.to_numpy() == pytest.approx(plain.conditional.to_numpy(), abs=1e-9)
    assert shifted.complete.equals(plain.complete)


def test_fits_that_are_not_those_of_the_named_drivers_are_refused() -> None:
    with pytest.raises(ValueError, match="8 fits are those of 3 drivers, and 2 names were given"):
        dominance(FITS, ["a", "b"])
    with pytest.raises(ValueError, match="7 values are not one for every subset"):
        dominance(FITS[1:], ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"fits of one model, got an array of shape \(8, 2\)"):
        dominance(np.column_stack([FITS, FITS]), ["a", "b", "c"])
    with pytest.raises(ValueError, match="21 drivers have too many subsets to compare"):
        dominance(np.zeros(2**21), [str(j) for j in range(21)])


def test_one_driver_dominates_nobody() -> None:
    found = dominance(np.array([0, 0.5]), ["a"])
    assert found.general.tolist() == [0.5]
    assert found.pairs().empty


def test_many_games_at_once_are_judged_like_each_alone() -> None:
    rng = np.random.default_rng(1)
    own = np.array([[number >> j & 1 for j in range(4)] for number in range(16)]) @ [0.35, 0.3, 0.2, 0.1]
    games = own[:, None] + 0.3 * rng.random((16, 80))
    games[:, :5] = np.array([bin(number).count("1") for number in range(16)])[:, None]  # equal players
    found = strengths(games)
    seen = set()
    for game, told in zip(games.T, found, strict=True):
        for driver, other, dominant, _ in dominance(game, list("abcd")).pairs().itertuples(index=False):
            assert STRENGTHS[told["abcd".index(driver), "abcd".index(other)]] == dominant
            assert told["abcd".index(other), "abcd".index(driver)] == 0
            seen.add(dominant)
    assert seen == set(STRENGTHS), "every strength is among them"
