"""How to recognise a customer's segment: by six questions, or by what the company knows, and did customers change segments?

`recognition` takes the groups of `needs_segments` and returns what a page shows: the typing tool with its nested accuracy, a segment
for every customer of the CRM with its probability, and the movement between the two newest waves with the part that is error of
placement. The tool is made from the newest wave; a frozen one (`TypingTool.load`) can be passed instead, so that segments stay what
they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from cxlab.data.answers import grouping_columns
from cxlab.segments.bases import behaviour
from cxlab.segments.kmeans import Style, styled
from cxlab.segments.migration import LEAST_CUSTOMERS, Migration, migration
from cxlab.segments.needs import NeedsSegments, Shown, needs_answers
from cxlab.segments.typing_tool import CustomerTyping, TypingTool, score_customers
from cxlab.wording import describe, list_text, number_text

FROZEN = "typing_model.json"
"""The file in a study's decisions that freezes the typing tool."""
SCORES = ["customer_id", "segment_id", "segment", "probability", "how"]


@dataclass(frozen=True)
class Recognition:
    """`tool` is the typing tool (None where there are no groups), `record` what the CRM gives, `moved` the movement between waves;
    None where the study has no customers, or too few of them answered twice (`why_not_moved`)."""

    tool: TypingTool | None
    record: CustomerTyping | None
    moved: Migration | None
    why_not_moved: str
    questions: dict[str, str]
    frozen: bool
    conf_level: float

    def sentences(self) -> list[str]:
        """What the page says up front."""
        if self.tool is None:
            return []
        said = [self.tool.quality_.headline()]
        if self.record is not None:
            said.append(self.record.headline())
        if self.moved is not None:
            said.append(self.moved.headline())
        return said

    def steps_shown(self) -> Iterator[Shown]:
        """Accuracy by number of questions."""
        if self.tool is None:
            return
        quality = self.tool.quality_
        rows = quality.steps.assign(
            label=[f"{number}. {self.questions.get(str(name), str(name))}" for number, name in
                   zip(quality.steps["n_questions"], quality.steps["question"], strict=True)],
        )  # fmt: skip
        yield {
            "name": "typing_steps",
            "title": quality.headline(),
            "subtitle": f"Respondents placed rightly, percent, by number of questions; {100 * self.conf_level:g}% interval",
            "alt": describe("Dot plot of accuracy by number of questions", rows, label_col="label", unit="%"),
            "note": {
                "Method": "Linear discriminant analysis; questions are chosen anew inside every fold (nested cross-validation)",
                "Read": "Each row has its question and those above it",
                "Tool": "Frozen in decisions/" + FROZEN if self.frozen else "Made from this wave; a copy in decisions/" + FROZEN
                + " freezes it",
            },
        }, rows  # fmt: skip

    def recall_shown(self) -> Iterator[Shown]:
        """How well each segment is recognised."""
        if self.tool is None:
            return
        rows = self.tool.quality_.recall.assign(label=lambda table: table["segment"].astype(str))
        rows = rows.sort_values("estimate", ascending=False, kind="stable", ignore_index=True)
        worst: Any = rows.iloc[-1]
        yield {
            "name": "typing_recall",
            "title": f"Hardest to recognise is “{worst['segment']}”: {worst['estimate']:.0f}% of its members are placed rightly.",
            "subtitle": f"Members of each group whom the questions place there, percent, {100 * self.conf_level:g}% interval",
            "alt": describe("Dot plot of recall by group", rows, label_col="label", unit="%"),
            "note": {"Unsure": self.tool.quality_.sentences()[-2] if len(self.tool.quality_.sentences()) > 1 else ""},
        }, rows  # fmt: skip

    def scoring_shown(self) -> Iterator[Shown]:
        """The scoring table: the segment with the highest sum is the answer."""
        if self.tool is None:
            return
        table = self.tool.to_frame()
        names = [str(name) for name in table.columns if name not in ("segment", "constant")]
        yield {
            "name": "scoring",
            "title": f"{len(names)} questions and a sum place a customer.",
            "subtitle": "Constant plus each answer times its number; the group with the highest sum",
            "note": {
                "Exact": "The CSV gives the same group as cxlab, also in a spreadsheet",
                "Questions": "; ".join(f"{name}: {self.questions.get(name, name)}" for name in names),
            },
        }, table  # fmt: skip

    def record_shown(self) -> Iterator[Shown]:
        """How many customers are placed, how, and how sure."""
        if self.record is None:
            return
        known = self.record
        sizes = known.probabilities.drop(columns="customer_id", errors="ignore").mean().mul(100)
        rows = pd.DataFrame({"segment": sizes.index.astype(str), "estimate": sizes.to_numpy()})
        own = known.customers["how"].eq("answers")
        counts = known.customers.loc[own, "segment"].value_counts(normalize=True).mul(100)
        rows = rows.assign(answered=rows["segment"].map(counts)).sort_values(
            "estimate", ascending=False, ignore_index=True
        )
        placed = list_text(f"{row['n']:,} by {row['how']}" for row in known.counts.to_dict("records") if row["n"])
        yield {
            "name": "record",
            "title": known.headline(),
            "subtitle": "Share of each group, percent: expected among all customers, and among those placed by their answers",
            "note": {
                "Base": f"{number_text(len(known.customers))} customers: {placed}",
                "Known": list_text(str(name).replace("_", " ") for name in known.columns),
                "Read": "Shares are sums of probabilities; a customer's likeliest group is often not the right one",
            },
        }, rows  # fmt: skip

    def moved_shown(self) -> Iterator[Shown]:
        """Movement between the two newest waves, on paper, by error alone, and estimated."""
        if self.moved is None:
            return
        rows = self.moved.summary()
        figures = ["estimate", "std_error", "conf_low", "conf_high"]
        rows = rows.assign(**{name: 100 * rows[name] for name in figures}, unit="%")
        yield {
            "name": "migration",
            "title": self.moved.headline(),
            "subtitle": f"Customers who answered both waves, percent, {100 * self.conf_level:g}% interval",
            "note": {
                "Base": self.moved.base_sentence(),
                "Read": "A person who answers again is placed elsewhere at times; that part is what a mixture of the groups expects, "
                "and is taken out",
            },
        }, rows  # fmt: skip

    def scoring_columns(self) -> dict[str, str]:
        """Columns of the scoring table and their headings."""
        if self.tool is None:
            return {}
        return {
            "segment": "Group",
            "constant": "Constant",
            **{name: self.questions[name] for name in self.tool.questions_},
        }

    def scores(self) -> pd.DataFrame:
        """The product `segment_scores`: one row a customer with the likeliest segment, its probability, and how it is known."""
        return pd.DataFrame(columns=SCORES) if self.record is None else self.record.customers[SCORES]


