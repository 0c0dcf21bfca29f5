"""The few journeys that stand for all: by hand, against every other choice, and planted templates found again."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import silhouette_samples

from cxlab.inference.intervals import wilson
from cxlab.journeys.representatives import Representatives, edit_distances, path_distances, representatives

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "journeys"
PATHS = st.lists(st.tuples(*[st.sampled_from("abc")] * 1) | st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(tuple),
                 min_size=2, max_size=7, unique=True)  # fmt: skip


def frame(*rows: tuple[str, int]) -> pd.DataFrame:
    """Paths as words, one step a letter, with their journeys."""
    return pd.DataFrame({"variant": [tuple(word) for word, _ in rows], "n": [n for _, n in rows]})


def by_table(a: Any, b: Any) -> int:
    """The edit distance from the textbook's table."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        before, row = row, [i + 1]
        for j, y in enumerate(b):
            row.append(min(before[j + 1] + 1, row[j] + 1, before[j] + (x != y)))
    return row[-1]


def cost(distances: np.ndarray, n: np.ndarray, chosen: Any) -> float:
    return float((n * distances[:, list(chosen)].min(axis=1)).sum())


def words(found: Representatives) -> list[str]:
    return ["".join(path) for path in found.to_frame()["path"]]


# two kinds of journeys: 8 near "abc", 4 near "xy"
TWO = frame(("abc", 5), ("abcd", 2), ("abd", 1), ("xy", 3), ("xyz", 1))


def test_two_kinds_of_journeys_by_hand() -> None:
    # distances to abc: abcd 1/4, abd 1/3; to xy: xyz 1/3
    found = representatives(TWO, k=2)
    table = found.to_frame()
    assert words(found) == ["abc", "xy"]
    assert table["journeys"].tolist() == [8, 4]
    assert table["same"].tolist() == [5, 3]
    assert table["estimate"].tolist() == pytest.approx([100 * 8 / 12, 100 * 4 / 12])
    assert table["mean_distance"].tolist() == pytest.approx([(2 / 4 + 1 / 3) / 8, 1 / 3 / 4])
    assert found.mean_distance == pytest.approx((2 / 4 + 1 / 3 + 1 / 3) / 12)
    # the best single path is abc: xy and xyz share no step with it, 4 whole distances
    assert found.explained == pytest.approx(1 - (0.5 + 2 / 3) / (0.5 + 1 / 3 + 4))
    assert found.is_exact
    assert found.headline() == (
        "2 paths stand for 12 journeys, 90% alike in the mean: “a › b › c” for 67% (42 to 92%) and “x › y” for 33% (8 to 58%)."
    )


def test_every_journey_is_assigned_and_counted() -> None:
    found = representatives(TWO, k=2)
    assert found.paths.groupby("representative")["n"].sum().tolist() == found.to_frame()["journeys"].tolist()
    assert found.to_frame()["journeys"].sum() == found.n_journeys == TWO["n"].sum() == 12
    own = dict(zip(map("".join, found.paths["variant"]), found.paths["representative"], strict=True))
    assert own == {"abc": 1, "xy": 2, "abcd": 1, "abd": 1, "xyz": 2}
    assert found.coverage == 100
    assert found.paths["sampled"].all()


def test_edit_distances_of_the_textbook() -> None:
    assert edit_distances([tuple("kitten"), tuple("saturday")], [tuple("sitting"), tuple("sunday"), ()]).tolist() == [
        [3, 6, 6], [6, 3, 8],
    ]  # fmt: skip
    assert path_distances([tuple("kitten")], [tuple("sitting")])[0, 0] == pytest.approx(3 / 7)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), max_size=12).map(tuple), min_size=1, max_size=8), st.integers(0, 2**31))
def test_edit_distances_are_those_of_the_table_also_for_very_long_paths(short: list[Any], seed: int) -> None:
    rng = np.random.default_rng(seed)
    long = [tuple(rng.integers(0, 4, size).tolist()) for size in (63, 64, 65, 128, 140)]
    paths = [*short, *long]
    found = edit_distances(paths)
    assert found.tolist() == found.T.tolist()
    assert all(found[i, j] == by_table(paths[i], paths[j]) for i in range(len(paths)) for j in range(0, len(paths), 3))
    assert edit_distances(short, paths).tolist() == found[: len(short)].tolist()


