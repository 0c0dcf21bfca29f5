"""Needs-based groups on 250 planted respondents: who is screened, who is placed, and what may be said of the groups."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cxlab.problems import NotApplicableError, ParameterError
from cxlab.segments import NeedsSegments, needs_segments, screen

NEEDS = ["price", "value", "speed", "ease", "advice", "safety", "choice", "design", "green"]


def _items(role: str = "need", high: float = 5.0) -> pd.DataFrame:
    needs = [
        {"item": name, "label": name.capitalize(), "role": role, "low": 1.0, "high": high, "touchpoint": None}
        for name in NEEDS
    ]
    others = [
        {"item": "recommend", "label": "Recommendation", "role": "loyalty", "low": 0.0, "high": 10.0},
        {"item": "satisfied", "label": "Satisfaction", "role": "satisfaction", "low": 1.0, "high": 5.0},
        {"item": "rare", "label": "Rarely asked", "role": "satisfaction", "low": 1.0, "high": 5.0},
    ]
    return pd.DataFrame(needs + [item | {"touchpoint": None} for item in others])


def _responses() -> pd.DataFrame:
    """240 people in three groups (150, 60, 30), each with three leading needs; 6 straight-liners; 4 with a hole.

    The group of `price` recommends 9 or 10, the others 5 or 6; satisfaction is as good everywhere; `rare` has 99 answers.
    """
    rng = np.random.default_rng(0)
    group = np.repeat([0, 1, 2], [150, 60, 30])
    leading = np.repeat(np.eye(3), 3, axis=1)[group] * np.tile([2.0, 1.8, 1.6], 3)
    answers = np.clip(np.rint(2.5 + leading + 0.4 * rng.normal(size=(240, 1)) + 0.4 * rng.normal(size=(240, 9))), 1, 5)
    answers = np.vstack([answers, np.full((6, 9), 4.0), answers[:4]])
    answers[246:, 2] = np.nan
    group = np.concatenate([group, np.zeros(10, int)])
    at = np.arange(250)
    return pd.DataFrame(answers, columns=NEEDS).assign(
        customer_id=[f"C{i:03d}" for i in at],
        perspective="customer",
        wave="2026-Q2",
        counted_at=pd.Timestamp("2026-05-01", tz="UTC"),
        recommend=np.where(group == 0, 9, 5) + at % 2,
        satisfied=1.0 + at % 5,
        rare=np.where(at < 99, 3.0, np.nan),
        planted=group,
    )


def _found(responses: pd.DataFrame | None = None, items: pd.DataFrame | None = None, **more: Any) -> NeedsSegments:
    responses = _responses() if responses is None else responses
    return needs_segments(responses, _items() if items is None else items, **{"n_boot": 5, **more})


@pytest.fixture(scope="module")
def three() -> NeedsSegments:
    responses = _responses()
    customers = pd.DataFrame({"customer_id": responses["customer_id"]})
    customers["plan"] = np.where(responses["planted"] == 1, "plus", "basic")
    customers.loc[::5, "plan"] = "basic"
    customers["region"] = np.where(np.random.default_rng(5).random(250) < 0.5, "north", "south")
    return needs_segments(responses, _items(), customers, n_boot=5)


def test_a_straight_line_is_refused_from_eight_items_on() -> None:
    eight = pd.DataFrame([[3] * 8, [3] * 7 + [4], [3] * 7 + [None], [None] * 8], index=list("abcd"))
    found = screen(eight)
    assert found["keep"].to_dict() == {"a": False, "b": True, "c": True, "d": False}
    assert found["reason"].tolist() == ["the same answer to everything", "", "", "no answer"]
    assert screen(pd.DataFrame([[3] * 7]))["keep"].tolist() == [True]


def test_spread_run_and_missing_share_by_hand() -> None:
    # 1, 1, 5, hole: mean 7/3, squares 2·16/9 + 64/9 = 96/9, over 3; the run 1, 1; one of four missing
    row = screen(pd.DataFrame([[1, 1, 5, None], [2, None, 2, 2]]))
    assert row["spread"][0] == pytest.approx(np.sqrt(96 / 27))
    assert row["longest_run"].tolist() == [2, 2]
    assert row["missing_share"].tolist() == [0.25, 0.25]


def test_who_was_kept_and_who_was_left_out_add_up_to_who_was_asked(three: NeedsSegments) -> None:
    assert len(three.screened) == 250
    assert three.screened["reason"].value_counts().to_dict() == {
        "": 240,
        "the same answer to everything": 6,
        "an unanswered need": 4,
    }
    assert three.n == 240
    assert (three.screened["keep"] == (three.screened["reason"] == "")).all()
    assert three.sentences()[-1] == (
        "Of 250 respondents 10 were left out: 6 for the same answer to everything and 4 for an unanswered need."
    )
    assert three.base_sentence() == "Deep dive 2026-Q2: 240 respondents with careful answers, not weighted."


def test_the_planted_groups_are_found_and_named_after_their_leading_need(three: NeedsSegments) -> None:
    assert (three.verdict, three.k, three.found) == ("segments", 3, True)
    assert three.sizes["n"].tolist() == [150, 60, 30]
    leading = [NEEDS[:3], NEEDS[3:6], NEEDS[6:]]
    assert all(name in planted for name, planted in zip(three.sizes["segment_id"], leading, strict=True))
    assert three.sizes["n"].sum() == three.sizes["n_all"].iloc[0] == three.n
    assert three.sizes["estimate"].tolist() == pytest.approx([62.5, 25, 12.5])
    ari = three.solutions.set_index("k")["ari"][3]
    assert three.headline() == (
        "Three groups of customers differ in what they need, and they come back when the sample is drawn again "
        f"(agreement {ari:.2f}, where 1 is the same groups)."
    )


def test_every_member_is_placed_with_those_planted_together(three: NeedsSegments) -> None:
    placed = three.members.merge(_responses(), on="customer_id")
    assert len(placed) == 240
    assert placed.groupby("planted")["segment_id"].nunique().tolist() == [1, 1, 1]
    assert placed["segment_id"].nunique() == 3
    assert placed["probability"].between(1 / 3, 1).all()
    assert placed["segment"].value_counts().to_dict() == three.sizes.set_index("label")["n"].to_dict()


def test_the_profile_of_a_group_adds_up_to_nothing_because_level_is_taken_out(three: NeedsSegments) -> None:
    assert len(three.profile) == 3 * 9
    assert three.profile.groupby("segment")["estimate"].sum().abs().max() < 1e-9
    own = _responses()[:150][NEEDS]
    centred = own.sub(own.mean(axis=1), axis=0).mean()
    largest = three.sizes["label"].iloc[0]
    shown = three.profile[three.profile["segment"] == largest].set_index("item")["estimate"]
    assert shown[NEEDS].tolist() == pytest.approx(centred.tolist())


def test_the_nps_of_a_group_is_set_against_all_others_and_said(three: NeedsSegments) -> None:
    # everybody in the largest group promotes (9, 10), everybody else answers 5 or 6
    rows = three.outcomes[three.outcomes["outcome"] == "recommend"].set_index("segment")
    first, second, third = three.sizes["label"]
    assert rows["estimate"].to_dict() == {first: 100, second: -100, third: -100}
    assert rows.loc[second, "difference"] == pytest.approx(-100 - 100 * (150 - 30) / 180)
    assert rows["n"].sum() == 240


def test_satisfaction_that_is_the_same_everywhere_is_not_called_different(three: NeedsSegments) -> None:
    rows = three.outcomes[three.outcomes["outcome"] == "satisfied"]
    assert rows["estimate"].tolist() == pytest.approx([40, 40, 40])
    assert set(rows["reading"]) == {"no clear change"}
    titles = {words["name"]: words["title"] for words, _ in three.outcomes_shown()}
    assert titles["outcome_satisfied"] == "No group clearly differs from the others in satisfaction."


def test_an_outcome_that_fewer_than_a_hundred_answered_is_not_shown(three: NeedsSegments) -> None:
    assert set(three.outcomes["outcome"]) == {"recommend", "satisfied"}


def test_groups_of_customers_are_compared_by_plan_and_not_by_number(three: NeedsSegments) -> None:
    assert set(three.groups["by"]) == {"plan", "region"}
    _, second, _ = three.sizes["label"]
    plus = three.groups[(three.groups["cell"] == "plus") & (three.groups["segment"] == second)].iloc[0]
    assert plus["estimate"] == pytest.approx(100 * 48 / 60)
    assert set(three.groups.loc[three.groups["by"] == "region", "reading"]) == {"no clear change"}
    assert three.groups.loc[three.groups["by"] == "region", "q_value"].min() < 0.999
    shares = three.groups.groupby(["segment", "by"])["estimate"].sum()
    assert shares.tolist() == pytest.approx([100] * 6)


def test_a_plan_that_only_one_group_has_tells_it_apart() -> None:
    responses = _responses()
    customers = pd.DataFrame({"customer_id": responses["customer_id"]})
    customers["plan"] = np.where(responses["planted"] == 1, "plus", "basic")
    found = needs_segments(responses, _items(), customers, n_boot=2, n_segments=3)
    plus = found.groups[(found.groups["cell"] == "plus") & (found.groups["estimate"] == 100)]
    assert plus["difference"].tolist() == [100]
    assert plus["reading"].tolist() == ["changed"]


def test_findings_have_names_of_their_own_and_the_figures_of_the_tables(three: NeedsSegments) -> None:
    findings = three.findings()
    names = [finding["name"] for finding in findings]
    assert len(names) == len(set(names)) == 3 + len(three.outcomes)
    largest = three.sizes["segment_id"].iloc[0]
    share = next(finding for finding in findings if finding["name"] == f"segment_share_{largest}")
    assert share["result"]["headline"] == f"{three.sizes['label'].iloc[0]}: 62% of customers."


def test_two_needs_with_one_label_do_not_make_two_groups_one() -> None:
    items = _items()
    items.loc[items["item"].isin(NEEDS[3:]), "label"] = "Help"
    found = _found(items=items, n_segments=3)
    assert sorted(found.sizes["n"]) == [30, 60, 150]


def test_needs_are_said_on_the_scale_on_which_they_were_asked() -> None:
    found = _found(items=_items(high=7.0), n_segments=3)
    assert set(found.needs["unit"]) == {"1 to 7"}
    assert " of 7)" in found.needs_words()["title"]


def test_weights_move_sizes_and_not_bases(three: NeedsSegments) -> None:
    # the 150 count double: 300 of 390
    responses = _responses().assign(weight=lambda frame: np.where(frame["planted"] == 0, 2.0, 1.0))
    found = _found(responses, n_segments=3)
    assert found.weighted
    assert found.sizes["estimate"].tolist() == pytest.approx([100 * 300 / 390, 100 * 60 / 390, 100 * 30 / 390])
    assert found.sizes["n"].tolist() == three.sizes["n"].tolist()
    assert "sizes are weighted" in found.base_sentence()


def test_only_the_newest_wave_makes_the_groups_and_the_latest_answer_places_a_customer() -> None:
    newest, older = _responses(), _responses()[:5]
    older = older.assign(wave="2025-Q2", counted_at=pd.Timestamp("2025-05-01", tz="UTC"))
    older[NEEDS] = newest.loc[235:239, NEEDS].to_numpy()  # they were of another group a year before
    gone = older[:1].assign(customer_id="GONE")
    found = _found(pd.concat([older, gone, newest], ignore_index=True), n_segments=3)
    assert (found.wave, found.n) == ("2026-Q2", 240)
    placed = found.members.set_index("customer_id")
    assert len(placed) == 241
    assert placed.loc["C000", "segment_id"] == placed.loc["C149", "segment_id"] != placed.loc["GONE", "segment_id"]
    assert placed.loc["GONE", "placed_at"] == pd.Timestamp("2025-05-01", tz="UTC")


def test_employees_are_not_asked_what_customers_need() -> None:
    responses = _responses()
    responses.loc[:4, "perspective"] = "employee"
    assert _found(responses, n_segments=3).n == 235


def test_without_groups_nobody_is_placed_and_the_reason_is_said() -> None:
    rng = np.random.default_rng(1)
    noise = _responses()
    noise[NEEDS] = np.clip(np.rint(3 + rng.normal(size=(250, 1)) + 0.9 * rng.normal(size=(250, 9))), 1, 5)
    found = _found(noise, n_segments=3)
    assert (found.found, found.k) == (False, 1)
    assert found.verdict in ("style", "none")
    assert found.members.empty
    assert found.findings() == []
    assert found.key_numbers().empty
    assert list(found.profile_shown()) == []
    assert found.headline().startswith("No groups of customers with needs of their own: ")


def test_what_may_be_said_of_groups_depends_on_the_null_and_on_whether_they_come_back(three: NeedsSegments) -> None:
    unstable = three.solutions.assign(ari=0.4)
    cases = {
        ("segments", True): ("natural segments", "No groups of customers were made."),
        ("segments", False): ("constructive only", "every new sample would draw other lines."),
        ("none", True): ("reproducible", "Customers differ in their needs by degrees, not in groups:"),
        ("none", False): ("no structure", "no cut comes back."),
        ("style", True): ("artefact of response style", "gone once each person's level of ticking is taken out."),
        ("style", False): ("artefact of response style", "gone once each person's level of ticking is taken out."),
    }
    for (verdict, stable), (finding, said) in cases.items():
        solutions = three.solutions if stable else unstable
        found = dataclasses.replace(three, verdict=verdict, k=1, solutions=solutions)
        assert found.finding == finding
        assert said in found.headline()
        assert not found.found


def test_a_number_that_was_asked_for_is_made_and_said_to_be_made(three: NeedsSegments) -> None:
    assert "come back" in three.headline()
    cut = dataclasses.replace(three, verdict="none", asked_for=True)
    assert cut.headline().startswith("Three groups were cut, not found")
    loose = dataclasses.replace(three, solutions=three.solutions.assign(ari=0.4), asked_for=True)
    assert loose.headline().startswith("Three groups were made because they were asked for")


def test_nobody_is_grouped_by_style_even_where_a_number_is_asked_for() -> None:
    rng = np.random.default_rng(2)
    responses = _responses()
    responses[NEEDS] = np.clip(np.rint(3 + 1.5 * rng.normal(size=(250, 1)) + 0.5 * rng.normal(size=(250, 9))), 1, 5)
    found = _found(responses, n_segments=3)
    assert (found.verdict, found.found) != ("segments", False)
    assert found.found == (found.verdict != "style" and (found.verdict == "segments" or found.comes_back))


def test_both_solutions_stand_side_by_side(three: NeedsSegments) -> None:
    styles = three.styles.set_index("style")
    assert list(styles.index) == ["center", "none"]
    assert styles.loc["center", "agreement"] == 1
    assert 0 <= styles.loc["center", "style_share"] <= styles.loc["none", "style_share"] + 0.2
    ((words, _),) = three.styles_shown()
    assert words["note"]["Used"] == "Without each person's level"


def test_every_group_says_how_much_of_it_comes_back(three: NeedsSegments) -> None:
    ((words, rows),) = three.holding_shown()
    assert sorted(rows["label"]) == sorted(three.sizes["label"])
    assert rows["jaccard"].tolist() == sorted(three.stable.by_segment(three.k)["jaccard"])
    assert f"at least {rows['jaccard'].iloc[0]:.0%} of itself" in words["title"]
    assert rows["across"].between(0, 1).all()
    assert list(dataclasses.replace(three, k=1).holding_shown()) == []


def test_profile_has_the_plain_mean_beside_that_of_all(three: NeedsSegments) -> None:
    row = three.profile.iloc[0]
    responses = _responses().loc[three.labels.index]
    own = responses.loc[three.labels == row["segment"], row["item"]].mean()
    assert row["mean"] == pytest.approx(own)
    assert row["index"] == pytest.approx(100 * own / responses[row["item"]].mean())


def test_emotional_and_functional_needs_are_held_against_each_other_in_each_group() -> None:
    items = _items()
    items["kind"] = np.where(items["item"].isin(["price", "value", "speed"]), "functional", None)
    items.loc[items["item"].isin(["ease", "advice", "safety"]), "kind"] = "emotional"
    found = _found(items=items)
    kinds = found.kinds.set_index("label")
    responses = _responses().loc[found.labels.index]
    contrast = responses[["ease", "advice", "safety"]].mean(axis=1) - responses[["price", "value", "speed"]].mean(
        axis=1
    )
    for label, row in kinds.iterrows():
        inside = found.labels == label
        assert row["difference"] == pytest.approx(contrast[inside].mean() - contrast[~inside].mean())
    ((words, _),) = found.kinds_shown()
    assert "needs, by" in words["title"]
    assert list(_found().kinds_shown()) == []


def test_yes_no_lists_keep_those_who_tick_nothing_and_are_measured_in_points() -> None:
    responses = _responses()
    responses[NEEDS] = (responses[NEEDS] >= 4).astype(float).where(responses[NEEDS].notna())
    responses.loc[0, NEEDS] = 0.0
    items = _items()
    items.loc[items["role"] == "need", ["low", "high"]] = [0.0, 1.0]
    found = _found(responses, items, style="none", n_segments=3)
    assert found.screened.loc[0, "keep"]
    assert set(found.profile["unit"]) == {"points"}
    group = found.profile[found.profile["segment"] == found.profile["segment"].iloc[0]]
    assert (group["mean"] - group["total"]).to_numpy() == pytest.approx(group["estimate"].to_numpy())


def test_the_share_of_style_is_near_one_where_raw_groups_are_levels() -> None:
    rng = np.random.default_rng(2)
    responses = _responses()
    responses[NEEDS] = np.clip(np.rint(3 + 1.5 * rng.normal(size=(250, 1)) + 0.5 * rng.normal(size=(250, 9))), 1, 5)
    found = _found(responses)
    assert found.style_share > 0.6
    assert f"{found.style_share:.0%} of the differences between the groups of the raw answers" in found.sentences()[0]


def test_a_study_without_needs_has_no_segments() -> None:
    with pytest.raises(
        NotApplicableError, match="needs at least four questions about needs, importance or expectation"
    ):
        _found(items=_items(role="satisfaction"))
    three_needs = _items()[~_items()["item"].isin(NEEDS[3:])]
    with pytest.raises(NotApplicableError, match="at least four questions"):
        _found(items=three_needs)


def test_too_few_careful_respondents_are_refused_with_their_number() -> None:
    with pytest.raises(
        NotApplicableError,
        match="at least 200 respondents to group; there are 199 careful answers to the 9 questions about need",
    ):
        _found(_responses()[:199])


@pytest.mark.parametrize("n_segments", [1, 8, -2])
def test_a_number_of_segments_that_cannot_be_is_refused_with_the_way_out(n_segments: int) -> None:
    with pytest.raises(ParameterError, match=rf"`n_segments`: `{n_segments}` groups; 0 \(chosen\), or 2 to 7"):
        _found(n_segments=n_segments)


def test_importance_takes_the_place_of_needs_where_only_it_was_asked() -> None:
    assert _found(items=_items(role="importance"), n_segments=3).sizes["n"].sum() == 240


def test_shares_are_tested_by_the_error_that_both_groups_share() -> None:
    responses = _responses()
    groups = _found(responses)
    customers = pd.DataFrame({"customer_id": responses["customer_id"], "plan": ["a", "b"] * 125})
    table = _found(responses, n_segments=groups.k).groups
    found = needs_segments(responses, _items(), customers, n_boot=5).groups.iloc[0]
    assert table.empty
    inside = groups.labels == found["segment"]
    plan = customers["plan"].loc[groups.labels.index] == found["cell"]
    counts = pd.crosstab(inside, plan)
    chi = stats.chi2_contingency(counts, correction=False)
    assert found["p_value"] == pytest.approx(chi.pvalue)


def test_a_battery_that_is_answered_in_few_ways_is_refused_with_their_number() -> None:
    responses = _responses()
    responses[NEEDS] = np.tile([1.0, 2, 3, 4, 5, 1, 2, 3, 4], (250, 1))
    responses.loc[::2, NEEDS] = np.tile([5.0, 4, 3, 2, 1, 5, 4, 3, 2], (125, 1))
    with pytest.raises(NotApplicableError, match="there are 2 different ways to answer the 9 questions about need"):
        _found(responses)
