"""The correction for many tests, against the published example and the definition."""

from __future__ import annotations

import numpy as np
import pytest

from cxlab.inference import benjamini_hochberg

# Benjamini & Hochberg (1995), section 3.2; q-values as R's p.adjust gives them
PUBLISHED = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1,
]  # fmt: skip


def test_the_published_example_rejects_four() -> None:
    q = benjamini_hochberg(PUBLISHED)
    assert (q < 0.05).sum() == 4
    assert q[3] == pytest.approx(0.035625)
    assert q[4] == pytest.approx(0.0603)


def test_the_order_of_the_tests_does_not_matter() -> None:
    shuffled = np.random.default_rng(1).permutation(15)
    assert benjamini_hochberg(np.array(PUBLISHED)[shuffled]) == pytest.approx(benjamini_hochberg(PUBLISHED)[shuffled])


def test_a_test_that_could_not_be_made_is_outside_the_family() -> None:
    # two tests, not three: q = (2·0.01, 0.04)
    q = benjamini_hochberg([0.01, np.nan, 0.04])
    assert q[[0, 2]] == pytest.approx([0.02, 0.04])
    assert np.isnan(q[1])
    assert np.isnan(benjamini_hochberg([np.nan])).all()
    assert len(benjamini_hochberg([])) == 0


def test_what_is_not_a_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a p-value lies between 0 and 1, got 1\.5"):
        benjamini_hochberg([0.2, 1.5])
