"""Closing the loop: what was decided, whether it worked, and what still waits for a decision.

`action_effect` compares units that got an action with units that did not, after it and given what they were before (analysis
of covariance). Before and after alone would credit the action with the market, and picking the worst lets chance look like
success. `action_board` puts decided actions, their effects and the findings without an action together, at three levels:
account, segment, all customers. Lists of persons are not part of it; they are made by `call_list` and stay restricted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from cxlab.inference.intervals import critical_value
from cxlab.problems import Problem, StudyError
from cxlab.wording import describe, duration_text, list_text

Shown = tuple[dict[str, Any], pd.DataFrame]
ACTIONS, UNITS = "actions.csv", "action_units.csv"
NEEDED = ("action", "level", "owner", "due", "metric", "expected_effect")
LEVELS = ("account", "segment", "all")
STATUSES = ("open", "doing", "done", "dropped")
_REGRESSION = 0.25  # standard deviations that the treated lay lower before, from which on a warning is due
_LEAST_UNITS = 10
EFFECTS = [
    "action_id", "label", "metric", "estimate", "std_error", "conf_low", "conf_high", "conf_level", "p_value", "n",
    "n_treated", "expected", "claimed", "warning", "unit", "reason", "reading",
]  # fmt: skip


@dataclass(frozen=True)
class ActionEffect:
    """What an action did. `claimed` only with units to compare with and an interval off 0; `warning` says why not, or what
    to mistrust."""

    estimate: float
    std_error: float
    conf_low: float
    conf_high: float
    conf_level: float
    p_value: float
    n: int
    n_treated: int
    claimed: bool
    warning: str

    def to_frame(self) -> pd.DataFrame:
        return pd.DataFrame([vars(self)])


def action_table(actions: pd.DataFrame, *, where: str = "actions") -> pd.DataFrame:
    """The actions, checked: one row an action, with action_id, level, target, owner, due, metric, expected_effect, status.

    Raises `StudyError` with every row that lacks something, has a level or status that is none, or a level other than
    `all` without a target.
    """
    problems = [
        Problem(where, f"has no column `{column}`", f"columns needed: {', '.join(NEEDED)}")
        for column in NEEDED
        if column not in actions
    ]
    if problems:
        raise StudyError(problems)
    table = actions.copy()
    for column in ("action_id", "target", "finding", "status", "started"):
        if column not in table:
            table[column] = ""
    table = table.fillna("").astype(str).apply(lambda column: column.str.strip())
    table["status"] = table["status"].replace("", "open")
    empty_id = table["action_id"] == ""
    table.loc[empty_id, "action_id"] = [f"row {number + 2}" for number in np.flatnonzero(empty_id)]
    for number, row in enumerate(table.to_dict("records"), 2):
        at = f"{where}, line {number}"
        problems += [Problem(at, f"`{column}` is empty", "fill it in") for column in NEEDED if not row[column]]
        if row["level"] not in LEVELS:
            problems.append(Problem(at, f"level `{row['level']}`", f"write {', '.join(LEVELS)}"))
        elif row["level"] != "all" and not row["target"]:
            problems.append(Problem(at, "`target` is empty", "name the segment or the accounts"))
        if row["status"] not in STATUSES:
            problems.append(Problem(at, f"status `{row['status']}`", f"write {', '.join(STATUSES)}"))
        if pd.isna(pd.to_datetime(row["due"], errors="coerce")):
            problems.append(Problem(at, f"due `{row['due']}` is no date", "write 2026-12-31"))
        if row["started"] and pd.isna(pd.to_datetime(row["started"], errors="coerce")):
            problems.append(Problem(at, f"started `{row['started']}` is no date", "write 2026-12-31"))
        if pd.isna(pd.to_numeric(row["expected_effect"], errors="coerce")):
            problems.append(Problem(at, f"expected_effect `{row['expected_effect']}` is no number", "write 0.2"))
    if problems:
        raise StudyError(problems)
    return table


def action_effect(
    frame: pd.DataFrame,
    *,
    unit_col: str = "account_id",
    period_col: str = "period",
    score_col: str = "score",
    treated_col: str = "treated",
    before: str,
    after: str,
    conf_level: float = 0.95,
) -> ActionEffect:
    """The effect of an action on a score: after = c + τ·treated + β·before over units, with HC3 errors; estimate = τ.

    `frame`: one row an answer or a unit and period. Only units with both periods count. Without at least ten units on each
    side the estimate is NaN and the warning names what lacks.
    """
    means = frame.groupby([unit_col, period_col])[score_col].mean().unstack(period_col)
    treated = frame.groupby(unit_col)[treated_col].max().dropna().astype(bool)
    nothing: dict[str, Any] = dict.fromkeys(("estimate", "std_error", "conf_low", "conf_high", "p_value"), math.nan)
    for period in (before, after):
        if period not in means:
            return ActionEffect(**nothing, conf_level=conf_level, n=0, n_treated=0, claimed=False,
                                warning=f"there are no answers of {period}")  # fmt: skip
    both = means[[before, after]].dropna()
    both = both[both.index.isin(treated.index)]
    given = treated.reindex(both.index).fillna(False).to_numpy(dtype=bool)
    n, n_treated = len(both), int(given.sum())
    if n_treated < _LEAST_UNITS or n - n_treated < _LEAST_UNITS:
        lacking = (
            "control: too few units without the action"
            if n_treated >= _LEAST_UNITS
            else "too few units with the action"
        )
        return ActionEffect(**nothing, conf_level=conf_level, n=n, n_treated=n_treated, claimed=False, warning=lacking)
    import statsmodels.api as sm

    was, now = both[before].to_numpy(), both[after].to_numpy()
    design = np.column_stack([np.ones(n), given.astype(float), was])
    fitted = sm.OLS(now, design).fit(cov_type="HC3")
    estimate, error, p_value = (
        float(fitted.params[1]),
        float(fitted.bse[1]),
        float(2 * stats.t.sf(abs(fitted.params[1] / fitted.bse[1]), n - 3)),
    )
    half = critical_value(conf_level, n - 3) * error
    low, high = estimate - half, estimate + half
    spread = float(was.std(ddof=1))
    lower = float(was[~given].mean() - was[given].mean())
    noise = spread * math.sqrt(1 / n_treated + 1 / (n - n_treated))
    picked = spread > 0 and lower > _REGRESSION * spread and lower > 2 * noise
    warning = "regression to the mean: they were low when they were picked" if picked else ""
    return ActionEffect(estimate, error, low, high, conf_level, p_value, n, n_treated, low > 0 or high < 0, warning)


@dataclass(frozen=True)
class ActionBoard:
    """`actions` has one row a decided action, `effects` one row an action whose units are known, `waiting` one row a finding
    that asks for an action and has none. `calls` counts customers to call; their list is restricted."""

    actions: pd.DataFrame
    effects: pd.DataFrame
    waiting: pd.DataFrame
    calls: int
    calls_due: str
    today: pd.Timestamp
    conf_level: float

    @property
    def overdue(self) -> pd.DataFrame:
        due = (
            pd.to_datetime(self.actions["due"], format="mixed")
            if len(self.actions)
            else pd.Series(dtype="datetime64[ns]")
        )
        late = (due < self.today.tz_localize(None).normalize()) & self.actions["status"].isin(["open", "doing"])
        return self.actions[late]

    def headline(self) -> str:
        if len(self.waiting):
            top = self.waiting.to_dict("records")[0]
            n = len(self.waiting)
            asks = "One finding asks" if n == 1 else f"{_COUNTS.get(n, n)} findings ask"
            return f"{asks} for an action that nobody has taken, first: {_clause(top['said'])}"
        return "Every finding that asks for an action has one."

    def sentences(self) -> list[str]:
        said = []
        for row in self.effects.to_dict("records"):
            if row["claimed"]:
                verb = "worked" if row["estimate"] > 0 else "did harm"
                said.append(
                    f"“{row['label']}” {verb}: {_signed(row['estimate'])} ({_signed(row['conf_low'])} to "
                    f"{_signed(row['conf_high'])}) against those without it, {row['n_treated']:,} of {row['n']:,} units."
                )
            elif np.isfinite(row["estimate"]):
                why = f"; mind {row['warning']}" if row["warning"] else ""
                said.append(
                    f"“{row['label']}” shows no clear effect: {_signed(row['estimate'])} ({_signed(row['conf_low'])} to "
                    f"{_signed(row['conf_high'])}){why}."
                )
            else:
                said.append(f"“{row['label']}” cannot be judged yet: {row['warning']}.")
        if len(self.overdue):
            said.append(f"{len(self.overdue)} of {len(self.actions)} actions are overdue.")
        if self.calls:
            within = f" within {duration_text(self.calls_due)}" if self.calls_due else ""
            wait = "customer waits" if self.calls == 1 else "customers wait"
            said.append(f"{self.calls:,} {wait} for a call{within}; their list is restricted.")
        return said

    def base_sentence(self) -> str:
        actions, waiting = len(self.actions), len(self.waiting)
        return (
            f"{actions} decided action{'' if actions == 1 else 's'}, {waiting} finding{'' if waiting == 1 else 's'} without one, "
            f"{self.calls:,} customer{'' if self.calls == 1 else 's'} to call."
        )

    def board_shown(self) -> Iterator[Shown]:
        """Decided actions by level."""
        if len(self.actions):
            order = self.actions["level"].map(
                {level: place for place, level in enumerate(("all", "segment", "account"))}
            )
            rows = self.actions.loc[order.sort_values(kind="stable").index].reset_index(drop=True)
            counts = self.actions["status"].value_counts()
            title = (
                f"{len(rows)} actions are decided: " + list_text(f"{n} {status}" for status, n in counts.items()) + "."
            )
            rows = rows.assign(target=rows["target"].replace("", "all customers"))
            yield {"title": title, "subtitle": "What was decided, for whom, by whom and until when"}, rows

    def effects_shown(self) -> Iterator[Shown]:
        known = self.effects[self.effects["estimate"].notna()] if len(self.effects) else self.effects
        if len(known):
            claimed = int(known["claimed"].sum())
            yield {
                "name": "effects",
                "title": f"{claimed} of {len(known)} actions that can be judged {'shows' if claimed == 1 else 'show'} an effect.",
                "subtitle": "Score after the action against units without it, given what both were before; "
                f"{100 * self.conf_level:g}% interval",
                "alt": describe("Dot plot of the effect of each action", known, label_col="label",
                                unit=str(known["unit"].iloc[0]), difference=True),
                "note": {
                    "Method": "Analysis of covariance over units, HC3 errors; nothing unmeasured is accounted for",
                    "Base": list_text(
                        f"{row['label']} {row['n_treated']:,} of {row['n']:,} units" for row in known.to_dict("records")
                    ),
                    "Mind": list_text(dict.fromkeys(warning for warning in known["warning"] if warning)) or "No warning",
                },
            }, known.reset_index(drop=True)  # fmt: skip

    def waiting_shown(self) -> Iterator[Shown]:
        """The findings without an action, level by level."""
        for level, words in (("all", "for all customers"), ("segment", "for segments"), ("account", "for accounts")):
            rows = self.waiting[self.waiting["level"] == level].reset_index(drop=True)
            if len(rows):
                owned = int((rows["owner"] != "no owner").sum())
                yield {
                    "name": f"waiting_{level}",
                    "title": f"{len(rows)} findings {words} wait for an action; {owned} of them have an owner.",
                    "subtitle": "What was found, by which notebook, and who owns it",
                    "note": {"Way out": "Write the action into decisions/actions.csv and name the finding"},
                }, rows  # fmt: skip

    def findings(self) -> list[dict[str, Any]]:
        return [
            {
                "name": f"action_{row['action_id']}",
                "result": {**row, "headline": f"“{row['label']}”: " + _effect_words(row)},
                "level": "account",
                "target": row["label"],
                "unit": "scale points",
                "better": "higher",
                "definition": f"effect on {row['metric']} against units without the action",
                "comparable": "cumulative",
                "label": f"Effect of {row['label']}",
            }
            for row in self.effects.to_dict("records")
        ]


_COUNTS = {
    2: "Two",
    3: "Three",
    4: "Four",
    5: "Five",
    6: "Six",
    7: "Seven",
    8: "Eight",
    9: "Nine",
    10: "Ten",
    11: "Eleven",
}


def _clause(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


def _effect_words(row: Mapping[Any, Any]) -> str:
    if not np.isfinite(row["estimate"]):
        return f"cannot be judged yet ({row['warning']})."
    ends = f"({_signed(row['conf_low'])} to {_signed(row['conf_high'])})"
    return f"{'an effect of' if row['claimed'] else 'no clear effect,'} {_signed(row['estimate'])} {ends}."


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def action_board(
    decisions: Path,
    found: pd.DataFrame,
    responses: pd.DataFrame | None,
    items: pd.DataFrame,
    *,
    today: pd.Timestamp,
    calls: pd.DataFrame | None = None,
    call_back_within: str = "",
    conf_level: float = 0.95,
) -> ActionBoard:
    """Actions of decisions/actions.csv (and the units of action_units.csv) against the findings of the other notebooks.

    A file that is not there is no action. An action is judged by the newest wave before its start and the newest after it, of
    the survey that both waves are of, over accounts.
    """
    actions = pd.DataFrame(columns=["action_id", *NEEDED, "target", "finding", "status", "started"])
    if (decisions / ACTIONS).is_file():
        actions = action_table(pd.read_csv(decisions / ACTIONS, dtype=str), where=f"decisions/{ACTIONS}")
    started = pd.to_datetime(actions["started"], errors="coerce") if len(actions) else pd.Series(dtype="datetime64[ns]")
    begun = (
        actions[(started <= today.tz_localize(None)) | (actions["status"] != "done") | started.isna()]
        if len(actions)
        else actions
    )
    effects = _effects(decisions, begun, responses, items, today, conf_level)
    taken = set(actions["finding"]) if len(actions) else set()
    waiting = found[found["attention"].fillna(False).astype(bool) & ~found["name"].isin(taken)] if len(found) else found
    waiting = waiting.assign(
        owner=waiting["owner"].fillna("no owner"),
        said=waiting["headline"].where(waiting["headline"] != "", waiting["label"]),
    )
    order = waiting["notebook"].map(lambda name: _ORDER.get(str(name)[:2], 9)) if len(waiting) else pd.Series(dtype=int)
    waiting = waiting.loc[order.sort_values(kind="stable").index].reset_index(drop=True) if len(waiting) else waiting
    n_calls = 0 if calls is None else len(calls)
    return ActionBoard(begun, effects, waiting, n_calls, call_back_within, today, conf_level)


_ORDER = {"08": 0, "04": 1, "02": 2, "05": 3, "07": 4, "06": 5, "03": 6, "09": 7, "01": 8}


def _effects(
    decisions: Path,
    actions: pd.DataFrame,
    responses: pd.DataFrame | None,
    items: pd.DataFrame,
    today: pd.Timestamp,
    conf_level: float,
) -> pd.DataFrame:
    empty = pd.DataFrame(columns=EFFECTS)
    path = decisions / UNITS
    if not path.is_file() or responses is None or "account_id" not in responses or actions.empty:
        return empty
    units = pd.read_csv(path, dtype=str)
    for column in ("action_id", "account_id"):
        if column not in units:
            raise StudyError(Problem(f"decisions/{UNITS}", f"has no column `{column}`", "write action_id,account_id"))
    rows = []
    for action in actions.to_dict("records"):
        mine = units.loc[units["action_id"] == action["action_id"], "account_id"]
        start = pd.to_datetime(action["started"], errors="coerce")
        if mine.empty or pd.isna(start):
            continue
        others = set(units.loc[units["action_id"] != action["action_id"], "account_id"])
        effect, waves = _judge(responses, str(action["metric"]), set(mine), others - set(mine), start, conf_level)
        about = {"action_id": action["action_id"], "label": action["action"], "metric": action["metric"]}
        reading = "not tested"
        if np.isfinite(effect.estimate):
            reading = ("better" if effect.estimate > 0 else "worse") if effect.claimed else "no clear change"
        rows.append(
            about | {"expected": float(action["expected_effect"]), "unit": _unit(items, str(action["metric"])),
                     "reason": effect.warning if not np.isfinite(effect.estimate) else "", "reading": reading, "waves": waves}
            | vars(effect)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=[*EFFECTS, "waves"]) if rows else empty


def _unit(items: pd.DataFrame, metric: str) -> str:
    known = items[items["item"] == metric]
    return f"{known['low'].iloc[0]:g} to {known['high'].iloc[0]:g}" if len(known) and known["low"].notna().all() else ""


def _judge(
    responses: pd.DataFrame, metric: str, treated: set[str], others: set[str], start: pd.Timestamp, conf_level: float
) -> tuple[ActionEffect, str]:
    """The newest wave before the start against the newest after it, of one survey; accounts with other actions are left out."""
    nan, why = math.nan, f"no wave asked `{metric}` before and after it"
    lacking = ActionEffect(nan, nan, nan, nan, conf_level, nan, 0, 0, False, why)
    if metric not in responses:
        return lacking, ""
    rows = responses[
        (responses["perspective"] == "customer") & responses[metric].notna() & responses["account_id"].notna()
    ]
    rows = rows[~rows["account_id"].isin(others)]
    best: tuple[int, str, str, str] | None = None
    for survey, part in rows.groupby("survey"):
        ends = part.groupby("wave")["counted_at"].agg(["min", "max"])
        first = start.tz_localize("UTC")
        was, now = ends[ends["max"] < first], ends[ends["min"] >= first]
        if len(was) and len(now):
            names = str(was["max"].idxmax()), str(now["max"].idxmax())
            accounts = [set(part.loc[part["wave"] == wave, "account_id"]) for wave in names]
            both = len(accounts[0] & accounts[1])
            if best is None or both > best[0]:
                best = (both, str(survey), *names)
    if best is None:
        return lacking, ""
    _, survey, before, after = best
    mine = rows[(rows["survey"] == survey) & rows["wave"].isin([before, after])]
    frame = pd.DataFrame(
        {
            "account_id": mine["account_id"],
            "period": mine["wave"],
            "score": mine[metric],
            "treated": mine["account_id"].isin(treated),
        }
    )
    return action_effect(frame, before=before, after=after, conf_level=conf_level), f"{survey}: {before} to {after}"


def call_list(
    responses: pd.DataFrame,
    items: pd.DataFrame,
    customers: pd.DataFrame | None,
    value: pd.DataFrame | None = None,
    *,
    within: str = "2d",
) -> pd.DataFrame:
    """Customers to call: those whose newest answer of the period is a detractor's or among the two worst, and who are there.

    One row a customer: customer_id, account_id, answered, survey, touchpoint, score, item, value (invoiced in the last
    quarter, where known), call_by. The most valuable first. It names persons: keep it with `products.restrict`.
    """
    columns = ["customer_id", "account_id", "answered", "survey", "touchpoint", "item", "score", "value", "call_by"]
    rows = responses[(responses["perspective"] == "customer") & responses["in_period"]] if len(responses) else responses
    if rows.empty or "customer_id" not in rows:
        return pd.DataFrame(columns=columns)
    parts = []
    for item in items.to_dict("records"):
        if (
            item["role"] not in ("loyalty", "satisfaction")
            or isinstance(item["touchpoint"], str)
            or item["item"] not in rows
        ):
            continue
        worst = 6 if item["role"] == "loyalty" and item["high"] == 10 else item["low"] + 1
        newest = rows.dropna(subset=["customer_id", item["item"]]).sort_values("counted_at", kind="stable")
        newest = newest.drop_duplicates("customer_id", keep="last")
        bad = newest[newest[item["item"]] <= worst].dropna(subset=["customer_id"])
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": bad["customer_id"], "account_id": bad.get("account_id"), "answered": bad["counted_at"],
                    "survey": bad["survey"], "touchpoint": bad.get("touchpoint"), "item": item["item"], "score": bad[item["item"]],
                }
            )
        )  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=columns)
    found = pd.concat(parts).sort_values("answered", kind="stable").drop_duplicates("customer_id", keep="last")
    if customers is not None and "end_date" in customers:
        there = customers.loc[customers["end_date"].isna(), "customer_id"]
        found = found[found["customer_id"].isin(there)]
    found["call_by"] = found["answered"] + pd.Timedelta(within.replace("d", "D"))
    if value is not None and len(value) and "customer_id" in value:
        recent = value[value["timestamp"] > value["timestamp"].max() - pd.Timedelta(days=93)]
        found["value"] = found["customer_id"].map(recent.groupby("customer_id")["amount"].sum())
    else:
        found["value"] = np.nan
    return found.sort_values(["value", "customer_id"], ascending=[False, True], ignore_index=True)[columns]
