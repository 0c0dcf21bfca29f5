"""Which touchpoints matter: removal effects, the equal split and adjusted lift by hand, by other routes, and against planted truths."""

from __future__ import annotations

import importlib.util
import math
import sys
from itertools import pairwise, permutations, product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from threadpoolctl import threadpool_limits

from cxlab.journeys.importance import COLUMNS, TouchpointImportance, touchpoint_importance

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "journeys"
STUDY = ROOT / "benchmarks" / "journeys_importance.py"
DAY = pd.Timestamp("2026-01-01", tz="UTC")


@pytest.fixture(scope="module")
def study() -> ModuleType:
    spec = importlib.util.spec_from_file_location("journeys_importance", STUDY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["journeys_importance"] = module
    spec.loader.exec_module(module)
    return module


def log(*paths: str, customers: str | None = None) -> pd.DataFrame:
    """One path a customer (`a`, `b`, …), one letter a touchpoint, one day a step; a space begins the next journey."""
    rows = [
        (customer, number, position, letter, DAY + pd.Timedelta(days=100 * number + position))
        for customer, path in zip(customers or "abcdefghijklmnopqrstuvwxyz", paths, strict=False)
        for number, journey in enumerate(path.split())
        for position, letter in enumerate(journey)
    ]
    return pd.DataFrame(rows, columns=["customer_id", "journey", "position", "touchpoint", "timestamp"])


def outcome(*values: float) -> pd.Series:
    return pd.Series(values, index=list("abcdefghijklmnopqrstuvwxyz")[: len(values)], name="renewal")


def small(events: pd.DataFrame, renewed: pd.Series, **options: Any) -> TouchpointImportance:
    chosen: dict[str, Any] = {"methods": ("markov", "shapley"), "min_base": 1, "n_boot": 0} | options
    return touchpoint_importance(events, renewed, **chosen)


def column(found: TouchpointImportance, method: str, name: str = "estimate") -> dict[str, Any]:
    rows = found.to_frame()
    rows = rows[rows["method"] == method].sort_values("touchpoint")
    return dict(zip(rows["touchpoint"], rows[name], strict=True))


def met_at_random(met: np.ndarray, y: np.ndarray, first: np.ndarray | None = None) -> tuple[pd.DataFrame, pd.Series]:
    """Events of customers who met these touchpoints (customers × touchpoints) in this order; `first` is the day they came."""
    customer, touchpoint = np.nonzero(met)
    came = np.zeros(len(met)) if first is None else first
    events = pd.DataFrame(
        {
            "customer_id": customer.astype(str), "journey": 0, "position": touchpoint,
            "touchpoint": [f"t{number}" for number in touchpoint], "timestamp": DAY + pd.to_timedelta(came[customer], unit="D"),
        }
    )  # fmt: skip
    return events, pd.Series(y, index=np.arange(len(met)).astype(str), name="renewal")


# -------------------------------------------------------------------------------------------------- removal from the chain


def test_removal_effects_of_the_worked_case() -> None:
    # start → A ¾, B ¼; A → B ⅔, lost ⅓; B → converted ⅔, lost ⅓. P = ¾ · ⅔ · ⅔ + ¼ · ⅔ = ½.
    # Without A ¼ · ⅔ = ⅙ are left, without B nothing.
    found = small(log("AB", "A", "B", "AB"), outcome(1, 0, 1, 0))
    assert column(found, "markov") == pytest.approx({"A": 2 / 3, "B": 1.0})
    assert column(found, "markov", "share") == pytest.approx({"A": 0.4, "B": 0.6})
    assert column(found, "markov", "rank") == {"A": 2, "B": 1}


def test_removal_effects_of_the_example_that_users_of_r_know() -> None:
    # Bryl’, AnalyzeCore, "Marketing multi-channel attribution model with R (part 1)", 2016
    found = small(log("123", "1", "23"), outcome(1, 0, 0), methods=("markov",))
    assert column(found, "markov") == pytest.approx({"1": 0.5, "2": 1, "3": 1})
    assert column(found, "markov", "share") == pytest.approx({"1": 0.2, "2": 0.4, "3": 0.4})


def removed(paths: list[str], won: list[int], gone: str) -> float:
    """The conversion rate of the chain without a touchpoint, by following every probability until it has ended."""
    counts: dict[str, dict[str, int]] = {}
    for path, converted in zip(paths, won, strict=True):
        states = ["start", *path, "won" if converted else "lost"]
        for here, there in pairwise(states):
            counts.setdefault(here, {}).setdefault(there, 0)
            counts[here][there] += 1
    at, converts = {"start": 1.0}, 0.0
    for _ in range(2_000):
        after: dict[str, float] = {}
        for here, mass in at.items():
            for there, n in counts[here].items():
                part = mass * n / sum(counts[here].values())
                if there == "won":
                    converts += part
                elif there not in ("lost", gone):
                    after[there] = after.get(there, 0.0) + part
        at = after
    return converts


def random_paths(seed: int, n: int = 24) -> tuple[list[str], list[int]]:
    rng = np.random.default_rng(seed)
    paths = ["".join(rng.choice(list("ABCD"), rng.integers(1, 8))) for _ in range(n)]
    return paths, [1, *rng.integers(0, 2, n - 1).tolist()]


@pytest.mark.parametrize("seed", range(3))
def test_removal_effects_equal_those_of_chains_followed_step_by_step(seed: int) -> None:
    paths, won = random_paths(seed)
    found = column(small(log(*paths), outcome(*won), methods=("markov",)), "markov")
    whole = removed(paths, won, "")
    assert whole == pytest.approx(np.mean(won))  # a chain made of the paths converts as often as they do
    assert found == pytest.approx({name: 1 - removed(paths, won, name) / whole for name in "ABCD"})


def test_a_touchpoint_repeated_in_a_row_changes_nothing() -> None:
    paths, won = random_paths(1)
    again = ["".join(letter * (1 + at % 3) for at, letter in enumerate(path)) for path in paths]
    once, more = (column(small(log(*some), outcome(*won), methods=("markov",)), "markov") for some in (paths, again))
    assert once == pytest.approx(more)


def test_of_several_journeys_the_last_takes_the_outcome_and_the_earlier_are_lost() -> None:
    # "A AB yes" and "B no" are three paths: A lost, A>B yes, B lost. start → A ⅔, B ⅓; A → B ½; B → yes ½. P = ⅓.
    found = small(log("A AB", "B"), outcome(1, 0), methods=("markov",))
    assert column(found, "markov") == pytest.approx({"A": 0.5, "B": 1.0})


def test_where_everybody_converts_removal_costs_as_much_as_the_touchpoint_is_reached() -> None:
    found = small(log("AB", "A", "B", "AB"), outcome(1, 1, 1, 1))
    for method, by_hand in {"markov": {"A": 0.75, "B": 0.75}, "shapley": {"A": 0.5, "B": 0.5}}.items():
        assert column(found, method) == pytest.approx(by_hand)
        assert column(found, method, "expected") == pytest.approx(by_hand)


def test_expected_is_the_reach_in_the_chain_and_the_split_of_all_visitors() -> None:
    # In the chain of the worked case ¾ reach A, and ¼ + ¾ · ⅔ reach B. Split: A ½ + 1 + ½, B ½ + 1 + ½ of 4, half converts.
    found = small(log("AB", "A", "B", "AB"), outcome(1, 0, 1, 0))
    assert column(found, "markov", "expected") == pytest.approx({"A": 0.75, "B": 0.75})
    assert column(found, "shapley", "expected") == pytest.approx({"A": 0.25, "B": 0.25})


def test_where_nobody_converts_there_is_nothing_to_remove_or_split() -> None:
    found = small(log("AB", "B"), outcome(0, 0))
    assert found.to_frame()["estimate"].isna().all()
    assert set(found.to_frame()["reason"]) == {"nobody converted"}
    assert found.headline() == "No touchpoint can be judged: nobody converted (2 customers)."


# ------------------------------------------------------------------------------------------------------- the equal split


def test_the_split_of_the_worked_case() -> None:
    # Of two conversions A has half of the first, B the other half and the second: ½ and 1½ of 4 customers.
    found = small(log("AB", "A", "B", "AB"), outcome(1, 0, 1, 0))
    assert column(found, "shapley") == pytest.approx({"A": 0.125, "B": 0.375})
    assert column(found, "shapley", "share") == pytest.approx({"A": 0.25, "B": 0.75})


CUSTOMERS = st.lists(
    st.tuples(st.text("ABCDE", min_size=1, max_size=7), st.integers(0, 1)), min_size=1, max_size=20
).filter(lambda rows: any(won for _, won in rows))


@settings(max_examples=60, deadline=None)
@given(CUSTOMERS)
def test_the_split_is_the_shapley_value_and_adds_up_to_the_conversion_rate(customers: list[tuple[str, int]]) -> None:
    paths, won = zip(*customers, strict=True)
    found = column(small(log(*paths), outcome(*won), methods=("shapley",)), "shapley")

    def worth(inside: set[str]) -> float:
        return sum(y for path, y in customers if set(path) <= inside) / len(won)

    orders = list(permutations(found))
    by_orders = dict.fromkeys(found, 0.0)
    for order in orders:
        for at, name in enumerate(order):
            by_orders[name] += (worth(set(order[: at + 1])) - worth(set(order[:at]))) / len(orders)
    assert found == pytest.approx(by_orders, abs=1e-12)
    assert sum(found.values()) == pytest.approx(np.mean(won), abs=1e-12)


def test_twenty_touchpoints_are_split_as_exactly_as_two() -> None:
    rng = np.random.default_rng(2)
    met = rng.random((300, 20)) < 0.3
    met[:, 0] |= ~met.any(axis=1)
    y = rng.integers(0, 2, 300)
    found = small(*met_at_random(met, y), methods=("shapley",))
    by_hand = (met * y[:, None] / met.sum(axis=1, keepdims=True)).mean(axis=0)
    assert column(found, "shapley") == pytest.approx({f"t{j}": by_hand[j] for j in range(20)})


# --------------------------------------------------------------------------------------------------------- adjusted lift


def drawn(seed: int, n: int = 600) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Customers in two segments, one of which is busier and renews more; t0 adds to it, t1 and t2 do not. First days differ."""
    rng = np.random.default_rng(seed)
    segment = rng.integers(0, 2, n)
    met = rng.random((n, 3)) < np.where(segment == 1, 0.7, 0.35)[:, None]
    keep = met.any(axis=1)
    met, segment, first = met[keep], segment[keep], rng.uniform(0, 200, keep.sum())
    y = rng.random(len(met)) < 0.25 + 0.3 * segment + 0.2 * met[:, 0]
    return met, y.astype(int), segment, first


def design(met: np.ndarray, segment: np.ndarray, first: np.ndarray) -> np.ndarray:
    """What lift holds equal, written down once more; the log ends with the last customer's first event."""
    days = np.log1p(first.max() - first)
    days = (days - days.mean()) / days.std()
    return np.column_stack([np.ones(len(met)), days, days**2, segment, met])


def standardised(fit: Any, X: np.ndarray, at: int) -> tuple[float, float]:
    with_it, without = X.copy(), X.copy()
    with_it[:, at], without[:, at] = 1, 0
    return 100 * float(fit.predict(with_it).mean()), 100 * float(fit.predict(without).mean())


def test_lift_equals_predictions_of_a_logit_for_everybody_with_and_without() -> None:
    met, y, segment, first = drawn(1)
    events, renewed = met_at_random(met, y, first)
    found = touchpoint_importance(
        events, renewed, segment=pd.Series(segment, index=renewed.index), methods=("lift",), n_boot=0
    )
    X = design(met, segment, first)
    share = X.shape[1] / len(y)  # as many customers of average outcome as there are coefficients
    fit = sm.GLM((y + share * y.mean()) / (1 + share), X, family=sm.families.Binomial()).fit(tol=1e-12)
    for j in range(3):
        high, low = standardised(fit, X, 4 + j)
        assert column(found, "lift")[f"t{j}"] == pytest.approx(high - low, abs=1e-6)
        assert column(found, "lift", "rate_with")[f"t{j}"] == pytest.approx(high, abs=1e-6)
        assert column(found, "lift", "ratio")[f"t{j}"] == pytest.approx(high / low, abs=1e-8)
    assert found.adjusted_for == ("the other touchpoints met", "time observed", "segment")


def test_resamples_of_lift_are_close_to_fitting_each_anew() -> None:
    """The same weights, two steps against statsmodels to the end: apart by a few hundredths of the standard error."""
    from cxlab.journeys.importance import _base, _Lift

    met, y, segment, first = drawn(3)
    events, renewed = met_at_random(met, y, first)
    part = _Lift(_base(events, renewed, None), pd.Series(segment, index=renewed.index), None, 30)
    order = np.array([int(key) for key in sorted(renewed.index)])  # customers are held by id
    X, y = design(met, segment, first)[order], y[order]
    share = X.shape[1] / len(y)
    near = (y + share * y.mean()) / (1 + share)
    rng = np.random.default_rng(0)
    weights = np.stack([np.bincount(rng.integers(0, len(y), len(y)), minlength=len(y)) for _ in range(40)]).astype(
        float
    )
    quick = part.of(weights)["lift"]
    slow = np.zeros_like(quick)
    for b, w in enumerate(weights):
        fit = sm.GLM(near, X, family=sm.families.Binomial(), freq_weights=w).fit()
        for j in range(3):
            both = np.repeat(X[None], 2, axis=0)
            both[0, :, 4 + j], both[1, :, 4 + j] = 1, 0
            slow[b, j] = 100 * np.average(fit.predict(both[0]) - fit.predict(both[1]), weights=w)
    assert np.abs(quick - slow).max() < 0.05 * slow.std(axis=0).min()


def test_lift_of_a_number_is_the_coefficient_of_least_squares() -> None:
    met, _, segment, first = drawn(2)
    rating = np.random.default_rng(0).normal(7, 1, len(met)) + met[:, 1]
    events, given = met_at_random(met, rating, first)
    found = touchpoint_importance(
        events, given, segment=pd.Series(segment, index=given.index), methods=("lift",), n_boot=200
    )
    fit = sm.OLS(rating, design(met, segment, first)).fit(cov_type="HC1")
    assert column(found, "lift") == pytest.approx({f"t{j}": fit.params[4 + j] for j in range(3)})
    assert list(column(found, "lift", "std_error").values()) == pytest.approx(list(fit.bse[4:]), rel=0.2)
    assert all(math.isnan(value) for value in column(found, "lift", "ratio").values())
    assert column(found, "lift", "rate_with")["t1"] - column(found, "lift", "rate_without")["t1"] == pytest.approx(
        fit.params[5]
    )


@pytest.mark.parametrize(("conf_level", "reach"), [(0.95, 1.960), (0.8, 1.282)])
def test_an_interval_of_lift_reaches_as_far_as_its_level_says(conf_level: float, reach: float) -> None:
    met, y, _, first = drawn(2)
    found = touchpoint_importance(*met_at_random(met, y, first), methods=("lift",), n_boot=1_000, conf_level=conf_level)
    for row in found.to_frame().to_dict("records"):
        # a percentile of 1,000 normal draws is 0.085 standard errors off at 2.5%, 0.045 at 10%: four of them
        assert (row["conf_high"] - row["estimate"]) / row["std_error"] == pytest.approx(reach, abs=0.35)
        assert (row["estimate"] - row["conf_low"]) / row["std_error"] == pytest.approx(reach, abs=0.35)
        assert row["conf_level"] == conf_level


def test_a_segment_that_is_busier_and_renews_more_makes_no_lift_once_it_is_held_equal() -> None:
    met, y, segment, first = drawn(5, n=4_000)
    events, renewed = met_at_random(met, y, first)
    alone = touchpoint_importance(events, renewed, methods=("lift",), n_boot=200)
    by_segment = pd.Series(segment, index=renewed.index)
    equal = touchpoint_importance(events, renewed, segment=by_segment, methods=("lift",), n_boot=200)
    same = touchpoint_importance(events, renewed, adjust=by_segment.to_frame("kind"), methods=("lift",), n_boot=200)
    assert column(alone, "lift", "q_value")["t1"] < 0.05
    assert column(equal, "lift", "q_value")["t1"] > 0.05
    assert column(equal, "lift")["t0"] == pytest.approx(20, abs=4)  # planted: 20 points, standard error 1.6
    assert column(same, "lift") == pytest.approx(column(equal, "lift"))


def test_a_touchpoint_that_follows_one_that_matters_is_not_called() -> None:
    """t1 does nothing, but nearly only those who met t0 get there; the number of touchpoints met would not tell."""
    rng = np.random.default_rng(11)
    met = rng.random((3_000, 5)) < 0.4
    met[:, 1] = np.where(met[:, 0], rng.random(3_000) < 0.8, rng.random(3_000) < 0.2)
    met = met[met.any(axis=1)]
    y = (rng.random(len(met)) < 0.3 + 0.3 * met[:, 0]).astype(int)
    found = touchpoint_importance(*met_at_random(met, y), n_boot=200)
    assert y[met[:, 1]].mean() - y[~met[:, 1]].mean() > 0.1
    called = {name for name, q in column(found, "lift", "q_value").items() if q < 0.05}
    assert called == {"t0"}


def test_a_touchpoint_after_which_everybody_renews_has_a_finite_lift() -> None:
    rng = np.random.default_rng(4)
    met = np.column_stack([np.ones(300, dtype=bool), rng.random(300) < 0.3])
    y = np.where(met[:, 1], 1, rng.random(300) < 0.4).astype(int)
    row = column(touchpoint_importance(*met_at_random(met, y), n_boot=200), "lift")
    found = touchpoint_importance(*met_at_random(met, y), n_boot=200)
    raw = 100 * (1 - y[~met[:, 1]].mean())
    assert row["t1"] == pytest.approx(
        raw / (1 + 2 / 300), abs=1e-6
    )  # two coefficients: two customers of average outcome
    assert 0 < column(found, "lift", "std_error")["t1"] < 10
    assert column(found, "lift", "reason")["t0"] == "everyone met it"


def test_touchpoints_always_met_together_are_not_told_apart_and_the_others_still_are() -> None:
    rng = np.random.default_rng(6)
    met = rng.random((400, 3)) < 0.5
    met = met[met.any(axis=1)]
    y = (rng.random(len(met)) < 0.3 + 0.2 * met[:, 2]).astype(int)
    twice = np.column_stack([met, met[:, 0]])
    found = touchpoint_importance(*met_at_random(twice, y), methods=("lift",), n_boot=0)
    once = touchpoint_importance(*met_at_random(met, y), methods=("lift",), n_boot=0)
    assert [column(found, "lift", "reason")[name] for name in ("t0", "t3")] == [
        "follows from what else is held equal"
    ] * 2
    assert column(found, "lift")["t2"] == pytest.approx(column(once, "lift")["t2"])


def test_what_is_missing_in_a_segment_or_a_column_to_adjust_for_is_a_group_of_its_own() -> None:
    met, y, segment, first = drawn(7)
    events, renewed = met_at_random(met, y, first)
    unknown = np.random.default_rng(0).random(len(y)) < 0.2
    given = pd.Series(np.where(unknown, np.nan, segment.astype(str).astype(object)), index=renewed.index)
    named = pd.Series(np.where(unknown, "unknown", segment.astype(str)), index=renewed.index)
    number = pd.DataFrame({"age": np.where(unknown, np.nan, 40.0 + segment)}, index=renewed.index)
    lifts = [
        column(touchpoint_importance(events, renewed, methods=("lift",), n_boot=0, **how), "lift")
        for how in ({"segment": given}, {"segment": named}, {"segment": given.dropna()}, {"adjust": number})
    ]
    for lift in lifts[1:]:
        assert lift == pytest.approx(lifts[0])


# ------------------------------------------------------------------------------------------------- who and what is counted


def test_events_at_or_after_the_outcome_do_not_count_and_everybody_is_accounted_for() -> None:
    events = log("ABC", "AB", "B", "A", "C", "A")  # one day a step, so a day decides; f has no outcome
    renewed = outcome(1, 0, 1, 0, 1).reindex([*"abcde", "x"]).fillna(1)
    moments = pd.Series(
        {"a": DAY + pd.Timedelta(days=2), "b": DAY + pd.Timedelta(days=5), "c": DAY, "d": DAY + pd.Timedelta(days=1)}
    )
    found = small(events, renewed, landmark=moments)
    assert column(found, "markov", "n_reached") == {
        "A": 3,
        "B": 2,
    }  # a loses C, which came at the moment of the outcome
    assert dict(zip(found.counts["check"], found.counts["n"], strict=True)) == {
        "customers in the log": 6, "customers without outcome": 1, "customers without landmark": 1,
        "customers with no event before the landmark": 1, "customers judged": 3, "outcomes without log": 1,
        "events in the log": 9, "events of customers without outcome or landmark": 2, "events at or after the landmark": 2,
        "events judged": 5,
    }  # fmt: skip
    assert (found.n, found.n_without_outcome, found.n_without_landmark, found.n_nothing_before) == (3, 1, 1, 1)
    naive = small(events, renewed, landmark=moments.dt.tz_localize(None))  # a time without a zone is UTC
    pd.testing.assert_frame_equal(naive.to_frame(), found.to_frame())
    assert found.sentences()[-1] == (
        "Left out: customers without outcome (1), without the moment of their outcome (1) and with no event before it (1)."
    )


def test_without_landmark_staying_explains_meeting_and_with_it_nothing_does() -> None:
    """Who renews stays and meets t2 later on. Nothing before the outcome matters."""
    rng = np.random.default_rng(8)
    n = 1_500
    before = rng.random((n, 2)) < 0.5
    before[:, 0] |= ~before.any(axis=1)
    y = rng.integers(0, 2, n)
    early, _ = met_at_random(before, y)
    late, renewed = met_at_random(np.column_stack([np.zeros((n, 2)), rng.random(n) < 0.2 + 0.5 * y]) > 0, y)
    events = pd.concat([early, late.assign(timestamp=late["timestamp"] + pd.Timedelta(days=60))])
    everything = touchpoint_importance(events, renewed, methods=("lift",), n_boot=100)
    cut = touchpoint_importance(events, renewed, methods=("lift",), n_boot=100, landmark=DAY + pd.Timedelta(days=30))
    assert column(everything, "lift", "q_value")["t2"] < 0.001
    assert "t2" not in column(cut, "lift")
    assert all(not q < 0.05 for q in column(cut, "lift", "q_value").values())
    assert any("after it count as well" in sentence for sentence in everything.sentences())
    assert not any("after it count as well" in sentence for sentence in cut.sentences())


def test_a_touchpoint_of_29_customers_is_not_judged_but_stays_in_the_paths() -> None:
    rng = np.random.default_rng(9)
    met = np.zeros((200, 3), dtype=bool)
    met[:120, 0], met[60:, 1], met[:29, 2] = True, True, True
    y = rng.integers(0, 2, 200)
    found, all_of_them = (touchpoint_importance(*met_at_random(met, y), n_boot=50, min_base=base) for base in (30, 29))
    for method in ("markov", "shapley", "lift"):
        assert column(found, method, "reason")["t2"] == "n<30"
        assert math.isnan(column(found, method)["t2"])
        assert math.isnan(column(found, method, "q_value")["t2"])
    for method in ("markov", "shapley"):
        for name in ("estimate", "share", "n_reached"):
            some, known = column(found, method, name), column(all_of_them, method, name)
            assert {key: some[key] for key in ("t0", "t1")} == {key: known[key] for key in ("t0", "t1")}
    assert column(all_of_them, "lift", "reason")["t2"] == ""
    assert "1 touchpoint was met by fewer than 30 customers and is not judged." in found.sentences()
    assert list(found.to_frame().columns) == COLUMNS


def test_a_number_needs_a_cut_for_markov_and_shapley_but_not_for_lift() -> None:
    events, rating = log("AB", "A", "B", "AB"), outcome(9, 3, 10, 6)
    with pytest.raises(ValueError, match=r"from 3 to 10.*give `cut` .* or methods=\['lift'\]"):
        small(events, rating)
    assert column(small(events, rating, cut=9), "markov") == pytest.approx({"A": 2 / 3, "B": 1.0})


def test_the_same_customers_give_the_same_bytes_in_any_order_and_with_any_number_of_threads(study: ModuleType) -> None:
    path, converted = study.from_chain(np.random.default_rng(3), 400)
    events, renewed = study.log(path), study._by_id(converted)
    segment = study._by_id(np.arange(400) % 3)
    first = touchpoint_importance(events, renewed, segment=segment, n_boot=60, random_state=5)
    shuffled = events.sample(frac=1, random_state=1)
    with threadpool_limits(2):
        again = touchpoint_importance(shuffled, renewed[::-1], segment=segment[::-1], n_boot=60, random_state=5)
    pd.testing.assert_frame_equal(first.to_frame(), again.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(first.agreement(), again.agreement(), check_exact=True)
    other = touchpoint_importance(events, renewed, segment=segment, n_boot=60, random_state=6)
    assert not other.to_frame()["conf_low"].equals(first.to_frame()["conf_low"])
    assert (
        other.to_frame()
        .set_index(["method", "touchpoint"])["estimate"]
        .equals(first.to_frame().set_index(["method", "touchpoint"])["estimate"])
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": ("markow",)}, "there is no method `markow`; did you mean `markov`"),
        ({"methods": ()}, "`methods` is empty"),
        ({"conf_level": 95}, "95% is 0.95"),
        ({"n_boot": 20}, "at least 50, got 20"),
        ({"min_base": 0}, "`min_base` must be 1 or more, got 0"),
        ({"events": log("A").rename(columns={"position": "positon"})}, "no column `position`; did you mean `positon`"),
        ({"events": log("A").iloc[:0]}, "`events` has no rows"),
        ({"events": pd.concat([log("AB"), log("A")])}, "position 0 of journey 0 of customer `a` is there twice"),
        ({"events": log("AB").assign(touchpoint=pd.Series(["A", None], dtype=object))}, "1 rows have no `touchpoint`"),
        ({"events": log("AB").assign(timestamp="2026-01-01")}, "`events.timestamp` is .*, not a time"),
        ({"outcome": [1, 0]}, "`outcome` must be indexed by customer_id"),
        ({"outcome": pd.Series(["yes"], index=["a"])}, "not a number; make it 0 and 1"),
        ({"outcome": pd.Series([1, 0], index=["a", "a"])}, "`outcome` has customer `a` more than once"),
        ({"outcome": pd.Series([math.inf], index=["a"])}, "`outcome` of customer `a` is infinite"),
        ({"outcome": pd.Series([1], index=["A-1"])}, r"the log has `a`, `outcome` `A-1`\); are ids the same"),
        ({"segment": pd.Series(["x", "y"], index=["a", "a"]), "methods": ("lift",)}, "`segment` has customer `a` more than once"),
        ({"adjust": pd.DataFrame({"age": [math.inf]}, index=["a"]), "methods": ("lift",)}, "`adjust` column `age` has infinite"),
        ({"landmark": "soon"}, "`landmark` must be a time or a series of times by customer_id, got 'soon'"),
        ({"landmark": pd.Series([3], index=["a"])}, "`landmark` is int64, not a time"),
        ({"landmark": "2020-01-01"}, "no event lies before the landmark"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    given = {"events": log("AB", "B"), "outcome": outcome(1, 0)} | change
    with pytest.raises(ValueError, match=message):
        small(given.pop("events"), given.pop("outcome"), **given)


# ---------------------------------------------------------------------------------------------------- orders and sentences


def test_agreement_is_kendalls_tau_of_the_orders(study: ModuleType) -> None:
    path, converted = study.from_chain(np.random.default_rng(3), 800)
    found = touchpoint_importance(study.log(path), study._by_id(converted), n_boot=100)
    by_name = {method: list(column(found, method).values()) for method in ("markov", "shapley", "lift")}
    table = found.agreement()
    assert len(table) == 3
    for row in table.to_dict("records"):
        tau = stats.kendalltau(by_name[row["method_a"]], by_name[row["method_b"]]).statistic
        assert row["estimate"] == pytest.approx(tau)
        assert row["conf_low"] <= row["estimate"] <= row["conf_high"]
        assert (row["n"], row["n_touchpoints"], row["reason"]) == (800, 5, "")
    ranks = found.to_frame().query("method == 'lift'")
    assert sorted(ranks["rank"]) == [1, 2, 3, 4, 5]
    assert (ranks["rank_low"] <= ranks["rank"]).all()
    assert (ranks["rank"] <= ranks["rank_high"]).all()


def test_ties_lower_no_agreement() -> None:
    found = small(log("123", "1", "23", "2"), outcome(1, 0, 0, 1))
    markov, shapley = (list(column(found, method).values()) for method in ("markov", "shapley"))
    assert shapley == pytest.approx([1 / 12, 1 / 3, 1 / 12])  # 1 and 3 are tied
    tau = stats.kendalltau(np.round(markov, 12), np.round(shapley, 12)).statistic
    assert found.agreement()["estimate"].iloc[0] == pytest.approx(tau)


def test_with_one_touchpoint_there_is_no_order_to_agree_on() -> None:
    table = small(log("A", "A"), outcome(1, 0)).agreement()
    assert math.isnan(table["estimate"].iloc[0])
    assert table["reason"].iloc[0] == "fewer than two touchpoints are judged by both"


def test_the_headline_says_what_goes_with_the_outcome_and_what_is_only_passed() -> None:
    rng = np.random.default_rng(12)
    n = 3_000
    met = np.column_stack([rng.random(n) < 0.95, rng.random(n) < 0.3, rng.random(n) < 0.4])
    met[:, 0] |= ~met.any(axis=1)
    y = (rng.random(n) < 0.5 - 0.25 * met[:, 1]).astype(int)
    events, renewed = met_at_random(met, y)
    events["touchpoint"] = events["touchpoint"].map({"t0": "website", "t1": "help_call", "t2": "newsletter"})
    found = touchpoint_importance(events, renewed, n_boot=200)
    assert found.headline().startswith(
        "1 of 3 touchpoints clearly goes with renewal, other things equal; most help call: −2"
    )
    assert found.headline().endswith("(3,000 customers).")
    said = found.sentences()
    assert said[0].startswith("Renewal is clearly lower with help call −2")
    carried = [sentence for sentence in said if "website carries most" in sentence]
    assert len(carried) == 2
    assert any(sentence.startswith("Of the orders, ") for sentence in said)
    credit = touchpoint_importance(events, renewed, methods=("markov",), n_boot=200)
    assert credit.headline().startswith("Website carries the largest share of conversions by removal from the chain: ")


def test_where_nothing_matters_the_headline_says_so() -> None:
    patterns = [(met, y) for met in product([True, False], repeat=3) if any(met) for y in (0, 1)]
    met, y = np.array([met for met, _ in patterns] * 30), np.array([y for _, y in patterns] * 30)
    found = touchpoint_importance(*met_at_random(met, y), n_boot=100)
    assert found.headline() == "None of 3 touchpoints clearly goes with renewal, other things equal (420 customers)."
    assert column(found, "lift") == pytest.approx({"t0": 0, "t1": 0, "t2": 0}, abs=1e-9)


def test_without_resamples_there_is_no_interval_and_it_is_said() -> None:
    rows = small(log("AB", "A", "B", "AB"), outcome(1, 0, 1, 0)).to_frame()
    assert rows[["std_error", "conf_low", "share_high", "rank_low", "p_value", "q_value"]].isna().all(axis=None)
    assert set(rows["reason"]) == {"no resamples were asked for: no interval, no test"}


# --------------------------------------------------------------------------------------------------- planted truths, real logs


def test_intervals_of_the_removal_effect_hold_the_truth_of_a_known_chain(study: ModuleType) -> None:
    """40 samples of 600 customers and five touchpoints; 200 of 2,000: benchmarks/journeys_importance.py."""
    rng, truth = np.random.default_rng(21), study.removal_truth()
    held = np.zeros(5)
    for replication in range(40):
        path, converted = study.from_chain(rng, 600)
        rows = touchpoint_importance(
            study.log(path), study._by_id(converted), methods=("markov",), n_boot=200, random_state=replication
        ).to_frame().sort_values("touchpoint")  # fmt: skip
        held += (rows["conf_low"].to_numpy() <= truth) & (truth <= rows["conf_high"].to_numpy())
    # 200 intervals that hold 95% of the time: 180 to 198 with a chance of 99.8%, were they independent
    assert 180 <= held.sum() <= 198


def test_touchpoints_without_effect_are_rarely_called(study: ModuleType) -> None:
    table = study.false_calls(15, 800, 100, 4).set_index(["case", "method"])
    lift = table.xs("lift", level="method")
    assert (lift["called"] <= 0.05).all()
    assert lift["p<0.05"].between(0.0, 0.12).all()
    assert (table["called"] <= 0.05).all()


@pytest.mark.realdata
def test_who_returns_to_the_hospital_is_judged_by_what_came_before_the_release() -> None:
    path = DATA / "sepsis.parquet"
    if not path.exists():
        pytest.skip("the shared real data lacks journeys/sepsis.parquet")
    rows = pd.read_parquet(path).dropna(subset=["customer_id", "timestamp", "touchpoint"])
    rows = rows.sort_values(["customer_id", "timestamp", "event_id"])
    events = rows.assign(journey=0, position=rows.groupby("customer_id").cumcount())
    release = rows[rows["touchpoint"].str.startswith("Release")].groupby("customer_id")["timestamp"].min()
    back = rows["customer_id"].isin(rows.loc[rows["touchpoint"] == "Return ER", "customer_id"])
    returned = back.groupby(rows["customer_id"]).any().reindex(release.index).astype(int).rename("return")
    found = touchpoint_importance(events, returned, landmark=release, n_boot=100)
    counts = dict(zip(found.counts["check"], found.counts["n"], strict=True))
    assert counts["customers in the log"] == 1_050
    assert found.n + found.n_without_outcome + found.n_nothing_before == 1_050
    assert counts["events judged"] == (rows["timestamp"] < rows["customer_id"].map(release)).sum()
    assert not any(name.startswith(("Release", "Return")) for name in column(found, "markov"))
    judged = found.to_frame().query("method == 'shapley'")
    assert judged["share"].sum() == pytest.approx(1)
    assert judged["estimate"].sum() == pytest.approx(returned.mean(), abs=0.01)
    assert column(found, "lift", "reason")["ER Registration"] != ""  # everybody, or nearly, was registered
