"""Surveys exported with one row an answer, turned into one row a respondent."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from cxlab.config import Source
from cxlab.problems import Problem, did_you_mean


@dataclass(frozen=True)
class Respondents:
    """A long file turned wide: one row a respondent, at the line of the first answer.

    `lines` has every line of the file that was used → the line of its respondent; `rejects` the answers left out.
    """

    rows: pd.DataFrame
    lines: pd.Series
    rejects: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)


def read_long(rows: pd.DataFrame, options: Source, file: str) -> Respondents:
    """Turn one row an answer into one row a respondent.

    A respondent is an id (and a wave, where the file says it). A second answer to the same item is rejected. What else
    the file says about a respondent is taken from the first row; where rows disagree, a warning names the columns.
    """
    id_column = options.columns.get("response_id", "response_id")
    item_col, score_col = options.item_col, options.score_col
    about = [str(column) for column in rows if column not in (item_col, score_col)]
    if fault := _fault(rows, id_column, options, about, file):
        nobody = rows.iloc[:0][about]
        return Respondents(nobody, pd.Series(dtype="int64"), _rejected(rows, "", "not read"), [fault])
    wave = options.columns.get("wave", "wave")
    who = [id_column] if wave not in about or wave == id_column else [id_column, wave]
    complete = rows[id_column].notna() & rows[item_col].notna()
    answers = rows[complete]
    first = answers.index.to_series().groupby(answers.groupby(who, dropna=False, sort=False).ngroup()).transform("min")
    again = pd.DataFrame({"line": first, "item": answers[item_col]}).duplicated()
    wide = answers[~again].assign(line=first).pivot(index="line", columns=item_col, values=score_col)
    wide = wide.astype(object).where(wide.notna(), None).rename_axis(columns=None)
    rejects = [
        _rejected(rows[~complete], id_column, "no respondent or no item"),
        _rejected(answers[again], item_col, "a second answer to this item"),
    ]
    problems = _disagreeing(answers, first, about, file)
    return Respondents(rows.loc[wide.index, about].join(wide), first[~again], pd.concat(rejects), problems)


def _fault(rows: pd.DataFrame, id_column: str, options: Source, about: list[str], file: str) -> Problem | None:
    """Why a file cannot be read as a long one; None where it can."""
    for column in (id_column, options.item_col, options.score_col):
        if column not in rows:
            what = f"layout long needs the column `{column}`"
            return Problem(
                file, what, f"say columns.response_id, item_col, score_col; {did_you_mean(column, rows.columns)}"
            )
    if clash := sorted(set(rows[options.item_col].dropna()) & set(about)):
        return Problem(file, f"`{clash[0]}` is both a column and an item in `{options.item_col}`", "rename one")
    return None


def _disagreeing(answers: pd.DataFrame, first: pd.Series, about: list[str], file: str) -> list[Problem]:
    """A warning where rows of one respondent say different things about the respondent."""
    names = []
    for column in about:
        of_first = answers[column].reindex(first.to_numpy()).set_axis(answers.index)
        differs = answers[column].ne(of_first) & ~(answers[column].isna() & of_first.isna())
        if differs.any():
            names.append(f"{column} ({first[differs].nunique():,})")
    if not names:
        return []
    what = f"respondents whose rows disagree on {', '.join(names)}; the first row counts"
    return [Problem(file, what, "do response ids repeat from wave to wave? Map `wave`", "warning")]


def _rejected(rows: pd.DataFrame, column: str, reason: str) -> pd.DataFrame:
    values = rows[column].fillna("").tolist() if column else ""
    found = {"line": rows.index, "column": column, "value": values, "reason": reason}
    return pd.DataFrame(found, index=range(len(rows)))
