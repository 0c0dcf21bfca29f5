"""Segments that come back, segments that do not, and answers that have none."""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from cxlab.segments import null_check, stability
from cxlab.segments.stability import (
    Stability,
    _fit_many,
    _jaccard,
    _polished,
    _spread_of_spreads,
    _without_groups,
    rand_index,
)


def _groups(n: int, apart: float, style: float = 0.0, seed: int = 0, items: int = 9) -> np.ndarray:
    """Answers from 1 to 5: three equal groups, each with a third of the items `apart` above the rest; level spread `style`."""
    rng = np.random.default_rng(seed)
    leading = np.repeat(np.eye(3), items // 3, axis=1)[np.arange(n) % 3]
    raw = 3 + apart * leading + style * rng.normal(size=(n, 1)) + 0.6 * rng.normal(size=(n, items))
    return np.clip(np.rint(raw), 1, 5)


def test_the_rand_index_of_six_people_by_hand() -> None:
    # table (2 1 / 0 3): pairs together 1 + 3 = 4, rows 6, columns 1 + 6 = 7, all 15: (4 − 2.8)/(6.5 − 2.8)
    one, other = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1])
    assert rand_index(one, other, np.ones(6)) == pytest.approx(1.2 / 3.7)
    assert rand_index(one, 1 - one, np.ones(6)) == 1


def test_the_weighted_rand_index_is_that_of_repeated_people() -> None:
    rng = np.random.default_rng(0)
    one, other, weights = rng.integers(0, 3, 40), rng.integers(0, 4, 40), rng.integers(1, 5, 40)
    expected = adjusted_rand_score(np.repeat(one, weights), np.repeat(other, weights))
    assert rand_index(one, other, weights.astype(float)) == pytest.approx(expected)


def test_the_overlap_of_each_segment_with_its_best_match_by_hand() -> None:
    # segment 0 = {a, b, c} against {a, b}: 2/3; segment 1 = {d, e, f} against {c, d, e, f}: 3/4
    full, one = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 1, 1])
    assert _jaccard(full, one, np.ones(6), 2) == pytest.approx([2 / 3, 3 / 4])


def test_planted_groups_come_back_and_noise_does_not() -> None:
    planted = stability(_groups(300, 2.0), k=[3], n_boot=10, style="center", random_state=0).summary().iloc[0]
    noise = stability(_groups(300, 0.0), k=[3], n_boot=10, style="center", random_state=0).summary().iloc[0]
    assert planted["ari"] > 0.95
    assert planted["weakest"] > 0.95
    assert noise["ari"] < 0.5
    assert noise["weakest"] < 0.7


def test_the_planted_number_of_groups_is_the_most_stable() -> None:
    found = stability(_groups(300, 2.0), k=range(2, 6), n_boot=10, style="center", random_state=0).summary()
    assert found.loc[found["ari"].idxmax(), "k"] == 3


def test_each_number_of_segments_has_a_row_a_pair_and_two_samples_a_pair() -> None:
    found = stability(_groups(90, 2.0), k=[3, 2], n_boot=4, random_state=1)
    assert found.to_frame().groupby("k").size().to_dict() == {2: 4, 3: 4}
    assert {k: values.shape for k, values in found.overlaps.items()} == {2: (8, 2), 3: (8, 3)}
    assert [len(labels) for labels in found.labels.values()] == [90, 90]
    assert found.by_segment(3)["jaccard"].tolist() == np.median(found.overlaps[3], axis=0).tolist()
    summary = found.summary().set_index("k")
    assert summary.loc[3, "weakest"] == found.by_segment(3)["jaccard"].min()
    pairs = found.pairs[found.pairs["k"] == 2]["ari"]
    assert summary.loc[2, ["ari_low", "ari", "ari_high"]].tolist() == pytest.approx(
        np.percentile(pairs, [25, 50, 75]).tolist()
    )


def test_stability_is_the_same_for_the_same_seed_and_in_any_order_of_the_numbers() -> None:
    X = _groups(90, 1.0)
    one = stability(X, k=[2, 4], n_boot=3, random_state=7)
    pd.testing.assert_frame_equal(one.pairs, stability(X, k=[4, 2, 2], n_boot=3, random_state=7).pairs)
    assert not one.pairs.equals(stability(X, k=[2, 4], n_boot=3, random_state=8).pairs)


def test_numbers_that_were_not_computed_or_cannot_be_are_refused() -> None:
    found = stability(_groups(60, 2.0), k=[2, 3], n_boot=2, random_state=0)
    with pytest.raises(ValueError, match="not computed for k=5; it was for 2, 3"):
        found.by_segment(5)
    with pytest.raises(ValueError, match="k=3 is more than the 2 distinct rows"):
        stability([[1, 2], [1, 2], [2, 1]], k=[3], n_boot=2)


