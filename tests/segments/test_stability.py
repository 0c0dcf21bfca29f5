"""Segments that come back, segments that do not, and answers that have none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from cxlab.segments import null_check, stability
from cxlab.segments.stability import NullCheck, _jaccard, rand_index


def _groups(n: int, apart: float, style: float = 0.0, seed: int = 0, items: int = 9) -> np.ndarray:
    """Answers from 1 to 5: three equal groups, each with a third of the items `apart` above the rest; level spread `style`."""
    rng = np.random.default_rng(seed)
    leading = np.repeat(np.eye(3), items // 3, axis=1)[np.arange(n) % 3]
    raw = 3 + apart * leading + style * rng.normal(size=(n, 1)) + 0.6 * rng.normal(size=(n, items))
    return np.clip(np.rint(raw), 1, 5)


def _verdict(check: NullCheck) -> str:
    if check.table["z_centred"].max() > 3:
        return "segments"
    return "style" if check.table["z_raw"].max() > 3 else "none"


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
    assert check.verdict == _verdict(check)
    assert check.table["k"].tolist() == [2, 3]
    assert check.table["z_raw"].abs().max() < 15  # the null ticks as high and as low as they do


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
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
