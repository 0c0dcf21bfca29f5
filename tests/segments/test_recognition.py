"""Recognising a segment: by questions, by the CRM, and from one wave to the next."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cxlab.segments import KMeansSegmenter, TypingTool, needs_segments, recognition, what_they_did
from cxlab.segments.needs import NeedsSegments
from cxlab.segments.recognition import placement_error

NEEDS = [f"need_{number}" for number in range(8)]
ITEMS = pd.DataFrame(
    {
        "item": NEEDS,
        "label": [f"Need {number}" for number in range(8)],
        "role": "need",
        "low": 1.0,
        "high": 5.0,
        "touchpoint": None,
    }
)


def _wave(group: np.ndarray, wave: str, seed: int) -> pd.DataFrame:
    """Two groups: one needs the first four, the other the last four."""
    rng = np.random.default_rng(seed)
    lead = np.repeat(np.array([[1, 0], [0, 1]]), 4, axis=1)[group]
    rows = np.clip(np.rint(2.5 + 2 * lead + 0.7 * rng.normal(size=(len(group), 8))), 1, 5)
    return pd.DataFrame(rows, columns=NEEDS).assign(
        customer_id=[f"C{number:03d}" for number in range(len(group))], perspective="customer", survey="deep_dive", wave=wave,
        counted_at=pd.Timestamp({"A": "2026-02-01", "B": "2026-05-01"}[wave], tz="UTC"),
    )  # fmt: skip


GROUP = np.repeat([0, 1], [180, 120])


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    moved = GROUP.copy()
    moved[:60] = 1  # a fifth of all goes from the first group to the second
    return pd.concat([_wave(GROUP, "A", 0), _wave(moved, "B", 1)], ignore_index=True)


@pytest.fixture(scope="module")
def groups(answers: pd.DataFrame) -> NeedsSegments:
    return needs_segments(answers, ITEMS, n_segments=2, n_boot=5)


def _customers() -> pd.DataFrame:
    ids = [f"C{number:03d}" for number in range(400)]
    plan = ["basic" if number % 300 < 180 else "plus" for number in range(400)]
    return pd.DataFrame({"customer_id": ids, "plan": plan})


def test_few_questions_place_respondents_and_every_customer_gets_a_segment(
    answers: pd.DataFrame, groups: NeedsSegments
) -> None:
    found = recognition(groups, answers, ITEMS, _customers(), max_questions=3)
    assert found.tool is not None
    assert len(found.tool.questions_) == 3
    scores = found.scores()
    assert len(scores) == 400
    assert scores["how"].value_counts().to_dict() == {"answers": 300, "customer record": 100}
    assert scores["probability"].between(0, 1).all()
    shown = [
        words["name"]
        for part in (found.steps_shown(), found.recall_shown(), found.scoring_shown(), found.record_shown())
        for words, _ in part
    ]
    assert shown == ["typing_steps", "typing_recall", "scoring", "record"]
    ((_, rows),) = found.record_shown()
    assert rows["estimate"].sum() == pytest.approx(100)


def test_movement_between_waves_is_told_apart_from_error(answers: pd.DataFrame, groups: NeedsSegments) -> None:
    found = recognition(groups, answers, ITEMS)
    assert found.moved is not None
    assert found.moved.moved_low <= 0.2 <= found.moved.moved_high
    still = pd.concat([_wave(GROUP, "A", 0), _wave(GROUP, "B", 1)], ignore_index=True)
    kept = recognition(needs_segments(still, ITEMS, n_segments=2, n_boot=5), still, ITEMS)
    assert kept.moved is not None
    assert kept.moved.moved_low == pytest.approx(0, abs=0.01)


def test_the_error_of_placing_is_that_of_answering_again() -> None:
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(4, 8))
    group = rng.integers(0, 4, 2000)
    waves = [np.clip(np.rint(3 + 1.2 * centres[group] + 0.9 * rng.normal(size=(2000, 8))), 1, 5) for _ in range(2)]
    first, again = (pd.DataFrame(answers, columns=NEEDS) for answers in waves)
    labels = pd.Series(KMeansSegmenter(4, style="center", random_state=0).fit(first.to_numpy()).labels_)
    tool = TypingTool(6, scale=(1, 5), random_state=0).fit(first, labels)
    error = placement_error(first, labels, tool.predict(first))
    # by the mixture: who is in s is placed in t and u by chance alone, so both placings agree as often as Σ π E²
    shares = labels.value_counts(normalize=True).sort_index().to_numpy()
    expected = float((shares[:, None] * error.to_numpy() ** 2).sum())
    agreed = float((tool.predict(first) == tool.predict(again)).mean())
    assert agreed == pytest.approx(expected, abs=0.03)
    seen = tool.quality_.confusion_matrix().to_numpy()
    assert float((shares[:, None] * seen**2).sum()) > agreed + 0.05, (
        "cross-validation on the same answers does not know it"
    )


def test_a_frozen_tool_is_the_one_that_places(answers: pd.DataFrame, groups: NeedsSegments, tmp_path: Path) -> None:
    own = recognition(groups, answers, ITEMS, max_questions=2)
    assert own.tool is not None
    assert not own.frozen
    path = tmp_path / "typing_model.json"
    own.tool.save(path)
    again = recognition(groups, answers, ITEMS, decisions=tmp_path)
    assert again.frozen
    ((words, _),) = again.steps_shown()
    assert words["note"]["Tool"] == "Frozen in decisions/typing_model.json"
    assert TypingTool.load(path).questions_ == own.tool.questions_


def test_one_wave_has_no_movement_and_says_why(answers: pd.DataFrame) -> None:
    one = answers[answers["wave"] == "B"]
    found = recognition(needs_segments(one, ITEMS, n_segments=2, n_boot=5), one, ITEMS)
    assert (found.moved, found.why_not_moved) == (None, "there is one wave")
    others = pd.concat(
        [
            one,
            one.assign(
                wave="A", customer_id="X" + one["customer_id"], counted_at=one["counted_at"] - pd.Timedelta(days=90)
            ),
        ]
    )
    assert recognition(needs_segments(others, ITEMS, n_segments=2, n_boot=5), others, ITEMS).why_not_moved == (
        "0 customers answered both waves; 30 are needed"
    )


def test_without_groups_there_is_nothing_to_recognise(answers: pd.DataFrame) -> None:
    rng = np.random.default_rng(0)
    noise = answers.assign(**{name: rng.integers(1, 6, len(answers)).astype(float) for name in NEEDS})
    found = recognition(needs_segments(noise, ITEMS, n_boot=5), noise, ITEMS, _customers())
    assert found.sentences() == []
    assert found.scores().empty
    assert list(found.steps_shown()) == []


def test_what_customers_did_needs_customers_and_something_they_did() -> None:
    until = pd.Timestamp("2026-07-01", tz="UTC")
    events = pd.DataFrame(
        {"customer_id": ["C000", "C000"], "timestamp": [until - pd.Timedelta(days=3), until - pd.Timedelta(days=9)]}
    )
    done = what_they_did(events, None, _customers(), until=until)
    assert done is not None
    assert done.loc["C000", ["recency", "frequency"]].tolist() == [3, 2]
    assert what_they_did(events, None, None, until=until) is None
    assert what_they_did(None, None, _customers(), until=until) is None