def test_groups_of_style_alone_are_stable_when_raw_and_gone_when_centred() -> None:
    X = _groups(300, 0.0, style=1.2)
    raw, centred = (
        stability(X, k=[2], n_boot=10, style=style, random_state=0).summary()["ari"][0] for style in ("none", "center")
    )
    assert raw > 0.8
    assert centred < 0.5


def test_planted_groups_are_segments_with_and_without_style() -> None:
    for style in (0.0, 0.7):
        check = null_check(_groups(240, 1.6, style), k=[2, 3], n_null=8, random_state=0)
        assert check.verdict == "segments"
        assert check.table.set_index("k").loc[3, "z_centred"] > 6


@pytest.mark.parametrize("seed", range(4))
def test_answers_that_differ_by_style_alone_are_no_segments(seed: int) -> None:
    check = null_check(_groups(240, 0.0, style=1.0, seed=seed), k=[2, 3], n_null=8, random_state=seed)
    assert check.verdict in ("style", "none")
    assert (check.verdict == "style") == (check.p_value_raw < 0.01)
    assert check.p_value >= 0.01
    assert check.table["k"].tolist() == [2, 3]
    assert check.table["z_raw"].abs().max() < 15  # the null ticks as high and as low as they do


@pytest.mark.parametrize("seed", range(1, 9))
def test_one_common_dimension_of_needs_without_groups_is_no_segments(seed: int) -> None:
    # service against price, everybody somewhere between: a correlation, and the null promises to keep correlations
    rng = np.random.default_rng(seed)
    loads = np.repeat([0.5, -0.5], 4)
    X = np.clip(np.rint(3 + rng.normal(size=(300, 1)) * loads + 0.8 * rng.normal(size=(300, 8))), 1, 5)
    assert null_check(X, k=[2, 3], n_null=20, random_state=0).verdict != "segments"


def test_the_null_check_is_the_same_for_the_same_seed() -> None:
    X = _groups(80, 1.0)
    one, again = (null_check(X, k=[2, 3], n_null=3, random_state=4) for _ in range(2))
    pd.testing.assert_frame_equal(one.table, again.table)


def test_entropy_across_solutions_by_hand() -> None:
    # of three segments the first comes from one parent: 1; the second half from each: 0;
    # the third 3 to 1: H = −.75·ln .75 − .25·ln .25 = .5623, over ln 2 = .8113
    two = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 1])
    three = np.array([0, 0, 1, 1, 2, 1, 1, 2, 2, 0, 0, 2])
    found = Stability(pd.DataFrame(), {}, {2: two, 3: three}).across().set_index(["k", "segment"])
    assert found.loc[3, "sla"].tolist() == pytest.approx([1, 0, 1 - 0.811278], abs=1e-6)
    assert found.loc[(3, 1), ["parent_0", "parent_1"]].tolist() == [0.5, 0.5]
    assert found.loc[(3, 2), ["parent_0", "parent_1"]].tolist() == [0.25, 0.75]
    assert found.loc[2, "sla"].isna().all()
    assert found.loc[2, "reason"].unique().tolist() == ["there is one parent only"]


def test_a_weight_counts_in_the_shares_of_the_parents_and_a_gap_has_its_reason() -> None:
    two, three = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2])
    weighted = Stability(pd.DataFrame(), {}, {2: two, 3: three, 5: two}, np.array([1.0, 1, 3, 1])).across()
    row = weighted[(weighted["k"] == 3) & (weighted["segment"] == 1)].iloc[0]
    assert [row["parent_0"], row["parent_1"]] == [0.25, 0.75]
    missing = weighted[weighted["k"] == 5]
    assert missing["sla"].isna().all()
    assert missing["reason"].unique().tolist() == ["stability was not computed for k=4"]


def test_the_parents_of_every_segment_add_up_to_one() -> None:
    found = stability(_groups(90, 2.0), k=[2, 3, 4], n_boot=2, random_state=1).across()
    assert found.groupby("k").size().to_dict() == {2: 2, 3: 3, 4: 4}
    known = found[found["k"] > 2]
    assert known.filter(like="parent_").sum(axis=1).tolist() == pytest.approx([1] * 7)
    assert known["sla"].between(0, 1).all()


