"""Where a measure moved: Cochran's Q by hand, and no place named where the groups do not clearly differ."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.survey import movement
from cxlab.survey.tracking import Tracked, as_tracked
from cxlab.survey.where import grouping_columns, where_it_moved

ITEM = {
    "item": "app",
    "role": "satisfaction",
    "low": 1,
    "high": 5,
    "question": "The app?",
    "touchpoint": None,
    "label": "App",
}
TRACKED = as_tracked(ITEM)


def people(**shares: tuple[int, int]) -> pd.DataFrame:
    """So many of so many people of a region are content with the app."""
    return pd.DataFrame(
        [(region, 5.0 if number < good else 1.0) for region, (good, n) in shares.items() for number in range(n)],
        columns=["region", "app"],
    )


BEFORE = people(north=(60, 100), south=(60, 100), west=(60, 100))
APART = people(north=(60, 100), south=(20, 100), west=(60, 100))
ALIKE = people(north=(40, 100), south=(40, 100), west=(40, 100))


def test_cochrans_q_by_hand() -> None:
    found = where_it_moved(BEFORE, APART, TRACKED, ["region"])
    # errors of a difference of shares, in points: √(p₁q₁/99 + p₂q₂/99)·100
    north, south = 100 * np.sqrt(2 * 0.24 / 99), 100 * np.sqrt((0.24 + 0.16) / 99)
    change, weight = np.array([0, -40, 0]), np.array([north, south, north]) ** -2.0
    mean = (weight * change).sum() / weight.sum()
    q = (weight * (change - mean) ** 2).sum()
    assert found.columns[["groups", "df"]].to_numpy().tolist() == [[3, 2]]
    assert found.columns["statistic"].iloc[0] == pytest.approx(q)
    assert found.columns["p_value"].iloc[0] == pytest.approx(stats.chi2.sf(q, 2))
    assert found.groups.set_index("group")["reading"].to_dict() == {
        "north": "no clear change",
        "south": "worse",
        "west": "no clear change",
    }
    assert found.uneven["by"].tolist() == ["region"]


def test_a_fall_that_is_the_same_everywhere_names_no_place() -> None:
    found = where_it_moved(BEFORE, ALIKE, TRACKED, ["region"])
    assert set(found.groups["reading"]) == {"worse"}, "every group fell"
    assert found.columns["statistic"].iloc[0] == pytest.approx(0, abs=1e-9)
    assert found.uneven.empty


def test_groups_of_few_are_not_compared_and_need_company() -> None:
    before = people(north=(60, 100), south=(60, 100), east=(40, 80), west=(15, 29))
    after = people(north=(60, 100), south=(20, 100), east=(40, 80), west=(60, 100))
    found = where_it_moved(before, after, TRACKED, ["region"])
    west = found.groups.set_index("group").loc["west"]
    assert (west["reason"], west["reading"]) == ("n<30", "not tested")
    assert west["n_before"] == 29
    assert np.isnan(west["estimate_after"])
    assert found.columns["groups"].tolist() == [2]
    alone = where_it_moved(people(north=(60, 100), south=(5, 10)), APART, TRACKED, ["region", "absent"])
    assert alone.columns.empty
    assert alone.groups.empty
    assert alone.first == ""


def test_of_groupings_by_chance_about_one_in_twenty_is_called_uneven() -> None:
    rng = np.random.default_rng(3)
    called = []
    for _ in range(200):
        parts = [
            pd.DataFrame({"app": rng.choice([1.0, 5.0], 400), "region": rng.choice(list("abcd"), 400)})
            for _ in range(2)
        ]
        called.append(len(where_it_moved(parts[0], parts[1], TRACKED, ["region"]).uneven))
    assert np.mean(called) == pytest.approx(0.05, abs=0.03)


def test_columns_that_group_people_are_found_and_ids_are_not() -> None:
    rows = BEFORE.assign(
        wave="A",
        customer_id=[f"c{i}" for i in range(300)],
        comment=[f"text {i}" for i in range(300)],
        one="same",
        weight=1.0,
    )
    assert grouping_columns(rows, ["app"]) == ["region"]


def _moved(after: pd.DataFrame, **more: float) -> object:
    waves = [
        part.assign(
            wave=wave, survey="tracking", perspective="customer", in_period=wave == "B",
            counted_at=pd.Timestamp(f"2026-0{month}-01", tz="UTC"), response_id=[f"{wave}{i}" for i in range(len(part))],
        )
        for wave, month, part in (("A", 5, BEFORE), ("B", 8, after))
    ]  # fmt: skip
    return movement(pd.concat(waves, ignore_index=True), pd.DataFrame([ITEM]), **more)  # type: ignore[arg-type]


def test_the_page_names_the_place_only_where_the_groups_differ() -> None:
    apart = _moved(APART)
    said = "App fell most for south (region), by 40 points, and not alike for all."
    assert said in apart.sentences()  # type: ignore[attr-defined]
    ((words, table),) = apart.where_shown()  # type: ignore[attr-defined]
    assert words["title"] == said
    assert words["name"] == "where_app"
    assert table["label"].tolist() == ["north", "south", "west"]
    ((words, _),) = _moved(ALIKE).where_shown()  # type: ignore[attr-defined]
    assert words["title"] == "App: of 1 grouping none clearly shows that it moved here and not there."
    assert not any("region" in line for line in _moved(ALIKE).sentences())  # type: ignore[attr-defined]


def test_groups_that_differ_without_one_that_is_clear_are_told_by_their_ends() -> None:
    """Rises and falls that cancel each other: unlike, though none is clear on its own."""
    after = people(north=(72, 100), south=(48, 100), west=(60, 100))
    found = where_it_moved(BEFORE, after, TRACKED, ["region"], conf_level=0.9)
    assert found.uneven["by"].tolist() == ["region"]
    assert set(found.groups["reading"]) == {"no clear change"}
    moved = _moved(after, conf_level=0.9)
    assert (
        "App did not move alike by region: −12 for south and +12 for north, neither clear on its own."
        in moved.sentences()
    )  # type: ignore[attr-defined]


def test_the_total_cannot_tell_the_change_of_a_small_group() -> None:
    sizes = {"a": (100, 100), "b": (60, 60), "c": (10, 40), "d": (200, 200)}
    waves = [pd.DataFrame({"region": [g for g, n in sizes.items() for _ in range(n[place])]}) for place in (0, 1)]
    waves = [wave.assign(overall=1.0 + np.arange(len(wave)) % 5) for wave in waves]
    tracked = Tracked("overall", "top_box", (1.0, 5.0), False, 1)
    found = where_it_moved(*waves, tracked, ["region"]).groups.set_index("group")
    assert found.loc["b", "reason"] == "hidden so that n<30 cannot be worked out"
    assert found.loc["b", ["n_before", "n_after", "difference"]].isna().all()
    assert found.loc["c", "reason"] == "n<30"
    assert found.loc[["a", "d"], "difference"].notna().all()
