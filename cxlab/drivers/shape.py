"""Which driver punishes more than it rewards, and where does more of it stop to help? In words and pictures for 07.

One row is one driver. The statistics and what they are not stand in `cxlab.drivers.asymmetry`; here is chosen what is shown. A low or
high answer is held against the answers between them, the other drivers held fixed. A figure that rests on fewer than `min_base` low,
middle or high answers is not shown, and a driver that lacks one of them has no class. A class is named from 80% of resamples on.

Where nobody answered between low and high (a short scale), only the worst and the best answer count as low and high, and the note says
for which drivers. Where a driver has two answers only there is nothing between them, and no part of this can be told (`reasons`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxlab.data.answers import best_answers
from cxlab.drivers.answers import DriverAnswers
from cxlab.drivers.asymmetry import CLASSES, diminishing_returns, penalty_reward
from cxlab.drivers.performance import NOT_SETTLED
from cxlab.drivers.places import Shown, resampled_units, spoken
from cxlab.problems import NotApplicableError
from cxlab.wording import capital_text, difference_text, estimate_text, inside_text, list_text

_CLASSES = {
    "basic": "Punishes more",
    "performance": "Does both",
    "excitement": "Rewards more",
    NOT_SETTLED: "Not settled",
    "": "Not told",
}
_SHAPES = {
    "diminishing": "Helps less further up",
    "rising": "Helps more further up",
    "no clear bend": "No clear bend",
    "": "Not told",
}
_LARGE = 20_000  # respondents from which on a hundred resamples do
_NAMED = 3  # bent drivers that a sentence names


@dataclass(frozen=True)
class Shape:
    """`effects` has the columns of `penalty_reward` and label, `bends` those of `diminishing_returns` and label; both are without what
    rests on small bases, and empty where the study lacks what they need (`reasons`). `n_effects` and `n_bends` were tested, shown or
    not. `ends_only` are labels of drivers of which only the worst and the best answer count as low and high."""

    effects: pd.DataFrame
    bends: pd.DataFrame
    ends_only: list[str]
    reasons: list[str]
    outcome: str
    unit: str
    n: int
    n_asked: int
    n_draws: int
    n_effects: int
    n_bends: int
    resampled: str
    conf_level: float
    min_base: int

    def sentences(self) -> list[str]:
        """Which driver clearly punishes or rewards more; where none does, which one bends. Two sentences at most."""
        said = [self._told(word) for word in ("basic", "excitement") if len(self.named(word))]
        if not said and len(bent := self._bent("diminishing")):
            names = list_text(spoken(label) for label in bent["label"].head(_NAMED))
            said.append(
                f"More of {names} clearly helps less above the middle of the scale than below it (n {self.n:,})."
            )
        return said

    def named(self, word: str) -> pd.DataFrame:
        """The drivers of a class, the largest effect first."""
        if self.effects.empty:
            return self.effects
        rows = self.effects[self.effects["class_named"] == word]
        size = rows["reward" if word == "excitement" else "penalty"].abs().sort_values(ascending=False, kind="stable")
        return rows.loc[size.index]

    def _bent(self, shape: str) -> pd.DataFrame:
        if self.bends.empty:
            return self.bends
        rows = self.bends[self.bends["shape"] == shape]
        return rows.loc[rows["q_value"].sort_values(kind="stable").index]

    def _told(self, word: str) -> str:
        """A class in one sentence, with the figures of the driver that has the largest effect."""
        rows = self.named(word).to_dict("records")
        others = [spoken(row["label"]) for row in rows[1:]]
        more = f" So {'does' if len(others) == 1 else 'do'} {list_text(others)}." if others else ""
        return f"{self._effect_words(rows[0], word)}.{more}"

    def _effect_words(self, row: dict[Any, Any], word: str) -> str:
        name = {"basic": "punishes more than it rewards", "excitement": "rewards more than it punishes"}.get(
            word, "punishes and rewards"
        )
        low, high = _size(row, "penalty", self.unit), _size(row, "reward", self.unit)
        return (
            f"{row['label']} {name}: a low rating goes with {low} points of {inside_text(self.outcome)}, a high one with {high}, against "
            f"one between them (n {row['n_low']:,} low, {row['n_high']:,} high)"
        )

    # ------------------------------------------------------------------------------------------------------- exhibits

    def effects_shown(self) -> list[Shown]:
        """What goes with a low and with a high answer of each driver: the picture."""
        rows = self._by_size()
        if rows.empty:
            return []
        told = rows["penalty"].notna() & rows["reward"].notna()
        if not told.any():
            return []
        shown = rows[told].assign(unit="", class_words=rows["class_named"].map(_CLASSES)).reset_index(drop=True)
        counts = {word: len(self.named(word)) for word in ("basic", "excitement", "performance")}
        title = f"For none of {len(shown)} drivers is it settled whether it punishes or rewards more."
        for word in reversed(counts):
            if counts[word]:
                title = f"{self._effect_words(self.named(word).to_dict('records')[0], word).split(', against')[0]}."
        note = {
            "Base": f"{self.n:,} respondents who answered every driver; beside a name its low and high ratings",
            "Class": f"Named where at least 80% of {self.n_draws:,} resamples of {self.resampled} agree; punishes more: clear of chance "
            "and at least twice the reward",
            "Read": "Intervals stand in the table below. Association, not effect",
        }
        if hidden := int((~told).sum()):
            drivers = "driver" if hidden == 1 else "drivers"
            note["Not shown"] = f"{hidden} {drivers} with fewer than {self.min_base} low, middle or high ratings"
        wrong = [
            f"{row['wrong_way']} of {spoken(row['label'])}" for row in shown.to_dict("records") if row["wrong_way"]
        ]
        if wrong:
            note["Wrong way"] = f"{capital_text(list_text(wrong))} clearly go with an outcome that is opposite"
        if self.ends_only:
            note["Low and high"] = f"Only the worst and the best answer for {list_text(map(spoken, self.ends_only))}"
        words = {
            "name": "penalty_reward",
            "title": title,
            "subtitle": f"Points of {inside_text(self.outcome)} that go with a low and with a high rating, against a rating between "
            "them, the other drivers held fixed",
            "alt": f"Two values a driver, {inside_text(self.outcome)} with a low and with a high rating: "
            + "; ".join(_pair(row, self.unit) for row in shown.to_dict("records"))
            + ".",
            "note": note,
        }
        return [(words, shown)]

    def effects_table(self) -> list[Shown]:
        """The same with intervals, tests and the probability of the class."""
        rows = self._by_size()
        if rows.empty:
            return []
        low = int((rows["penalty_q"] < 1 - self.conf_level).sum())
        high = int((rows["reward_q"] < 1 - self.conf_level).sum())
        table = rows.assign(
            class_words=[_class_words(row) for row in rows.to_dict("records")], unit=self.unit,
            ratings=[f"up to {row['low_to']:g}, from {row['high_from']:g}" for row in rows.to_dict("records")],
        )  # fmt: skip
        words = {
            "name": "penalty_reward_tests",
            "title": f"Clear of chance is the penalty of {low} and the reward of {high} of {len(rows)} drivers.",
            "subtitle": f"Points of {inside_text(self.outcome)}, {100 * self.conf_level:g}% interval, and the class with the share "
            "of resamples that agree",
            "note": {
                "Base": f"{self.n:,} of {self.n_asked:,} respondents who answered every driver",
                "Test": f"{self.n_effects} effects, Benjamini–Hochberg",
                "Not shown": f"What rests on fewer than {self.min_base} low, middle or high ratings",
            },
            "folded": True,
        }
        return [(words, table)]

    def bends_shown(self) -> list[Shown]:
        """What goes with the lower and with the upper half of each scale."""
        if self.bends.empty:
            return []
        rows = self.bends.sort_values("q_value", kind="stable", ignore_index=True)
        clear = [row for shape in ("diminishing", "rising") for row in self._bent(shape).to_dict("records")]
        title = f"None of {len(rows)} drivers clearly helps less, or more, further up its scale."
        if clear:
            top = min(clear, key=lambda row: row["q_value"])
            title = (
                f"From the worst rating of {spoken(top['label'])} to the middle {inside_text(self.outcome)} rises by "
                f"{estimate_text(top['gain_low'], self.unit)}, from there to the best by {estimate_text(top['gain_high'], self.unit)}."
            )
        words = {
            "name": "bends",
            "title": title,
            "subtitle": f"Points of {inside_text(self.outcome)} over the lower and over the upper half of the scale, and the first less "
            f"the second; {100 * self.conf_level:g}% interval",
            "note": {
                "Base": f"{self.n:,} respondents who answered every driver",
                "Test": f"{self.n_bends} drivers, Benjamini–Hochberg",
                "Read": "An outcome that ends at its best answer bends by itself: a hint where more stops to help, no proof",
            },
            "folded": True,
        }
        return [(words, rows.assign(shape_words=rows["shape"].map(_SHAPES), unit=self.unit))]

    def findings(self) -> list[dict[str, Any]]:
        """One for each driver that clearly punishes or rewards more: whether to mend what is low, or to raise what is good."""
        kinds = (("basic", "penalty", True), ("excitement", "reward", False))
        return [
            {
                "name": f"shape_{row['driver']}",
                "result": {
                    "estimate": row[part], "std_error": row[f"{part}_error"], "conf_low": row[f"{part}_low"],
                    "conf_high": row[f"{part}_high"], "conf_level": self.conf_level, "n": row["n"],
                    "headline": f"{self._effect_words(row, word)}.",
                },
                "level": "all",
                "target": row["touchpoint"],
                "owner": row["owner"],
                "unit": "",
                "definition": f"{part} of {row['label']} against ratings in the middle",
                "comparable": "independent",
                "label": f"{_CLASSES[word]}: {row['label']}",
                "attention": do,
            }
            for word, part, do in kinds
            for row in self.named(word).to_dict("records")
        ]  # fmt: skip

    def _by_size(self) -> pd.DataFrame:
        """Named classes first, then by the distance between a low and a high rating; what is not told last."""
        if self.effects.empty:
            return self.effects
        order = {"basic": 0, "excitement": 1, "performance": 2}
        key = self.effects["class_named"].map(order).fillna(3)
        far = (self.effects["reward"] - self.effects["penalty"]).fillna(-np.inf)
        return self.effects.assign(_key=key, _far=-far).sort_values(["_key", "_far"], kind="stable", ignore_index=True).drop(
            columns=["_key", "_far"]
        )  # fmt: skip


def shape_of(
    asked: DriverAnswers, *, n_boot: int = 300, conf_level: float = 0.95, min_base: int = 30, random_state: int = 0
) -> Shape:
    """Penalties, rewards and bends of the drivers. What the study lacks is left out with its reason; nothing is raised for it."""
    reasons: list[str] = []
    effects, bends, ends_only = pd.DataFrame(), pd.DataFrame(), []
    told: dict[str, Any] = {
        "scales": asked.scales, "weights_col": asked.weights_col, "cluster_col": asked.cluster_col, "conf_level": conf_level,
    }  # fmt: skip
    n_draws = n_effects = n_bends = 0
    n_boot = n_boot if len(asked.whole) <= _LARGE else min(n_boot, 100)
    try:
        _check_enough(asked, min_base)
        cuts = _cuts(asked)
        ends_only = [asked.label(name) for name in cuts]
        found = penalty_reward(
            asked.rows, asked.outcome, asked.drivers, cuts=cuts, n_boot=n_boot, random_state=random_state, **told
        )
        bent = diminishing_returns(asked.rows, asked.outcome, asked.drivers, **told)
        n_draws, n_bends = found.n_draws, int(bent["q_value"].notna().sum())
        n_effects = int(found.table[["penalty_q", "reward_q"]].notna().to_numpy().sum())
        effects, bends = (
            _without_small(_labelled(asked, found.table), min_base),
            _bends(_labelled(asked, bent), min_base),
        )
    except NotApplicableError as error:
        reasons.append(f"Penalty and reward are not told: {error}.")
    return Shape(
        effects=effects, bends=bends, ends_only=ends_only, reasons=reasons, outcome=asked.label(asked.outcome),
        unit=_unit(*asked.outcome_scale), n=len(asked.whole),
        n_asked=len(asked.rows), n_draws=n_draws, n_effects=n_effects, n_bends=n_bends,
        resampled=resampled_units(asked),
        conf_level=conf_level, min_base=min_base,
    )  # fmt: skip


def _check_enough(asked: DriverAnswers, min_base: int) -> None:
    least = max(min_base, 10 * len(asked.drivers))
    if len(asked.whole) < least:
        raise NotApplicableError(f"needs {least} respondents who answered every driver, and {len(asked.whole)} did")


def _cuts(asked: DriverAnswers) -> dict[str, tuple[float, float]]:
    """The ends of the scale for drivers that nobody rated between low and high."""
    cuts = {}
    for name, (worst, best) in asked.scales.items():
        given = asked.whole[name]
        low = given < (worst + best) / 2
        high = (best_answers(given, worst, best) == 1) & (given > (worst + best) / 2)
        if not (low | high).all():
            continue
        if not given.between(worst, best, inclusive="neither").any():
            raise NotApplicableError(f"nobody rated {spoken(asked.label(name))} between its worst and its best answer")
        cuts[name] = (worst, best)
    return cuts


def _labelled(asked: DriverAnswers, table: pd.DataFrame) -> pd.DataFrame:
    about: dict[str, dict[str, Any]] = {"label": asked.labels, "touchpoint": asked.touchpoint_of, "owner": asked.owners}
    return table.assign(
        **{
            column: pd.Series([known[name] for name in table["driver"]], index=table.index, dtype=object)
            for column, known in about.items()
        }
    )


def _without_small(table: pd.DataFrame, min_base: int) -> pd.DataFrame:
    """Without penalties, rewards and classes that rest on fewer than `min_base` ratings."""
    made = table.copy()
    small = {end: np.minimum(made[f"n_{end}"], made["n_middle"]) < min_base for end in ("low", "high")}
    for word, end in (("penalty", "low"), ("reward", "high")):
        columns = [word, f"{word}_error", f"{word}_low", f"{word}_high", f"{word}_q"]
        made[columns] = made[columns].mask(small[end])
    either = small["low"] | small["high"]
    made["class_named"] = made["class_named"].mask(either, "")
    made["class"] = made["class"].mask(either, "")
    chances = ["class_probability", *(f"p_{word}" for word in CLASSES)]
    made[chances] = made[chances].mask(either)
    made["reason"] = made["reason"].mask(either, f"n<{min_base}")
    return made


def _bends(table: pd.DataFrame, min_base: int) -> pd.DataFrame:
    small = np.minimum(table["n_low"], table["n_high"]) < min_base
    ends = ("", "_error", "_low", "_high")
    figures = [f"{word}{end}" for word in ("gain_low", "gain_high", "difference") for end in ends]
    figures += ["p_value", "q_value"]
    made = table.copy()
    made[figures] = made[figures].mask(small)
    made["shape"] = made["shape"].mask(small, "")
    made["reason"] = made["reason"].mask(small, f"n<{min_base}")
    return made


def _unit(low: float, high: float) -> str:
    """The unit of differences of the outcome; none for an outcome of 0 and 1, whose differences need two decimals."""
    return f"{low:g} to {high:g}" if high - low > 1 else ""


def _size(row: dict[Any, Any], word: str, unit: str) -> str:
    """
    >>> _size({"penalty": -0.9, "penalty_low": -1.4, "penalty_high": -0.3}, "penalty", "0 to 10")
    '−0.9 (−1.4 to −0.3)'
    """
    return difference_text(row[word], unit, row[f"{word}_low"], row[f"{word}_high"])


def _pair(row: dict[Any, Any], unit: str) -> str:
    low, high = estimate_text(row["penalty"], unit), estimate_text(row["reward"], unit)
    return f"{row['label']} {low} and {high}, {inside_text(row['class_words'])}"


def _class_words(row: dict[Any, Any]) -> str:
    """A class with the share of resamples that agree; of a class that is not settled, the likeliest.

    >>> _class_words({"class_named": "not settled", "class": "basic", "class_probability": 0.59})
    'Not settled; likeliest: punishes more, 59%'
    """
    named = _CLASSES[row["class_named"]]
    if row["class_named"] == NOT_SETTLED and row["class"] != "none":
        return f"{named}; likeliest: {inside_text(_CLASSES[row['class']])}, {row['class_probability']:.0%}"
    return f"{named}, {row['class_probability']:.0%}" if row["class_named"] in CLASSES else named
