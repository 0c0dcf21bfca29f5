"""Needs and the satisfaction with them, as a page shows them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from cxlab.segments import opportunity, unmet_needs
from cxlab.segments.needs import NeedsSegments, needs_segments

NEEDS = ["need_price", "need_app", "need_help", "need_green"]


def _items() -> pd.DataFrame:
    rows = [(name, name[5:].capitalize(), "need", None) for name in NEEDS]
    rows[0] = (*rows[0][:3], "till")
    rows += [("s_till", "Till", "satisfaction", "till"), ("satisfaction_app", "App", "satisfaction", "phone")]
    rows += [("satisfaction_help", "Help", "satisfaction", None), ("recommend", "Recommendation", "loyalty", None)]
    table = pd.DataFrame(rows, columns=["item", "label", "role", "touchpoint"])
    return table.assign(
        low=np.where(table["item"] == "recommend", 0.0, 1.0), high=np.where(table["item"] == "recommend", 10.0, 5.0)
    )


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 300
    group = np.repeat([0, 1], n // 2)
    table = pd.DataFrame(
        {
            name: np.clip(np.rint(3 + 1.5 * (group == place % 2) + 0.4 * rng.normal(size=n)), 1, 5)
            for place, name in enumerate(NEEDS)
        }
    )
    for column in ("s_till", "satisfaction_app", "satisfaction_help"):
        table[column] = rng.integers(1, 6, n).astype(float)
    table["s_till"] = np.where(rng.random(n) < 0.8, 1.0, table["s_till"])
    return table.assign(
        recommend=5.0, customer_id=[f"C{i}" for i in range(n)], perspective="customer", survey="deep_dive", wave="A",
        counted_at=pd.Timestamp("2026-05-01", tz="UTC"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def groups(answers: pd.DataFrame) -> NeedsSegments:
    return needs_segments(answers, _items(), n_segments=2, n_boot=5)


def _derive(part: pd.DataFrame, needs: Mapping[str, str]) -> pd.Series:
    return pd.Series({need: part[column].mean() for need, column in needs.items()})


def test_a_need_belongs_to_the_touchpoint_or_to_the_name(answers: pd.DataFrame, groups: NeedsSegments) -> None:
    found = unmet_needs(groups, answers, _items(), derive=_derive)
    assert found.map is not None
    assert set(found.map.table["need"]) == {"Price", "App", "Help"}
    assert found.alone == ["Green"]
    by_name = found.map.table.set_index("need")["satisfaction_item"]
    assert by_name.to_dict() == {"Price": "s_till", "App": "satisfaction_app", "Help": "satisfaction_help"}


def test_the_map_is_that_of_opportunity_and_the_title_claims_no_more(
    answers: pd.DataFrame, groups: NeedsSegments
) -> None:
    found = unmet_needs(groups, answers, _items())
    expected = opportunity(answers, {"Price": ("need_price", "s_till")}, random_state=0).table.iloc[0]
    assert found.map is not None
    own = found.map.table.set_index("need").loc["Price"]
    assert own["estimate"] == pytest.approx(expected["estimate"])
    ((words, rows),) = found.map_shown()
    under = int((rows["reading"] == "under-served").sum())
    assert words["title"].startswith("None of 3" if under == 0 else f"{under} of 3 needs are clearly under-served")
    assert words["note"]["No question about satisfaction"] == "Green"


def test_stated_and_derived_importance_are_compared_where_three_needs_have_both(
    answers: pd.DataFrame, groups: NeedsSegments
) -> None:
    found = unmet_needs(groups, answers, _items(), derive=_derive)
    assert found.stated is not None
    ((_, rows),) = found.stated_shown()
    assert rows.sort_values("derived_rank")["label"].iloc[-1] == "Price", (
        "the least satisfaction has the least derived importance here"
    )
    fewer = _items()[lambda table: table["item"] != "satisfaction_help"]
    assert unmet_needs(groups, answers, fewer, derive=_derive).why_not_stated.startswith("2 needs have a question")
    assert list(unmet_needs(groups, answers, fewer, derive=_derive).stated_shown()) == []


def test_a_study_that_asks_nobody_about_satisfaction_has_nothing_to_show(
    answers: pd.DataFrame, groups: NeedsSegments
) -> None:
    bare = _items()[lambda table: table["role"] != "satisfaction"]
    found = unmet_needs(groups, answers, bare)
    assert found.sentences() == []
    assert [*found.map_shown(), *found.groups_shown(), *found.stated_shown()] == []