@settings(max_examples=60, deadline=None)
@given(PATHS, st.data())
def test_no_other_choice_is_nearer_to_all(paths: list[Any], data: st.DataObject) -> None:
    n = np.array(data.draw(st.lists(st.integers(1, 9), min_size=len(paths), max_size=len(paths))))
    k = data.draw(st.integers(1, len(paths)))
    found = representatives(pd.DataFrame({"variant": paths, "n": n}), k=k, n_boot=2, n_refits=0)
    distances = np.array([[by_table(a, b) / max(len(a), len(b)) for b in paths] for a in paths])
    best = min(cost(distances, n, chosen) for chosen in combinations(range(len(paths)), k))
    assert cost(distances, n, [paths.index(path) for path in found.to_frame()["path"]]) == pytest.approx(best, abs=1e-9)
    assert found.mean_distance * n.sum() == pytest.approx(best, abs=1e-9)


@pytest.mark.parametrize("k", [3, 5])
def test_where_not_all_choices_can_be_tried_no_single_exchange_helps(k: int) -> None:
    rng = np.random.default_rng(k)
    paths = list({tuple(rng.integers(0, 5, rng.integers(2, 9)).tolist()) for _ in range(90)})
    n = rng.integers(1, 20, len(paths))
    found = representatives(pd.DataFrame({"variant": paths, "n": n}), k=k, n_refits=0)
    assert not found.is_exact
    distances = path_distances(paths)
    chosen = [paths.index(path) for path in found.to_frame()["path"]]
    reached = cost(distances, n, chosen)
    for place in range(k):
        for other in set(range(len(paths))) - set(chosen):
            assert cost(distances, n, [*chosen[:place], other, *chosen[place + 1 :]]) > reached - 1e-9
    # and it is near the best that is known: 200 descents from random beginnings
    best = reached
    for _ in range(200):
        now = rng.choice(len(paths), k, replace=False)
        for _ in range(20):
            own = distances[:, now].argmin(axis=1)
            now = np.array([
                np.flatnonzero(own == m)[(distances[np.ix_(own == m, own == m)] * n[own == m]).sum(axis=1).argmin()]
                if (own == m).any() else now[m] for m in range(k)
            ])  # fmt: skip
        best = min(best, cost(distances, n, now))
    assert reached <= best * 1.02


def planted(seed: int, journeys: int = 3_000, noise: float = 0.4) -> tuple[pd.DataFrame, dict[str, float]]:
    """Three templates; in `noise` of the journeys one or two steps are put in, taken out or exchanged."""
    rng = np.random.default_rng(seed)
    templates = {"abcdefgh": 0.5, "apqrsh": 0.3, "uvwxyzuvwx": 0.2}
    taken: Counter[tuple[str, ...]] = Counter()
    for word in rng.choice(list(templates), journeys, p=list(templates.values())):
        path = list(word)
        if rng.random() < noise:
            for _ in range(rng.integers(1, 3)):
                at = int(rng.integers(len(path)))
                kind = rng.integers(3)
                path[at : at + (kind != 0)] = [] if kind == 1 else [rng.choice(list("abcdefghpqrsuvwxyz"))]
        taken[tuple(map(str, path))] += 1
    return pd.DataFrame({"variant": list(taken), "n": list(taken.values())}), templates


def test_planted_templates_are_found_again_with_their_shares_and_their_number() -> None:
    paths, templates = planted(0)
    for k in (3, None):
        found = representatives(paths, k=k)
        table = found.to_frame()
        assert words(found) == list(templates)
        assert found.n_paths > 500
        for row, share in zip(table.to_dict("records"), templates.values(), strict=True):
            assert row["conf_low"] < 100 * share < row["conf_high"]
            assert row["refound"] == 100
            assert row["drift"] == 0
    assert found.rule == "one more than 3 takes away less than 5% of the distance to a single path"
    assert found.choices.loc[found.choices["chosen"], "k"].tolist() == [3]
    assert found.silhouette > 0.7