def test_equal_weights_change_nothing_and_a_weight_of_zero_is_nobody() -> None:
    X = _groups(90, 1.0)
    plain = stability(X, k=[3], n_boot=3, random_state=1)
    pd.testing.assert_frame_equal(
        plain.pairs, stability(X, k=[3], n_boot=3, random_state=1, sample_weight=np.full(90, 7.0)).pairs
    )
    more = np.vstack([X, np.full((5, 9), 1.0)])
    nobody = stability(more, k=[3], n_boot=3, random_state=1, sample_weight=[1.0] * 90 + [0.0] * 5)
    pd.testing.assert_frame_equal(plain.pairs, nobody.pairs)
    assert len(nobody.labels[3]) == 95


def test_respondents_of_hardly_any_weight_do_not_decide_the_groups() -> None:
    # a rectangle; three segments of four corners, of which one is that of people who hardly count
    rng = np.random.default_rng(2)
    corner = np.arange(200) % 4
    X = np.array([[0.0, 0], [0, 6], [9, 0], [9, 6]])[corner] + rng.normal(0, 0.3, (200, 2))
    plain = stability(X, k=[3], n_boot=10, random_state=0)
    weighted = stability(X, k=[3], n_boot=10, random_state=0, sample_weight=np.where(corner == 2, 0.001, 1.0))
    assert adjusted_rand_score(corner[corner != 2], weighted.labels[3][corner != 2]) == 1
    assert weighted.pairs["ari"].min() > 0.99
    assert plain.pairs["ari"].min() < 0.9  # now these two corners share a segment, now those


def test_who_is_drawn_is_drawn_with_the_weight_they_have() -> None:
    # of 40 people one weighs as much as all others together; drawn with chances by weight they would be there every time
    X = np.vstack([np.repeat([[0.0], [1.0]], [20, 19], axis=0), [[9.0]]])
    found = stability(X, k=[2], n_boot=100, random_state=0, sample_weight=[1.0] * 39 + [39.0])
    apart = (found.overlaps[2] > 0.999).all(axis=1).mean()
    assert apart == pytest.approx(1 - (1 - 1 / 40) ** 40, abs=0.1)  # 64% of samples hold the heavy one


def test_many_distinct_answers_are_searched_in_part_and_agree_with_the_planted_groups() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(2_200) % 3
    X = rng.normal(size=(2_200, 4)) + 5 * np.eye(4)[truth]
    found = stability(X, k=[3], n_boot=2, random_state=0)
    assert adjusted_rand_score(truth, found.labels[3]) > 0.95
    assert found.pairs["ari"].min() > 0.95
    noise = [
        stability(rng.normal(size=(2_100, 3)), k=[4], n_boot=1, random_state=seed).pairs["ari"][0] for seed in (0, 1)
    ]
    assert noise[0] != noise[1]


def test_of_the_starts_on_a_part_of_many_answers_the_three_best_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    X = np.random.default_rng(0).random((2_100, 3))  # without groups: every start ends elsewhere
    fits = []

    def noted(answers: np.ndarray, mass: object, start: np.ndarray, max_iter: int) -> object:
        fits.append((start, _polished(answers, mass, start, max_iter)))
        return fits[-1][1]

    # `cxlab.segments.stability` is the function of that name, too: the module by way of `sys.modules`
    monkeypatch.setattr(sys.modules["cxlab.segments.stability"], "_polished", noted)
    centres = _fit_many(X, np.ones(2_100), 9, 16, np.random.default_rng(0))
    tried, followed = fits[:12], fits[12:]  # 16 starts, the better 12 of them some steps
    leading = sorted((fit for _, fit in tried), key=lambda fit: fit.inertia_)[:3]
    assert [start.tolist() for start, _ in followed] == [fit.cluster_centers_.tolist() for fit in leading]
    best = min((fit for _, fit in followed), key=lambda fit: fit.inertia_)
    assert centres.tolist() == best.cluster_centers_.tolist()
    assert len({fit.inertia_ for _, fit in followed}) > 1


@pytest.mark.parametrize("n", [120, 2_300])
def test_the_number_of_threads_does_not_change_stability(n: int) -> None:
    X = np.random.default_rng(5).normal(size=(n, 5))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(stability(X, k=[3], n_boot=2, random_state=2))
    assert found[0].pairs["ari"].tolist() == found[1].pairs["ari"].tolist()
    assert found[0].overlaps[3].tobytes() == found[1].overlaps[3].tobytes()


