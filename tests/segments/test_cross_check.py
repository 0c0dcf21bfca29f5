"""Latent classes beside the groups of a page."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.segments import LatentClassSegmenter, cross_check, needs_segments
from cxlab.segments.stability import rand_index

NEEDS = [f"need_{number}" for number in range(8)]
ITEMS = pd.DataFrame({"item": NEEDS, "label": NEEDS, "role": "need", "low": 1.0, "high": 5.0, "touchpoint": None})


def _answers(style: float = 0.0, n: int = 300, high: float = 5.0) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    lead = np.repeat(np.array([[1, 0], [0, 1]]), 4, axis=1)[rng.integers(0, 2, n)]
    level = style * rng.normal(size=(n, 1))
    rows = np.clip(np.rint((2.5 + 2 * lead + level + 0.6 * rng.normal(size=(n, 8))) * high / 5), 1, high)
    return pd.DataFrame(rows, columns=NEEDS).assign(
        perspective="customer", survey="deep_dive", wave="A", counted_at=pd.Timestamp("2026-05-01", tz="UTC")
    )


def test_where_groups_are_plain_both_models_find_them() -> None:
    answers = _answers()
    groups = needs_segments(answers, ITEMS, n_segments=2, n_boot=5)
    found = cross_check(groups, answers, ITEMS)
    row = found.rows.set_index("k").loc[2]
    assert row["agreement"] > 0.9
    model = LatentClassSegmenter(2, n_init=5, item_type="ordinal", random_state=0).fit(
        answers.loc[groups.labels.index, NEEDS]
    )
    assert row["agreement"] == pytest.approx(
        rand_index(pd.factorize(groups.labels)[0], model.labels_, np.ones(len(groups.labels)))
    )
    ((words, _),) = found.classes_shown()
    assert words["title"].startswith("A latent class model with 2 classes finds much the same groups (agreement ")
    assert found.best == 2


def test_style_makes_classes_of_its_own() -> None:
    answers = _answers(style=1.0)
    found = cross_check(needs_segments(answers, ITEMS, n_segments=2, n_boot=5), answers, ITEMS)
    assert found.best > 2


def test_sliders_have_no_latent_classes() -> None:
    items = ITEMS.assign(high=100.0)
    answers = _answers(high=100.0)
    assert list(cross_check(needs_segments(answers, items, n_boot=5), answers, items).classes_shown()) == []