def test_journeys_without_kinds_are_told_by_what_they_explain_and_how_often_they_are_found_again() -> None:
    rng = np.random.default_rng(4)
    paths = pd.DataFrame({"variant": list({tuple(rng.integers(0, 12, 10).tolist()) for _ in range(300)}), "n": 1})
    found = representatives(paths, k=3)
    assert found.explained < representatives(planted(0)[0], k=3).explained / 4
    assert found.silhouette < 0.1
    assert found.to_frame()["refound"].max() < 60
    assert found.to_frame()["drift"].min() > 0.2


def test_the_silhouette_is_that_of_scikit_learn_with_every_journey_written_out() -> None:
    paths, _ = planted(3, journeys=200)
    found = representatives(paths, k=3, n_refits=0)
    rows = found.paths.loc[found.paths.index.repeat(found.paths["n"])]
    distances = path_distances(list(rows["variant"]))
    other = silhouette_samples(distances, rows["representative"], metric="precomputed")
    assert found.silhouette == pytest.approx(other.mean())
    means = pd.Series(other).groupby(rows["representative"].to_numpy()).mean()
    assert found.to_frame()["silhouette"].tolist() == pytest.approx(means.tolist())


def test_the_interval_is_that_of_a_share_of_journeys() -> None:
    paths, _ = planted(1)
    for row in representatives(paths, k=3, n_boot=4_000).to_frame().to_dict("records"):
        low, high = wilson(row["journeys"] / row["n"], row["n"])
        assert [row["conf_low"], row["conf_high"]] == pytest.approx([100 * low, 100 * high], abs=0.25)
        assert row["std_error"] == pytest.approx(
            math.sqrt(row["estimate"] * (100 - row["estimate"]) / row["n"]), rel=0.05
        )
        assert row["n"] == 3_000


def test_one_representative_stands_for_everybody_and_has_no_interval() -> None:
    row = representatives(TWO, k=1).to_frame().iloc[0]
    assert (row["estimate"], row["reason"]) == (100, "it stands for every journey")
    assert math.isnan(row["conf_low"])
    assert math.isnan(row["std_error"])
    assert math.isnan(row["silhouette"])


def test_as_many_representatives_as_paths_leave_no_distance() -> None:
    found = representatives(TWO, k=5)
    assert found.mean_distance == 0
    assert found.to_frame()["same"].tolist() == found.to_frame()["journeys"].tolist() == [5, 3, 2, 1, 1]
    same = representatives(frame(("ab", 7)), k=None)
    assert (same.k, same.mean_distance) == (1, 0)


def test_a_journey_that_is_as_near_to_two_goes_to_the_more_frequent_and_is_told() -> None:
    # ab is 1/2 from ax and from yb; the three rare journeys in between do not move the two medoids
    found = representatives(frame(("yb", 40), ("ax", 30), ("ab", 1)), k=2)
    paths = found.paths.assign(word=found.paths["variant"].map("".join)).set_index("word")
    assert words(found) == ["yb", "ax"]
    assert paths.loc["ab", ["representative", "tied"]].tolist() == [1, True]
    assert paths["tied"].sum() == 1


def test_one_step_more_is_little_in_a_long_journey_and_much_in_a_short_one() -> None:
    assert path_distances([tuple("abcdefghij")], [tuple("abcdefghijk")])[0, 0] == pytest.approx(1 / 11)
    assert path_distances([("a",)], [("a", "b")])[0, 0] == 0.5
    # a single very long journey does not draw a representative to itself
    found = representatives(frame(("abc", 50), ("xyz", 40), ("abc" * 20, 1)), k=2)
    assert words(found) == ["abc", "xyz"]


def test_rows_in_any_order_and_split_counts_give_the_same_bytes() -> None:
    paths, _ = planted(2, journeys=1_500)
    once = representatives(paths, k=4, max_paths=200, random_state=5)
    mixed = paths.sample(frac=1, random_state=9)
    again = representatives(mixed, k=4, max_paths=200, random_state=5)
    twice = mixed[mixed["n"] > 1].assign(n=lambda rows: rows["n"] - 1)
    split = pd.concat([mixed.assign(n=mixed["n"].where(mixed["n"] == 1, 1)), twice])
    third = representatives(split, k=4, max_paths=200, random_state=5)
    for other in (again, third):
        for name in ("table", "paths", "choices"):
            pd.testing.assert_frame_equal(getattr(once, name), getattr(other, name), check_exact=True)
    assert not representatives(paths, k=4, max_paths=200, random_state=6).paths["sampled"].equals(once.paths["sampled"])