def recognition(
    groups: NeedsSegments,
    responses: pd.DataFrame,
    items: pd.DataFrame,
    customers: pd.DataFrame | None = None,
    *,
    done: pd.DataFrame | None = None,
    decisions: Path | None = None,
    max_questions: int = 6,
    conf_level: float = 0.95,
    random_state: int = 0,
) -> Recognition:
    """The typing tool for the groups, a segment for every customer, and movement between waves; nothing where no groups were made.

    `responses` and `items` are those that `groups` came from, `customers` the CRM, `done` what they did (`what_they_did`). A
    tool that was saved as `typing_model.json` in the folder `decisions` is the one that movement is judged by.
    """
    nothing = Recognition(None, None, None, "", {}, False, conf_level)
    if not groups.found:
        return nothing
    battery, _, asked, newest, screened = needs_answers(responses, items, role=groups.role)
    careful = newest[screened["keep"].to_numpy()]
    about = items.set_index("item")
    scale = float(about.loc[battery, "low"].min()), float(about.loc[battery, "high"].max())
    tool = TypingTool(min(max_questions, len(battery)), scale=scale, conf_level=conf_level, random_state=random_state)
    tool.fit(careful[battery], groups.labels)
    questions = {name: str(about.loc[name, "label"]) for name in battery}
    record = None
    if customers is not None and len(groups.members):
        columns = grouping_columns(customers)
        known = customers.drop_duplicates("customer_id")
        if done is not None:
            known = known.merge(done, left_on="customer_id", right_index=True, how="left")
            columns += [str(name) for name in done]
        if columns:
            record = score_customers(
                known, groups.members, columns=columns, conf_level=conf_level, random_state=random_state
            )
    frozen = None if decisions is None else decisions / FROZEN
    is_frozen = frozen is not None and frozen.is_file()
    used = TypingTool.load(frozen) if frozen is not None and is_frozen else tool
    moved, why = _moved(used, asked, careful[battery], groups, conf_level, random_state)
    return Recognition(tool, record, moved, why, questions, is_frozen, conf_level)


