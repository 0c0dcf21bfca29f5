"""How do people read the comments? A coding sheet for two coders, written for a spreadsheet and read back with every mistake named.

One row is one comment: text_id, weight, text (masked; no date, no customer), and of each coder `sentiment_a`, `themes_a`,
`sentiment_b`, `themes_b`. A coder writes negative, neutral or positive, and names or labels of themes with `;` between them, `none`
where no theme of the codebook fits; an empty cell is not coded. The sheet is drawn so that every theme and the comments without one
are in it: `weight` is how many comments of all a row stands for, and `coders.codebook_agreement` uses it, so that rare themes do
not count for more than they are.

The file is a person's: `export_coding` appends the comments that it lacks, under a lock, after a copy to `.bak`, and changes nothing
that stands there. Two coders agree honestly only if neither sees what the other wrote: export one file for each (`coder="a"`,
`coder="b"`) and read both.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout

from cxlab.data.privacy import mask_pii
from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.voice.sentiment import LABELS
from cxlab.voice.themes import Codebook

CODERS = ("a", "b")
COLUMNS = ("text_id", "weight", "text", "sentiment_a", "themes_a", "sentiment_b", "themes_b")
NO_THEME = "none"
LOCK_SECONDS = 30.0
_FORMULA = ("=", "+", "-", "@")  # a spreadsheet would compute what begins with one of these
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]+")
Sheet = pd.DataFrame | Path | str
_Row = tuple[str, dict[str, Any]]  # what it is called, and its cells


def coding_sheet(
    texts: Sequence[str] | pd.Series,
    codebook: Codebook,
    *,
    n: int = 200,
    random_state: int = 0,
    blind: bool = True,
    names: Iterable[str] = (),
) -> pd.DataFrame:
    """A sheet of `n` comments to code, in an order drawn by chance: one row a comment, the columns of the coders empty.

    Comments are drawn in strata: those without a theme, and of the others each by the rarest theme that it mentions. Every
    stratum gives its share of half the sheet, and the other half is dealt out evenly, so that rare themes are seen. `weight` is the
    number of comments of a stratum over those drawn from it. With `blind=False` the column `found` tells the coders what the
    codebook found; then their agreement with it is no check of it. Texts are masked; `names` are the study's own (`mask_pii`).
    Raises ValueError where `n` is below 1 or no text is there.
    """
    if not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"`n` must be a whole number from 1, got {n!r}")
    series = texts if isinstance(texts, pd.Series) else pd.Series(list(texts), dtype=object)
    there = series[series.notna()]
    there = there[there.astype(str).str.strip() != ""]
    if there.empty:
        raise ValueError("there is no text to code; give comments that are not missing")
    if not there.index.is_unique:
        twice = there.index[there.index.duplicated()][0]
        raise ValueError(f"the label `{twice}` stands for two texts; give each comment an index label of its own")
    rng = np.random.default_rng(random_state)
    mentions = codebook.assign(there)
    stratum = _strata(mentions, there.index)
    sizes = stratum.value_counts().sort_index()
    drawn = _drawn(sizes, min(int(n), len(there)))
    places: list[int] = []
    for name, wanted in drawn.items():
        places += rng.choice(np.flatnonzero(stratum.to_numpy() == name), wanted, replace=False).tolist()
    chosen = rng.permutation(np.array(places, dtype=np.intp))
    rows = there.iloc[chosen]
    weight = stratum.iloc[chosen].map(sizes / pd.Series(drawn)).to_numpy(dtype=float)
    masked = mask_pii([_CONTROL.sub(" ", str(text)).strip() for text in rows], names=list(names))
    sheet = pd.DataFrame({"text_id": rows.index.map(str), "weight": weight, "text": masked})
    for coder in CODERS:
        sheet[f"sentiment_{coder}"] = ""
        sheet[f"themes_{coder}"] = ""
    if not blind:
        found = mentions.groupby("text_id", sort=False)["theme"].agg(lambda names: "; ".join(dict.fromkeys(names)))
        sheet["found"] = found.reindex(rows.index).fillna(NO_THEME).to_numpy()
    return sheet


def export_coding(sheet: pd.DataFrame, path: Path | str, *, coder: Literal["a", "b"] | None = None) -> int:
    """Write a sheet as CSV for a spreadsheet, or append the comments that the file there lacks; returns how many were written.

    `coder` leaves out the columns of the other. What stands in the file stays, byte for byte, columns of a person's own
    included; it is copied to `.bak` first. Cells that a spreadsheet would compute begin with an apostrophe. Raises `StudyError` where
    the file cannot be read or written, lacks a column, or another process holds its lock.
    """
    path = Path(path)
    if coder is not None and coder not in CODERS:
        raise ValueError(f"`coder` must be a or b, got {coder!r}")
    other = {f"{what}_{one}" for one in CODERS if coder not in (None, one) for what in ("sentiment", "themes")}
    wanted = [column for column in sheet.columns if column not in other]
    if absent := [column for column in COLUMNS if column not in sheet.columns and column not in other]:
        raise ValueError(f"the sheet has no column `{absent[0]}`; make it with `coding_sheet`")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_SECONDS):
            return _append(sheet, path, wanted)
    except Timeout:
        raise StudyError(Problem(path.name, "another process holds its lock", "try again when it has ended")) from None
    except OSError as problem:
        what = f"cannot be written: {(problem.strerror or type(problem).__name__).lower()}"
        raise StudyError(Problem(path.name, what, "let it be a file that may be written")) from None


def read_coding(source: Sheet | Sequence[Sheet], codebook: Codebook) -> pd.DataFrame:
    """What the coders wrote, checked: one row a comment, with text_id, weight, text, sentiment_a, sentiment_b (negative, neutral,
    positive or None) and themes_a, themes_b (a tuple of theme names, empty for `none`, or None where nothing was coded).

    `source` is a file, a frame, or several of them (one a coder), joined by text_id. Raises `StudyError` with file, row,
    value and nearest name for every label or theme that is not known, a comment that stands there twice, a column that lacks, and
    two files that code the same comment for the same coder differently.
    """
    sources: Sequence[Sheet] = [source] if isinstance(source, pd.DataFrame | Path | str) else source
    problems: list[Problem] = []
    read = [_checked(*_table(one, number), codebook, problems) for number, one in enumerate(sources)]
    if problems:
        raise StudyError(problems)
    joined: dict[str, dict[str, object]] = {}
    for checked, where in read:
        for row in checked:
            known = joined.setdefault(str(row["text_id"]), {})
            for column, value in row.items():
                if value is not None and known.get(column) not in (None, value):
                    problems.append(
                        Problem(f"{where}, text_id {row['text_id']}", f"`{column}` is {value!r} here, {known[column]!r} in another file",
                                "code each comment once for each coder")
                    )  # fmt: skip
                if known.get(column) is None:
                    known[column] = value
    if problems:
        raise StudyError(problems)
    rows = list(joined.values())
    table = pd.DataFrame({column: pd.Series([row.get(column) for row in rows], dtype=object) for column in COLUMNS})
    table["weight"] = pd.to_numeric(table["weight"]).fillna(1.0).astype(float)
    return table


def coding_guide(codebook: Codebook) -> str:
    """What coders need beside the sheet: the names and labels of the themes, as text."""
    depth = {theme.name: len(codebook.ancestors(theme.name)) for theme in codebook.themes}
    lines = [f"{'  ' * depth[theme.name]}{theme.name}: {theme.label}" for theme in codebook.themes]
    return "\n".join(
        [
            f"Sentiment: {', '.join(LABELS)}.",
            f"Themes: every theme that the comment speaks of, `;` between them; `{NO_THEME}` where none fits.",
            "An empty cell is not coded.",
            "A theme below another counts for that one too.",
            *lines,
        ]
    )


# ----------------------------------------------------------------------------------------------------------------- drawing


def _strata(mentions: pd.DataFrame, index: pd.Index) -> pd.Series:
    """The rarest theme that each comment mentions; "" where it mentions none."""
    pairs = mentions[["text_id", "theme"]].drop_duplicates()
    counts = pairs["theme"].value_counts()
    order = pairs.assign(n=pairs["theme"].map(counts)).sort_values(["n", "theme"], kind="stable")
    return order.drop_duplicates("text_id").set_index("text_id")["theme"].reindex(index).fillna("").astype(object)


def _drawn(sizes: pd.Series, n: int) -> dict[str, int]:
    """How many of each stratum: one each where there is room, half of the rest by size, half evenly; none more than it has."""
    drawn = dict.fromkeys(sizes.index, 0)
    # the largest are served first where there are fewer places than strata
    for name in sorted(sizes.index, key=lambda name: (-sizes[name], name))[:n]:
        drawn[name] = 1
    left = n - sum(drawn.values())
    by_size = sizes / sizes.sum() * (left - left // 2)
    for name in sizes.index:
        drawn[name] += min(int(by_size[name]), int(sizes[name]) - drawn[name])
    while (left := n - sum(drawn.values())) > 0:
        least = min((name for name in sizes.index if drawn[name] < sizes[name]), key=lambda name: (drawn[name], name))
        drawn[least] += 1
    return {name: count for name, count in drawn.items() if count}


# ----------------------------------------------------------------------------------------------------------------- writing


def _append(sheet: pd.DataFrame, path: Path, wanted: Sequence[str]) -> int:
    content = path.read_bytes() if path.exists() else b""
    heading, delimiter, known = list(wanted), ",", set[str]()
    if content.strip():
        lines, delimiter = _lines(content, path.name)
        heading = lines[0][1]
        if absent := [column for column in wanted if column not in heading]:
            raise StudyError(
                Problem(
                    path.name,
                    f"has no column `{absent[0]}`",
                    f"{did_you_mean(absent[0], heading)}, or export to another file",
                )
            )
        at = heading.index("text_id")
        known = {_plain(cells[at]) for _, cells in lines[1:] if len(cells) > at}
    new = sheet[~sheet["text_id"].astype(str).isin(known)]
    if new.empty and content.strip():
        return 0
    if path.exists() and not path.stat().st_mode & 0o222:
        raise PermissionError(errno.EACCES, "the file is read-only")
    newline = "\r\n" if b"\r\n" in content else "\n"
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    if not content.strip():
        writer.writerow(heading)
    elif not content.endswith((b"\n", b"\r")):
        text.write(newline)
    for row in new.to_dict("records"):
        writer.writerow([_safe(row.get(column, "")) if column in wanted else "" for column in heading])
    if content.strip():
        _replace(path.with_name(f"{path.name}.bak"), content, like=path)
    mark = "" if content.strip() else "\ufeff"  # so that a spreadsheet reads it as UTF-8
    _replace(path, (content if content.strip() else b"") + (mark + text.getvalue()).encode(), like=path)
    return len(new)


def _safe(value: object) -> str:
    """A cell as a spreadsheet shows it, without computing it."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(text: str) -> str:
    """A cell without the mark that keeps a spreadsheet from computing it."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _replace(path: Path, content: bytes, *, like: Path) -> None:
    """Write a file in one step, with the permissions of `like`; a link stays a link."""
    target = path.resolve()
    partial = target.with_name(f".{target.name}.partial")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if like.exists():
            shutil.copymode(like, partial)
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


# ----------------------------------------------------------------------------------------------------------------- reading


def _lines(content: bytes, where: str) -> tuple[list[tuple[int, list[str]]], str]:
    """Number and cells of each line that has any, the heading first, and what parts the cells."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StudyError(Problem(where, "is not UTF-8", "save it as “CSV UTF-8”")) from None
    delimiter = max(",;\t", key=text.lstrip().split("\n", 1)[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                lines.append((reader.line_num, stripped))
    except csv.Error as problem:
        at = f"{where}, line {reader.line_num}"
        raise StudyError(Problem(at, f"cannot be read: {problem}", "mend the quotes, or bring back a backup")) from None
    if not lines:
        raise StudyError(Problem(where, "is empty", "export it anew"))
    return lines, delimiter


def _table(source: Sheet, number: int) -> tuple[str, list[_Row]]:
    """What the sheet is called, and of each row what it is called and its cells."""
    if isinstance(source, pd.DataFrame):
        where = "the sheet" if number == 0 else f"sheet {number + 1}"
        rows = source.astype(object).where(source.notna(), "")
        return where, [(f"{where}, row {place}", {str(k): v for k, v in row.items()})
                       for place, row in enumerate(rows.to_dict("records"))]  # fmt: skip
    path = Path(source)
    try:
        lines, _ = _lines(path.read_bytes(), path.name)
    except FileNotFoundError:
        raise StudyError(Problem(path.name, "there is no such file", "name one that is there")) from None
    except OSError as problem:
        what = f"cannot be read: {(problem.strerror or type(problem).__name__).lower()}"
        raise StudyError(Problem(path.name, what, "let it be a file that may be read")) from None
    heading = lines[0][1]
    if twice := [column for column in COLUMNS if heading.count(column) > 1]:
        raise StudyError(Problem(path.name, f"has {heading.count(twice[0])} columns `{twice[0]}`", "keep one of them"))
    rows_of_file = []
    for line, cells in lines[1:]:
        filled = [*cells, *[""] * (len(heading) - len(cells))]
        rows_of_file.append((f"{path.name}, line {line}", dict(zip(heading, filled, strict=False))))
    if not rows_of_file:
        rows_of_file = [("", dict.fromkeys(heading, ""))]
    return path.name, rows_of_file


def _checked(
    where: str, rows: Sequence[_Row], codebook: Codebook, problems: list[Problem]
) -> tuple[list[dict[str, object]], str]:
    heading = list(rows[0][1]) if rows else []
    needed = ["text_id", "text"]
    problems += [
        Problem(
            where,
            f"has no column `{column}`",
            f"{did_you_mean(column, heading)}; it needs {', '.join(needed)} and what a coder wrote",
        )
        for column in needed
        if column not in heading
    ]
    if not {f"themes_{coder}" for coder in CODERS} & set(heading) and not {
        f"sentiment_{coder}" for coder in CODERS
    } & set(heading):
        problems.append(Problem(where, "has no column of a coder", f"it needs one of {', '.join(COLUMNS[3:])}"))
    if any(problem.where == where for problem in problems):
        return [], where
    names = {_folded(theme.label): theme.name for theme in codebook.themes} | {
        _folded(theme.name): theme.name for theme in codebook.themes
    }
    made: list[dict[str, object]] = []
    seen: dict[str, str] = {}
    for at, row in rows:
        text_id = _plain(str(row["text_id"]).strip())
        if not text_id:
            if any(str(cell).strip() for cell in row.values()):
                problems.append(Problem(at, "has no text_id", "bring back the line from a backup"))
            continue
        if text_id in seen:
            problems.append(Problem(at, f"`{text_id}` stands in {seen[text_id]} too", "keep one of the lines"))
        seen[text_id] = at
        made.append(
            {"text_id": text_id, "text": _plain(str(row["text"])), "weight": _weight(row.get("weight"), at, problems)}
        )
        for coder in CODERS:
            for what, read in (("sentiment", _sentiment), ("themes", _themes)):
                column = f"{what}_{coder}"
                cell = row.get(column, "")
                made[-1][column] = read(cell, f"{at}, {column}", names, codebook, problems)
    return made, where


def _weight(cell: object, at: str, problems: list[Problem]) -> float | None:
    text = str(cell if cell is not None else "").strip()
    try:
        value = float(text.replace(",", ".")) if text else None
    except ValueError:
        value = -1.0
    if value is not None and not (0 < value < float("inf")):
        problems.append(
            Problem(f"{at}, weight", f"`{text}` is no number above 0", "bring back the number from a backup")
        )
        return None
    return value


def _sentiment(
    cell: object, at: str, names: Mapping[str, str], codebook: Codebook, problems: list[Problem]
) -> str | None:
    text = _folded(str(cell))
    if not text:
        return None
    if text not in LABELS:
        problems.append(Problem(at, f"unknown label `{str(cell).strip()}`", did_you_mean(text, LABELS)))
        return None
    return text


def _themes(
    cell: object, at: str, names: Mapping[str, str], codebook: Codebook, problems: list[Problem]
) -> tuple[str, ...] | None:
    if isinstance(cell, tuple | list):
        parts = [str(part) for part in cell]
        if not parts:
            return ()
    else:
        text = _plain(str(cell).strip())
        parts = [text] if _folded(text) in names else [part for part in re.split(r"[;,|\n]", text) if part.strip()]
    if not parts:
        return None
    folded = [_folded(part) for part in parts]
    if NO_THEME in folded and NO_THEME not in names:
        if len(folded) > 1:
            problems.append(Problem(at, f"has `{NO_THEME}` beside other themes", "leave one of them"))
        return ()
    for part, key in zip(parts, folded, strict=True):
        if key not in names:
            problems.append(Problem(at, f"unknown theme `{part.strip()}`", did_you_mean(key, names)))
    order = [theme.name for theme in codebook.themes]
    return tuple(sorted({names[key] for key in folded if key in names}, key=order.index))


def _folded(text: str) -> str:
    """A cell as it is compared: “Bags ” and “bags” are one."""
    return " ".join(text.split()).casefold()