def test_representatives_of_a_sample_of_paths_stand_for_all_journeys() -> None:
    paths, templates = planted(6, journeys=6_000)
    found = representatives(paths, k=3, max_paths=150)
    assert words(found) == list(templates)
    assert found.n_sampled == 150 < found.n_paths == len(paths)
    own = found.paths
    assert found.coverage == pytest.approx(100 * own.loc[own["sampled"], "n"].sum() / 6_000)
    assert 60 < found.coverage < 75  # 60% of journeys take a template
    assert own.loc[own["n"] >= 40, "sampled"].all()
    whole = representatives(paths, k=3).to_frame()
    assert found.to_frame()["estimate"].tolist() == pytest.approx(whole["estimate"].tolist(), abs=1e-9)
    # frequent paths are not counted for more than they are: what the sampled weigh is what there is
    assert found.choices["mean_distance"].iloc[-1] == pytest.approx(found.mean_distance, abs=0.02)


def test_what_cannot_be_read_is_refused_by_name_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"`paths` lacks the column `variant`; did you mean `variants`\?"):
        representatives(TWO.rename(columns={"variant": "variants"}))
    with pytest.raises(
        ValueError, match=r"`variant` must be tuples of at least one step, got \[1\]; tuple\(steps\) makes one"
    ):
        representatives(pd.DataFrame({"variant": [[1], [2]], "n": 1}))
    with pytest.raises(ValueError, match=r"got \(\)"):
        representatives(pd.DataFrame({"variant": [(), ("a",)], "n": 1}), k=1)
    with pytest.raises(ValueError, match=r"`n` must be whole numbers above 0, got 0\.5"):
        representatives(TWO.assign(n=[1, 1, 0.5, 1, 1]))
    with pytest.raises(ValueError, match="`n` must be whole numbers above 0, got"):
        representatives(TWO.assign(n=[1, 1, 0, 1, 1]))
    with pytest.raises(ValueError, match="`k` is 6, but there are 5 distinct paths"):
        representatives(TWO, k=6)
    with pytest.raises(ValueError, match="`k` must be a whole number from 1 upwards, or None"):
        representatives(TWO, k=0)
    with pytest.raises(ValueError, match="`paths` has no row"):
        representatives(TWO.head(0))
    with pytest.raises(ValueError, match="`max_paths` must be"):
        representatives(TWO, max_paths=1)
    with pytest.raises(ValueError, match="`conf_level` must be between 0 and 1, got 95"):
        representatives(TWO, conf_level=95)


def real(name: str) -> pd.DataFrame:
    path = DATA / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"the shared real data lacks journeys/{name}.parquet")
    rows = pd.read_parquet(path).sort_values(["customer_id", "timestamp", "event_id"], kind="stable")
    taken = Counter(tuple(part) for _, part in rows.groupby("customer_id", sort=True)["touchpoint"])
    return pd.DataFrame({"variant": list(taken), "n": list(taken.values())})


@pytest.mark.realdata
def test_two_paths_stand_for_nearly_all_of_500_patients() -> None:
    # the blood test and the X-ray: each patient has one or the other
    found = representatives(real("patients"), k=None)
    table = found.to_frame()
    assert (found.n_paths, found.n_journeys, found.k) == (7, 500, 2)
    assert sorted({step for path in table["path"] for step in path} - set(table["path"].iloc[1])) == ["X-Ray"]
    assert table["same"].tolist() == [258, 234]
    assert found.explained > 0.95
    assert table["refound"].tolist() == [100, 100]


@pytest.mark.realdata
def test_three_paths_stand_for_4580_tickets_of_a_help_desk() -> None:
    found = representatives(real("helpdesk"), k=3)
    table = found.to_frame()
    assert (found.n_paths, found.n_journeys, found.coverage) == (226, 4_580, 100)
    assert table["same"].iloc[0] == 2_366  # the most frequent variant
    assert table["estimate"].sum() == pytest.approx(100)
    assert table["mean_distance"].max() < 0.2
    assert 0.4 < found.explained < 0.6
