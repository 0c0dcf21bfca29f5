"""`cxlab init`: a first study.toml drafted from exports.

It reads headers and answers and writes what they look like. A guess is marked `# check`, because only the team knows what
a column means. What it drafts is a beginning that `cxlab check` can speak about, never a silent decision.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cxlab.config import NAME, Source
from cxlab.problems import Problem, StudyError

_ROLES_OF_COLUMNS = {  # canonical column: what such columns are called in exports
    "response_id": r"(respondent|response|resp|record|interview|case)[ _.]?(id|num|no|number)?|\*?respnum|id",
    "customer_id": r"(customer|client|user|subscriber|member)[ _.]?(id|no|num|number|ref)?",
    "account_id": r"(account|company|organi[sz]ation)[ _.]?(id|no|num|number)?",
    "submitted_at": r"(submitted|completed|response|recorded|end|answer)[ _.]?(at|date|time|on)?|date|enddate|recordeddate",
    "timestamp": r"time[ _.]?stamp|event[ _.]?time|occurred[ _.]?at|created[ _.]?at|issued([ _.]?(at|on))?"
    r"|(invoice|order|payment|purchase)[ _.]?date|date[ _.]?time|date",
    "due_at": r"due([ _.]?(at|on|date))?",
    "paid_at": r"paid([ _.]?(at|on|date))?",
    "agent_id": r"(agent|employee|staff)[ _.]?(id|no|num|number)?",
    "touchpoint": r"touch[ _.]?point|event([ _.]?(name|type))?|activity|action|step",
    "invited_at": r"invit(ed|ation)[ _.]?(at|on|date)?|sent[ _.]?(at|on|date)",
    "wave": r"wave|round|quarter|survey[ _.]?wave",
    "weight": r"w(eigh)?t|weighting|weight_?final",
    "text": r"comment|verbatim|feedback|review|text|message|body",
    "amount": r"amount|total|revenue|price|value",
}
_TABLES = (  # the first table whose columns are all there; with them, those of the third entry where they are found
    ("events", "customer_id timestamp touchpoint", "end_timestamp event_id account_id agent_id"),
    ("transactions", "amount timestamp", "customer_id account_id due_at paid_at"),
    ("comments", "text", "customer_id account_id submitted_at touchpoint"),
    ("invitations", "customer_id invited_at", "account_id wave"),
    ("customers", "customer_id", "account_id"),
    ("accounts", "account_id", ""),
    ("agents", "agent_id", ""),
)
_SURVEYS = (("deep_dive", r"deep[ _-]?dive"), ("event", r"event|transactional|touch[ _-]?point"))  # by the file's name
_STAFF = r"staff|employee"
_OF_RESPONSES = "response_id customer_id account_id submitted_at touchpoint wave weight"
_SCALES = ((0, 10), (1, 5), (1, 7), (1, 10))
_LARGEST_CODE = 11  # more distinct whole numbers than this are a quantity, not an answer


@dataclass
class _Drafted:
    """One file: the table it looks like, its columns by canonical name, and the answers in it."""

    file: Path
    table: str
    columns: dict[str, str]
    items: dict[str, tuple[str, tuple[int, int], list[int]]] = field(default_factory=dict)
    questions: dict[str, str] = field(default_factory=dict)  # by column, where the file says them


def draft_study(root: Path, study: str, files: Iterable[Path]) -> Path:
    """Write data/raw/STUDY/study.toml from exports and return its path. An existing one is never overwritten."""
    path = root / "data" / "raw" / study / "study.toml"
    if not NAME.fullmatch(study):
        raise StudyError(Problem("cxlab init", f"`{study}` is no study name", "use letters, digits, _ and -"))
    if path.exists():
        raise StudyError(Problem(f"data/raw/{study}/study.toml", "exists already", "edit it, or choose another name"))
    drafts = [_draft_file(file) for file in files]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_as_toml(study, drafts), "utf-8")
    return path


def _draft_file(file: Path) -> _Drafted:
    from cxlab.data.aliases import event_aliases
    from cxlab.data.sources import read_file

    if not file.is_file():
        raise StudyError(Problem(str(file), "there is no such file", "name the exports to describe"))
    raw = read_file(file, Source(path=file.name), shown=file.name)
    rows = raw.rows
    found: dict[str, str] = {}
    for canonical, pattern in _ROLES_OF_COLUMNS.items():
        named = [c for c in rows.columns if re.fullmatch(pattern, c.strip(), re.I) and c not in found.values()]
        if named:
            found[canonical] = named[0]
    items = {} if "amount" in found else dict(_answers(rows.drop(columns=list(found.values()))))
    is_log = file.name.lower().endswith((".xes", ".xes.gz"))
    if len(items) >= 2 and not is_log:
        return _Drafted(file, "responses", _only(found, _OF_RESPONSES), items, raw.question_text)
    if not {"timestamp", "text"} & set(found) and "submitted_at" in found:  # a lone date, and nothing was written then
        found["timestamp"] = found["submitted_at"]
    log = {name: columns[0] for name, columns in event_aliases(map(str, rows.columns)).items()}
    if {"customer_id", "timestamp", "touchpoint"} <= log.keys():  # `case_id` of another tool's log is a customer
        found |= log
    for table, needed, more in _TABLES:
        if all(column in found for column in needed.split()):
            return _Drafted(file, table, _only(found, f"{needed} {more}"))
    return _Drafted(file, "customers", {})


def _only(found: dict[str, str], names: str) -> dict[str, str]:
    return {name: found[name] for name in dict.fromkeys(names.split()) if name in found}


def _answers(rows: pd.DataFrame) -> Iterable[tuple[str, tuple[str, tuple[int, int], list[int]]]]:
    """Columns that hold answers on a scale: item name → (column, scale, codes outside it that look like no answer)."""
    for column in rows.columns:
        values = pd.to_numeric(rows[column].dropna(), errors="coerce").dropna()
        codes = sorted({int(value) for value in values if float(value).is_integer()})
        if len(values) < 0.5 * rows[column].notna().sum() or not 3 <= len(codes) <= _LARGEST_CODE + 3:
            continue
        counts = values.value_counts()
        for low, high in _SCALES:
            outside = [code for code in codes if not low <= code <= high]
            inside = [code for code in codes if low <= code <= high]
            fits = len(inside) >= 0.6 * (high - low + 1) and max(inside) == high
            if fits and all(code in (0, high + 1, 9, 88, 97, 98, 99, 999, -1, -9, -99) for code in outside):
                if (low, high) == (0, 10) and len(inside) < 9:
                    continue
                name = re.sub(r"\W+", "_", column.strip().lower()).strip("_") or "item"
                name = name if name[0].isalpha() else f"item_{name}"
                if counts.sum():
                    yield name, (column, (low, high), outside)
                break


def _as_toml(study: str, drafts: list[_Drafted]) -> str:
    lines = [
        "# Drafted by cxlab init from headers and answers. Read every line; those marked `check` are guesses.",
        "[study]",
        f'name = "{study}"',
        'timezone = "UTC"  # check: where do your dates and times live?',
        'currency = "EUR"  # check',
        'language = "en"  # check',
        "",
    ]
    used: set[str] = set()
    for draft in drafts:
        name = draft.table if draft.table not in used else f"{draft.table}_{len(used)}"
        used.add(name)
        lines += _source_lines(name, draft)
    lines += ["[run]", 'every = "quarter"  # check', "", "[report]", "conf_level = 0.95", "min_base = 30", ""]
    return "\n".join(lines + _item_lines(drafts))


def _source_lines(name: str, draft: _Drafted) -> list[str]:
    lines = [f"[sources.{name}]", f"path = {_quoted(draft.file.name)}"]
    if name != draft.table:
        lines.append(f'table = "{draft.table}"')
    if draft.table == "responses":
        survey = next((s for s, words in _SURVEYS if re.search(words, draft.file.stem, re.I)), "tracking")
        perspective = "staff" if re.search(_STAFF, draft.file.stem, re.I) else "customer"
        lines += [
            f'survey = "{survey}"  # check: deep_dive, event or tracking',
            f'perspective = "{perspective}"  # check',
        ]
        if "response_id" not in draft.columns:
            lines.append("id_from_row = true  # check: no column looks like a response id")
        if "submitted_at" not in draft.columns:
            lines.append('# period = "2026-Q3"  # no column looks like a date: say when the answers were given')
        if "wave" not in draft.columns:
            lines.append(f"wave = {_quoted(draft.file.stem)}  # check: the label of this wave")
        outside = {name: codes for name, (_, _, codes) in draft.items.items() if codes}
        if outside:
            codes = ", ".join(f"{name} = {codes}" for name, codes in outside.items())
            lines.append(f"missing_by_item = {{{codes}}}  # check: they lie off the scale; are they no answers?")
    mapping = ", ".join(f"{key} = {_quoted(column)}" for key, column in draft.columns.items())
    return [*lines, f"columns = {{{mapping}}}  # check", ""]


def _item_lines(drafts: list[_Drafted]) -> list[str]:
    """Every item once, with the widest scale that one of the files shows."""
    items: dict[str, tuple[str, tuple[int, int]]] = {}
    questions: dict[str, str] = {}
    for draft in drafts:
        questions = draft.questions | questions
        for name, (column, (low, high), _) in draft.items.items():
            first, known = items.get(name, (column, (low, high)))
            items[name] = first, (min(low, known[0]), max(high, known[1]))
    lines = []
    for name, (column, scale) in items.items():
        role = "loyalty" if scale == (0, 10) else "effort" if scale == (1, 7) else "satisfaction"
        question = " ".join(questions.get(column, column).split())
        lines += [f"[items.{name}]", f"question = {_quoted(question)}  # check: the words that were asked"]
        if column != name:
            lines.append(f"column = {_quoted(column)}")
        lines += [f'role = "{role}"  # check', f"scale = [{scale[0]}, {scale[1]}]", ""]
    return lines


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