def test_answers_without_groups_have_the_same_items_correlations_and_spreads() -> None:
    rng = np.random.default_rng(3)
    X = _groups(500, 1.2, style=0.8, seed=3)
    X = np.clip(np.rint(3 + (X - 3) * np.exp(rng.normal(0, 0.4, (500, 1)))), 1, 5)
    spread = _spread_of_spreads(X, np.random.default_rng(0))
    assert spread > 0.05
    fakes = [_without_groups(X, spread, rng) for _ in range(5)]
    assert all((np.sort(fake, axis=0) == np.sort(X, axis=0)).all() for fake in fakes)
    assert max(np.abs(np.corrcoef(fake.T) - np.corrcoef(X.T)).max() for fake in fakes) < 0.08
    assert np.mean([fake.std(axis=1).std() for fake in fakes]) == pytest.approx(X.std(axis=1).std(), rel=0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_two_dimensions_of_needs_and_uneven_scales_without_groups_are_no_segments(seed: int) -> None:
    rng = np.random.default_rng(seed)
    loads = rng.normal(0, 0.6, (2, 10))
    latent = rng.normal(size=(300, 2)) @ loads + rng.normal(size=(300, 10))
    X = 1.0 + (latent[:, :, None] > np.linspace(-2.5, 0.5, 4)).sum(axis=2)
    assert null_check(X, k=[2, 3, 4], n_null=12, random_state=0).verdict != "segments"


def test_of_answers_yes_or_no_four_classes_are_segments_and_two_dimensions_are_none() -> None:
    rng = np.random.default_rng(1)
    classes = np.where(rng.random((4, 11)) < 0.5, 0.2, 0.8)
    grouped = (rng.random((600, 11)) < classes[np.arange(600) % 4]).astype(float)
    assert null_check(grouped, k=[2, 3, 4], n_null=12, random_state=0).verdict == "segments"
    latent = rng.normal(size=(600, 2)) @ rng.normal(size=(2, 11)) + rng.normal(size=(600, 11))
    between = (latent > rng.normal(0, 0.5, 11)).astype(float)
    assert null_check(between, k=[2, 3, 4], n_null=12, random_state=0).verdict != "segments"


def test_the_p_value_of_answers_without_groups_is_seldom_low() -> None:
    # 20 sets: p below .25 is expected in five; eleven or more have a chance of 1 in 250
    low = sum(
        null_check(_groups(120, 0.0, seed=50 + s, items=6), k=[2, 3], n_null=10, random_state=s).p_value < 0.25
        for s in range(20)
    )
    assert low <= 10


def test_the_p_value_is_that_of_one_more_draw_from_a_t_distribution() -> None:
    # with a single k the average over k is z itself, and the nulls have a standard deviation of 1
    check = null_check(_groups(150, 0.5), k=[3], n_null=9, random_state=1)
    for p, z in ((check.p_value, check.table["z_centred"][0]), (check.p_value_raw, check.table["z_raw"][0])):
        assert p == pytest.approx(stats.t.sf(z / np.sqrt(1 + 1 / 9), 8))


def test_groups_of_people_who_tick_high_and_low_are_style() -> None:
    # half tick around 2, half around 4: two groups of the raw answers, none of needs
    rng = np.random.default_rng(0)
    X = np.clip(np.rint(np.repeat([2.0, 4.0], 150)[:, None] + 0.7 * rng.normal(size=(300, 9))), 1, 5)
    check = null_check(X, k=[2, 3], n_null=12, random_state=0)
    assert (check.verdict, check.n) == ("style", 300)
    assert check.p_value_raw < 0.001


def test_of_many_respondents_two_thousand_are_looked_at() -> None:
    X = np.random.default_rng(0).integers(1, 6, (2_100, 5)).astype(float)
    assert null_check(X, k=[2], n_null=3, random_state=0).n == 2_000


def test_what_cannot_be_checked_is_refused_by_name() -> None:
    X = _groups(60, 1.0)
    holed = pd.DataFrame(X, columns=[f"need_{i}" for i in range(9)])
    holed.loc[[3, 7], "need_4"] = np.nan
    for check in (null_check, stability):
        with pytest.raises(ValueError, match="item 'need_4' lacks 2 of 60 answers"):
            check(holed)
    with pytest.raises(ValueError, match="`n_null` must be 3 or more data sets without groups, got 2"):
        null_check(X, n_null=2)
    with pytest.raises(ValueError, match="at least two items must vary between respondents; 1 do"):
        null_check(np.column_stack([np.ones(20), np.arange(20)]))
    with pytest.raises(ValueError, match=r"`k` must be from 2 to \d+ .*, got \[1, 3\]"):
        null_check(X, k=[3, 1])
    with pytest.raises(ValueError, match="`n_boot` must be 1 or more pairs of samples, got 0"):
        stability(X, n_boot=0)
    with pytest.raises(ValueError, match=r"respondents × items, got shape \(3,\)"):
        stability([1.0, 2, 3])
