"""Who moved to another segment, once it is known how often nobody moved and the answers still differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from cxlab.segments.migration import Migration, fit, migration, repeated, unmixed

LETTERS = np.array(["a", "b", "c"])
ERROR = pd.DataFrame([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.05, 0.1, 0.85]], index=LETTERS, columns=LETTERS)
HALF = pd.DataFrame([[0.9, 0.1], [0.1, 0.9]], index=["a", "b"], columns=["a", "b"])


def _table(cells: dict[str, int]) -> tuple[pd.Series, pd.Series]:
    """Placements before and after from counts such as {"ab": 9}: nine customers in a before and b after."""
    pairs = [pair for pair, n in cells.items() for _ in range(n)]
    return pd.Series([pair[0] for pair in pairs]), pd.Series([pair[1] for pair in pairs])


def _waves(n: int, moving: float, seed: int, error: pd.DataFrame = ERROR) -> tuple[pd.Series, pd.Series]:
    """Truly 50/30/20% in a, b, c; `moving` of each go on to the next letter; both waves are answered with `error`."""
    rng = np.random.default_rng(seed)
    true = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    later = np.where(rng.random(n) < moving, (true + 1) % 3, true)
    return _answered(true, rng, error), _answered(later, rng, error)


def _answered(true: np.ndarray, rng: np.random.Generator, error: pd.DataFrame = ERROR) -> pd.Series:
    reached = error.to_numpy()[true].cumsum(axis=1)
    return pd.Series(LETTERS[(rng.random(len(true))[:, None] > reached).sum(axis=1)])


def _moved(before: Any, after: Any, **more: Any) -> Migration:
    return migration(before, after, **{"confusion": ERROR, "n_boot": 99, "random_state": 0, **more})


def _cell(found: Migration, start: str, end: str) -> pd.Series:
    return found.to_frame().set_index(["from_segment", "to_segment"]).loc[(start, end)]


def test_answering_alone_changes_18_percent_when_one_in_ten_is_misread_by_hand() -> None:
    # true half and half: aa = .5·.81 + .5·.01 = .41, ab = .5·.09 + .5·.09 = .09
    found = _moved(*_table({"aa": 41, "ab": 9, "ba": 9, "bb": 41}), confusion=HALF)
    assert found.changed == pytest.approx(0.18)
    assert found.changed_expected == pytest.approx(0.18, abs=1e-6)
    assert found.moved == pytest.approx(0, abs=1e-9)
    assert found.statistic == pytest.approx(0, abs=0.05)
    assert found.p_value > 0.5
    assert _cell(found, "a", "b")["expected"] == pytest.approx(0.18)
    assert _cell(found, "a", "a")["estimate"] == pytest.approx(1)


def test_planted_movement_without_sampling_is_given_back_exactly() -> None:
    # Q = (.4 .1 / .2 .3), E = (.9 .1 / .1 .9): EᵀQE = (.354 .146 / .226 .274) by hand, so that 30% truly moved
    before, after = _table({"aa": 354, "ab": 146, "ba": 226, "bb": 274})
    found = _moved(before, after, confusion=HALF)
    assert found.changed == pytest.approx(0.372)
    assert found.moved == pytest.approx(0.3)
    assert _cell(found, "a", "b")["estimate"] == pytest.approx(0.1 / 0.5, abs=1e-3)
    assert _cell(found, "b", "a")["estimate"] == pytest.approx(0.2 / 0.5, abs=1e-3)
    assert _cell(found, "a", "b")["p_value"] == 1 / 100
    assert np.isnan(_cell(found, "a", "a")["p_value"])
    assert found.p_value == 1 / 100


def test_the_most_likely_true_table_of_an_uneven_error_by_hand() -> None:
    # QE = (.39 .11 / .27 .23) with E = (.9 .1 / .3 .7); Eᵀ of it = (.432 .168 / .228 .172): 90% placed right in a, 70% in b
    error, counts = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([[432.0, 168, 228, 172]])
    (table,), (reached,) = fit(error[None], counts)
    assert table == pytest.approx(np.array([[0.4, 0.1], [0.2, 0.3]]), abs=0.01)
    assert reached == pytest.approx((counts * np.log(counts / 1_000)).sum(), abs=0.02)


def test_taking_the_error_out_turns_putting_it_in_around() -> None:
    true = np.array([[0.4, 0.05, 0.0], [0.1, 0.2, 0.05], [0.0, 0.05, 0.15]])
    mixed = ERROR.to_numpy().T @ true @ ERROR.to_numpy()
    assert unmixed(ERROR.to_numpy()[None], mixed.reshape(1, -1))[0] == pytest.approx(true)


def test_the_most_likely_table_is_as_likely_as_any_other_within_its_gap() -> None:
    counts = np.array([[50.0, 20, 10, 15, 40, 5, 9, 11, 40]])
    error = ERROR.to_numpy()
    best, reached = fit(error[None], counts)
    assert best.sum() == pytest.approx(1)
    rng = np.random.default_rng(0)
    for other in rng.dirichlet(np.full(9, 0.5), 2_000).reshape(-1, 3, 3):
        near = 0.9 * best[0] + 0.1 * other
        assert (counts[0] * np.log((error.T @ near @ error).ravel())).sum() <= reached[0] + 0.02
    held, _ = fit(error[None], counts, 0.1)
    assert np.trace(held[0]) == pytest.approx(0.9)


def test_two_placements_with_noise_only_show_no_movement() -> None:
    # at 5% and 60 sets 3 are expected; 8 or more have a chance of .8%
    sets = [_moved(*_waves(400, 0.0, seed), n_boot=59, random_state=seed) for seed in range(60)]
    assert sum(found.p_value < 0.05 for found in sets) <= 7
    assert sum(found.moved_low > 0 for found in sets) <= 7
    assert np.mean([found.moved for found in sets]) < 0.03


def test_planted_movement_is_inside_its_interval_and_seen() -> None:
    # of 40 intervals at 95% 34 or more hold the truth with a chance of 99.7%
    sets = [_moved(*_waves(800, 0.2, seed), n_boot=59, random_state=seed) for seed in range(40)]
    assert sum(found.moved_low <= 0.2 <= found.moved_high for found in sets) >= 34
    assert np.mean([found.moved for found in sets]) == pytest.approx(0.2, abs=0.03)
    assert all(found.p_value < 0.05 for found in sets)
    cells = [(_cell(found, "a", "b"), _cell(found, "c", "b")) for found in sets]
    assert sum(one["conf_low"] <= 0.2 <= one["conf_high"] for one, _ in cells) >= 34
    assert sum(none["conf_low"] == 0 for _, none in cells) >= 34


def test_a_confusion_from_a_small_study_widens_the_interval() -> None:
    before, after = _waves(2_000, 0.1, 1)
    known = _moved(before, after)
    counted = _moved(before, after, confusion=(ERROR * 100).astype(int))
    assert counted.moved == pytest.approx(known.moved)
    assert counted.moved_std_error > 1.3 * known.moved_std_error


def test_people_placed_twice_give_the_confusion_and_their_number_counts() -> None:
    # E balanced by hand: R = (.41 .09 / .09 .41) is two answers with 10% error
    few, many = (_table({"aa": 41 * m, "ab": 9 * m, "ba": 9 * m, "bb": 41 * m}) for m in (2, 20))
    assert repeated(*few).to_numpy() == pytest.approx(HALF.to_numpy())
    before, after = _table({"aa": 354, "ab": 146, "ba": 226, "bb": 274})
    wide, narrow = (_moved(before, after, confusion=pair, n_boot=600) for pair in (few, many))
    assert wide.moved == narrow.moved == pytest.approx(0.3)
    # moved = (.372 − 2e(1 − e))/(1 − 2e)², e = .1: of the customers √(.372·.628/1000)/.64 = .0239; its slope in e is −1, and
    # the error of e is √(.18·.82/n)/1.6, .0170 for 200 people placed twice and .0054 for 2,000; a spread of 600 draws errs by 3%
    assert wide.moved_std_error == pytest.approx(np.hypot(0.0239, 0.0170), rel=0.1)
    assert narrow.moved_std_error == pytest.approx(np.hypot(0.0239, 0.0054), rel=0.1)
    # nobody moved between two such placements
    assert _moved(*many, confusion=few).p_value > 0.2


def test_fewer_changes_than_the_error_allows_are_pointed_out() -> None:
    found = _moved(*_table({"aa": 400, "ab": 10, "ba": 10, "bb": 400}), confusion=HALF)
    assert found.p_value > 0.5
    assert found.p_fewer == 1 / 100
    assert found.moved == 0
    assert found.headline() == (
        "2% changed segment on paper; answering alone would give 18%; the true movement is 0% (0 to 0%). "
        "Fewer changed than answering alone would give: the error is overstated, or errors repeat."
    )


def test_the_headline_says_what_is_movement_and_what_is_not() -> None:
    moved = _moved(*_table({"aa": 354, "ab": 146, "ba": 226, "bb": 274}), confusion=HALF)
    low, high = round(100 * moved.moved_low), round(100 * moved.moved_high)
    assert moved.headline() == (
        f"37% changed segment on paper; answering alone would give 18%; the true movement is 30% ({low} to {high}%). "
        "Answering alone does not explain it (p 0.010)."
    )
    still = _moved(*_table({"aa": 41, "ab": 9, "ba": 9, "bb": 41}), confusion=HALF)
    assert "No movement is shown (p " in still.headline()


def test_without_a_confusion_only_paper_is_told() -> None:
    found = _moved(*_waves(100, 0.1, 0), confusion=None)
    assert np.isnan([found.moved, found.p_value, found.statistic, found.changed_expected]).all()
    assert found.to_frame()[["expected", "estimate", "p_value", "q_value"]].isna().all(axis=None)
    assert (found.to_frame()["reason"] == "without `confusion` movement cannot be told from answering").all()
    assert found.to_frame()["n"].sum() == 100
    assert "how many truly moved is not known" in found.headline()


def test_a_model_without_error_makes_every_change_a_movement() -> None:
    certain = pd.DataFrame(np.eye(2), index=["a", "b"], columns=["a", "b"])
    found = _moved(*_table({"aa": 60, "ab": 20, "bb": 20}), confusion=certain)
    assert found.changed_expected == 0
    assert found.moved == pytest.approx(0.2)
    assert found.statistic == np.inf
    assert found.p_value == 1 / 100
    assert _cell(found, "a", "b")["estimate"] == pytest.approx(0.25)
    # 1 − .8, √(.2·.8/100) by the binomial
    assert found.moved_std_error == pytest.approx(0.04, rel=0.2)
    assert _moved(*_table({"aa": 60, "bb": 40}), confusion=certain).p_value == 1


def test_the_true_shares_and_the_paper_shares_of_a_segment_each_add_up_to_one() -> None:
    table = _moved(*_waves(500, 0.1, 2)).to_frame()
    assert table.groupby("from_segment")[["share", "expected", "estimate"]].sum().to_numpy() == pytest.approx(
        np.ones((3, 3))
    )
    assert (table["conf_low"] <= table["estimate"]).all()
    assert (table["estimate"] <= table["conf_high"]).all()
    assert (table.groupby("from_segment")["n"].sum() == table.groupby("from_segment")["base"].first()).all()
    assert table["q_value"].notna().sum() == 6
    assert (table["q_value"].dropna() >= table["p_value"].dropna()).all()


def test_every_row_is_placed_in_both_periods_in_one_or_nowhere() -> None:
    before, after = _waves(100, 0.1, 0)
    old = pd.DataFrame({"customer_id": [f"C{i}" for i in range(100)], "segment": before})
    new = pd.DataFrame({"customer_id": [f"C{i}" for i in range(20, 120)], "segment": after})
    old.loc[[0, 50], "segment"] = None
    new.loc[[90, 91, 92], "customer_id"] = None
    found = _moved(old, new)
    # before: 98 placed, of which C1 to C19 are not there later; after: C50 was not placed before, C113 to C119 are new
    assert (found.n, found.n_only_before, found.n_unplaced_before) == (79, 19, 2)
    assert (found.n_only_after, found.n_unplaced_after) == (18, 3)
    counts = found.counts()
    assert (counts["rows"] == counts["both"] + counts["only"] + counts["unplaced"]).all()
    assert counts["rows"].tolist() == [100, 100]
    assert found.to_frame()["n"].sum() == 79
    assert found.base_sentence().startswith("79 customers placed in both periods; 19 only before, 18 only after; ")


def test_a_series_by_customer_is_matched_by_customer_and_not_by_place() -> None:
    before, after = _waves(200, 0.1, 0)
    turned = after.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(_moved(before, turned).to_frame(), _moved(before, after).to_frame())
    frames = [pd.DataFrame({"customer_id": s.index, "segment": s.to_numpy()}) for s in (before, turned)]
    pd.testing.assert_frame_equal(_moved(*frames).to_frame(), _moved(before, after).to_frame())


def test_an_array_is_read_in_the_sorted_order_of_the_segments() -> None:
    before, after = _waves(200, 0.1, 0)
    pd.testing.assert_frame_equal(
        _moved(before, after, confusion=ERROR.to_numpy()).to_frame(), _moved(before, after).to_frame()
    )


def test_the_same_seed_gives_the_same_table_on_one_thread_and_on_two() -> None:
    waves = _waves(300, 0.1, 0)
    tables = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            tables.append(_moved(*waves, random_state=7).to_frame())
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_three_movements_are_summed_up_in_one_table() -> None:
    found = _moved(*_waves(300, 0.1, 0))
    rows = found.summary().set_index("movement")
    assert rows["estimate"].tolist() == [found.changed, found.changed_expected, found.moved]
    assert (rows["n"] == 300).all()
    assert rows.loc["changed on paper", "conf_low"] < found.changed < rows.loc["changed on paper", "conf_high"]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"confusion": ERROR * 0.5}, "must sum to 1 or hold whole counts; row `a` sums to 0.5"),
        ({"confusion": HALF}, "segment `c` is not in `confusion`, which has a and b"),
        ({"confusion": ERROR.rename(columns={"a": "x"})}, "both must be the same segments"),
        ({"confusion": ERROR - 0.1}, "must hold numbers from 0 upwards"),
        ({"confusion": np.eye(2)}, r"shape \(2, 2\), but 3 segments are in the data \(a, b and c\)"),
        ({"confusion": np.full((3, 3), 1 / 3)}, "cannot tell the segments a, b and c apart"),
        ({"conf_level": 95}, "`conf_level` must be between 0 and 1, got 95"),
        ({"n_boot": 5}, "`n_boot` must be 19 or more, got 5"),
    ],
)
def test_a_confusion_that_does_not_fit_is_refused_by_name(more: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _moved(*_waves(100, 0.1, 0), **more)


def test_a_transposed_confusion_is_recognised() -> None:
    skewed = pd.DataFrame([[0.9, 0.1], [0.3, 0.7]], index=["a", "b"], columns=["a", "b"])
    with pytest.raises(ValueError, match="its columns do, so transpose it"):
        _moved(*_table({"aa": 40, "bb": 40}), confusion=skewed.T)


def test_placements_that_cannot_be_compared_are_refused_by_name() -> None:
    before, after = _waves(100, 0.1, 0)
    frame = pd.DataFrame({"customer_id": range(100), "segment": before, "typing_version": "kmeans-1"})
    with pytest.raises(ValueError, match="`typing_version` is kmeans-1 and kmeans-2; place both periods"):
        _moved(frame, frame.assign(typing_version="kmeans-2"))
    with pytest.raises(ValueError, match="customer_id `3` is placed more than once in `before`"):
        _moved(pd.concat([before, before[3:4]]), after)
    with pytest.raises(ValueError, match="`after` has no column `segment`; it has customer_id and typing_version"):
        _moved(frame, frame.drop(columns="segment"))
    with pytest.raises(ValueError, match=r"0 customers have a segment in both periods \(100 before, 100 after\)"):
        _moved(before, after.set_axis(after.index + 1_000))
    noise = pd.Series(np.tile(["a", "b"], 100)), pd.Series(np.repeat(["a", "b"], 100))
    with pytest.raises(ValueError, match="agree too little to tell a and b apart"):
        repeated(*noise)
