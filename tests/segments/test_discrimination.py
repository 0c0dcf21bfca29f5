"""Three bases on one page: each is found where it is planted, and nothing is claimed where none is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cxlab.segments import needs_segments, three_bases
from cxlab.segments.needs import NeedsSegments

NEEDS = [f"need_{number}" for number in range(6)]
ITEMS = pd.DataFrame(
    {
        "item": [*NEEDS, "recommend"], "label": [*NEEDS, "Recommendation"], "role": [*["need"] * 6, "loyalty"], "low": [*[1.0] * 6, 0.0],
        "high": [*[5.0] * 6, 10.0], "touchpoint": None,
    }
)  # fmt: skip


def _answers(driver: str, n: int = 400) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Recommendation goes with the needs group, the plan, or nothing."""
    rng = np.random.default_rng(3)
    group, plan = rng.integers(0, 2, n), rng.integers(0, 2, n)
    lead = np.repeat(np.array([[1, 0], [0, 1]]), 3, axis=1)[group]
    rows = pd.DataFrame(np.clip(np.rint(2.5 + 2 * lead + 0.6 * rng.normal(size=(n, 6))), 1, 5), columns=NEEDS)
    high = {"needs": group, "plan": plan, "nothing": rng.integers(0, 2, n)}[driver]
    ids = [f"C{number}" for number in range(n)]
    answers = rows.assign(
        recommend=np.where(high == 1, 9.0, 3.0), customer_id=ids, perspective="customer", survey="deep_dive", wave="A",
        counted_at=pd.Timestamp("2026-05-01", tz="UTC"),
    )  # fmt: skip
    customers = pd.DataFrame({"customer_id": ids, "plan": np.where(plan == 1, "plus", "basic")})
    done = pd.DataFrame({"recency": rng.exponential(30, n), "frequency": rng.poisson(5, n).astype(float)}, index=ids)
    return answers, customers, done


def _groups(answers: pd.DataFrame) -> NeedsSegments:
    return needs_segments(answers, ITEMS, n_segments=2, n_boot=5)


@pytest.mark.parametrize(("driver", "leader"), [("needs", "what they need"), ("plan", "who they are")])
def test_the_base_that_loyalty_goes_with_is_found(driver: str, leader: str) -> None:
    answers, customers, done = _answers(driver)
    found = three_bases(_groups(answers), answers, ITEMS, customers, done=done)
    assert found.found is not None
    assert found.found.leader("NPS") == (leader, True)
    ((words, rows),) = found.bases_shown()
    assert words["name"] == "bases_nps"
    assert words["title"].startswith(f"{leader.capitalize()} discriminates NPS best: ")
    assert rows["label"].tolist() == [
        "What they need, as answered",
        "What they need, without level",
        "Who they are",
        "What they do",
    ]


def test_where_loyalty_goes_with_nothing_no_base_is_best() -> None:
    answers, customers, done = _answers("nothing")
    ((words, _),) = three_bases(_groups(answers), answers, ITEMS, customers, done=done).bases_shown()
    assert words["title"] == "No base clearly discriminates NPS better than another."


def test_with_needs_alone_there_is_nothing_to_compare() -> None:
    answers, *_ = _answers("needs")
    found = three_bases(_groups(answers), answers, ITEMS)
    assert found.found is None
    assert list(found.bases_shown()) == []
    assert found.why_not.startswith("there is nothing beside needs")