def what_they_did(
    events: pd.DataFrame | None,
    transactions: pd.DataFrame | None,
    customers: pd.DataFrame | None,
    *,
    until: pd.Timestamp,
) -> pd.DataFrame | None:
    """Recency, frequency and value of every customer (`behaviour`); None without customers, or without anything that they did."""
    paid = transactions if transactions is not None and "customer_id" in transactions else None
    if customers is None or (events is None and paid is None):
        return None
    return behaviour(events, paid, customers=customers["customer_id"].drop_duplicates(), until=until)


def _moved(
    tool: TypingTool,
    asked: pd.DataFrame,
    careful: pd.DataFrame,
    groups: NeedsSegments,
    conf_level: float,
    random_state: int,
) -> tuple[Migration | None, str]:
    """The movement between the two newest waves of those who answered both, placed by one tool; or why there is none."""
    if "customer_id" not in asked:
        return None, "the answers name no customer"
    waves = list(asked.groupby("wave")["counted_at"].max().sort_values().index)
    if len(waves) < 2:
        return None, "there is one wave"
    placed = []
    for wave in waves[-2:]:
        part = asked[(asked["wave"] == wave) & asked["customer_id"].notna()].drop_duplicates("customer_id", keep="last")
        placed.append(tool.place(part).dropna(subset="segment"))
    both = set(placed[0]["customer_id"]) & set(placed[1]["customer_id"])
    if len(both) < LEAST_CUSTOMERS:
        return None, f"{number_text(len(both))} customers answered both waves; {LEAST_CUSTOMERS} are needed"
    error = placement_error(
        careful, groups.labels, tool.predict(careful), style=groups.style, random_state=random_state
    )
    if set(error.columns) != set(error.index):
        return None, "the frozen tool has other segments than those that were found now"
    return migration(*placed, confusion=error, conf_level=conf_level, random_state=random_state), ""


def placement_error(
    answers: pd.DataFrame, labels: pd.Series, placed: pd.Series, *, style: Style = "center", random_state: int = 0
) -> pd.DataFrame:
    """How people of each segment are placed when they answer: one row a segment, one column where they are placed, shares of the row.

    A normal mixture with one covariance, begun at the segments (`labels`), gives each respondent the chance of belonging to each;
    those chances are added up by where `placed` puts them. So the luck of a day's answers counts as error, which cross-validation
    of a tool on the very same answers cannot see. It rests on answers varying about a segment's centre alike in all segments.
    """
    X = styled(answers.to_numpy(dtype=float), style)
    names = sorted(labels.unique())
    place = labels.reindex(answers.index).to_numpy()
    centres = np.array([X[place == name].mean(axis=0) for name in names])
    mixture = GaussianMixture(
        len(names), covariance_type="tied", means_init=centres, reg_covar=1e-2, random_state=random_state
    )
    with threadpool_limits(1):
        chances = mixture.fit(X).predict_proba(X)
    there = placed.to_numpy()
    columns = sorted(set(names) | set(placed.dropna()))
    table = {name: (chances * (there == name)[:, None]).sum(axis=0) / chances.sum(axis=0) for name in columns}
    return pd.DataFrame(table, index=names)
