"""What are the segments called, and which of the names has a person confirmed?

A name that a method finds is a proposal. `confirmed_names` keeps the proposals in `decisions/segment_names.csv`, one row a
segment: segment_id, proposed (its first proposal), name (a person fills it in), since (the period that brought the segment). A
segment that is not there yet is appended; nothing that stands there is ever changed, byte for byte. Segment ids persist across
periods, and so does a confirmed name.

What it does not say: that a name still fits. Where the proposal is now another one, that is told, and left to a person.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from cxlab.problems import Problem, StudyError, did_you_mean
from cxlab.wording import list_text

FILE = "segment_names.csv"
COLUMNS = ("segment_id", "proposed", "name", "since")
LOCK_SECONDS = 30.0
_WHERE = f"decisions/{FILE}"
_FORMULA = ("=", "+", "-", "@")  # a spreadsheet would compute what begins with one of these


@dataclass(frozen=True)
class Names:
    """The names of segments.

    `names` is segment_id → the name to show: the person's, else the proposal (with the id behind it where another segment is
    called the same). `confirmed` are the ids with a person's name, `waiting` those without one, `changed` those whose proposal
    is now another than the one in the file, which is in `earlier`. `unused` is segment_id → name for names of the file
    whose segment is not among the proposals. `unlisted` are the ids that the file still lacks, and `not_written` says why it
    does where they should have been appended.
    """

    names: dict[str, str]
    confirmed: frozenset[str]
    waiting: tuple[str, ...]
    changed: tuple[str, ...]
    earlier: dict[str, str]
    unused: dict[str, str]
    unlisted: tuple[str, ...]
    not_written: str

    def sentence(self) -> str:
        """How many names are confirmed, and what a person should look at."""
        if not self.names:
            return "There are no segments to name."
        n, of = len(self.confirmed), len(self.names)
        said = [
            f"Names are proposals until somebody fills the column `name` of {_WHERE}; "
            f"{n or 'none'} of {of} {'is' if n < 2 else 'are'} confirmed."
        ]
        if n == of:
            said = [f"Every name was confirmed by a person, in {_WHERE}."]
        said += [
            f"The proposal for “{self.names[key]}” was “{self.earlier[key]}” when it was listed and is another now: see whether the "
            "name still fits."
            for key in self.changed
            if key in self.confirmed
        ]
        if again := [key for key in self.changed if key not in self.confirmed]:
            was = list_text(f"“{self.names[key]}” (listed as “{self.earlier[key]}”)" for key in again)
            said.append(f"Proposals that are others now: {was}.")
        if self.unused:
            names = list_text(f"“{name}”" for name in self.unused.values())
            said.append(f"The file also has names of segments that are not found now: {names}.")
        if self.unlisted:
            what = f"{len(self.unlisted)} of {of} segments {'is' if len(self.unlisted) == 1 else 'are'} not listed there yet"
            why = self.not_written and f", and nothing could be written: {self.not_written}"
            said.append(f"{what}{why}.")
        return " ".join(said)


def confirmed_names(decisions: Path, proposed: Mapping[str, str], *, period: str = "", write: bool = True) -> Names:
    """The name of each segment: the one that a person wrote into `decisions/segment_names.csv`, else its proposal.

    `proposed` is segment_id → name. Segments that the file lacks are appended with an empty name and `period` in `since`, under
    a lock, after a copy to `segment_names.csv.bak`, in one replacement of the file; what stands in it stays as it is, columns
    of a person's own included. With nothing new, with `write=False` and where the folder cannot be written, it is only read.
    Cells may be parted by commas, semicolons or tabs, as spreadsheets save them.

    Raises `StudyError` with file, line, value and way out for a file that cannot be read, lacks a column, or has an id twice, a
    name without an id, or two segments of the same name. Raises ValueError for a proposal that is empty.
    """
    wanted = {str(key).strip(): _one_line(str(name)) for key, name in proposed.items()}
    if empty := [key for key, name in wanted.items() if not key or not name]:
        raise ValueError(
            f"the proposal for the segment `{empty[0]}` is empty; every segment needs an id and a proposal"
        )
    path = decisions / FILE
    sheet, not_written = _read(path), ""
    if write and (set(wanted) - set(sheet.rows)):
        try:
            sheet = _append(path, wanted, period)
        except Timeout:
            not_written = "another process holds its lock"
        except OSError as problem:
            not_written = (problem.strerror or type(problem).__name__).lower()
    return _names(wanted, sheet, not_written)


@dataclass(frozen=True)
class _Sheet:
    """The file as it is: its bytes, how its cells are parted, its heading, and segment_id → (proposal, name)."""

    content: bytes
    delimiter: str
    heading: list[str]
    rows: dict[str, tuple[str, str]]


def _names(wanted: dict[str, str], sheet: _Sheet, not_written: str) -> Names:
    given = {key: sheet.rows[key][1] for key in wanted if key in sheet.rows and sheet.rows[key][1]}
    names = {key: given.get(key, name) for key, name in wanted.items()}
    taken = [_folded(name) for name in names.values()]
    shown = {
        key: f"{name} ({key})" if key not in given and taken.count(_folded(name)) > 1 else name
        for key, name in names.items()
    }
    earlier = {
        key: sheet.rows[key][0]
        for key, name in wanted.items()
        if key in sheet.rows and _folded(sheet.rows[key][0]) not in ("", _folded(name))
    }
    return Names(
        names=shown,
        confirmed=frozenset(given),
        waiting=tuple(key for key in wanted if key not in given),
        changed=tuple(earlier),
        earlier=earlier,
        unused={key: name for key, (_, name) in sheet.rows.items() if name and key not in wanted},
        unlisted=tuple(key for key in wanted if key not in sheet.rows),
        not_written=not_written,
    )


# ------------------------------------------------------------------------------------------------------------------ reading


def _read(path: Path) -> _Sheet:
    """The file, checked; without one, a heading to begin with."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return _Sheet(b"", ",", list(COLUMNS), {})
    except OSError as problem:
        what = f"cannot be read: {(problem.strerror or '').lower()}"
        raise StudyError(Problem(_WHERE, what, "let it be a file that may be read")) from None
    lines, delimiter = _lines(content)
    if not lines:
        raise StudyError(Problem(_WHERE, "is empty", f"delete it, or write {','.join(COLUMNS)} as its first line"))
    (_, heading), *rows = lines
    at = _places(heading)
    return _Sheet(content, delimiter, heading, _checked(rows, at, len(heading)))


def _lines(content: bytes) -> tuple[list[tuple[int, list[str]]], str]:
    """Number and cells of each line that has any, the heading first, and what parts the cells."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StudyError(Problem(_WHERE, "is not UTF-8", "save it as “CSV UTF-8”")) from None
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines = []
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                lines.append((reader.line_num, stripped))
    except csv.Error as problem:
        where = f"{_WHERE}, line {reader.line_num}"
        raise StudyError(
            Problem(where, f"cannot be read: {problem}", "mend the quotes, or bring back a backup")
        ) from None
    return lines, delimiter


def _places(heading: list[str]) -> dict[str, int]:
    """Where each column stands."""
    problems = []
    for column in COLUMNS:
        if heading.count(column) == 0:
            near = did_you_mean(column, heading)
            problems.append(Problem(_WHERE, f"has no column `{column}`", f"{near}; it needs {', '.join(COLUMNS)}"))
        elif heading.count(column) > 1:
            problems.append(Problem(_WHERE, f"has {heading.count(column)} columns `{column}`", "keep one of them"))
    if problems:
        raise StudyError(problems)
    return {column: heading.index(column) for column in COLUMNS}


def _checked(lines: Iterable[tuple[int, list[str]]], at: dict[str, int], width: int) -> dict[str, tuple[str, str]]:
    """segment_id → proposal and name. Raises `StudyError` with everything that is wrong."""
    found: dict[str, tuple[str, str]] = {}
    called: dict[str, str] = {}
    problems = []
    for number, cells in lines:
        where = f"{_WHERE}, line {number}"
        if any(cells[width:]):
            what = f"has {len(cells)} cells where the heading has {width}: {cells[width]!r} is one too many"
            problems.append(Problem(where, what, "put a name with a comma in quotes"))
            continue
        row = {column: cells[place] if place < len(cells) else "" for column, place in at.items()}
        key, name = row["segment_id"], _one_line(row["name"])
        if not key:
            problems.append(
                Problem(where, f"`segment_id` is empty beside the name `{name}`", "write the id, or delete the line")
            )
        elif key in found:
            problems.append(Problem(where, f"`segment_id` {key} stands there twice", "keep one of the lines"))
        elif name and _folded(name) in called:
            what = f"`name` {name} is that of {called[_folded(name)]} already"
            problems.append(Problem(where, what, f"give {key} a name of its own"))
        if key:
            found.setdefault(key, (_one_line(_plain(row["proposed"])), name))
        if name:
            called.setdefault(_folded(name), key)
    if problems:
        raise StudyError(problems)
    return found


# ------------------------------------------------------------------------------------------------------------------ writing


def _append(path: Path, wanted: dict[str, str], period: str) -> _Sheet:
    """Append the segments that the file lacks; returns it as it is then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f"{FILE}.lock"), timeout=LOCK_SECONDS):
        sheet = _read(path)  # another process may have appended them
        new = {key: name for key, name in wanted.items() if key not in sheet.rows}
        if not new:
            return sheet
        if path.exists() and not path.stat().st_mode & 0o222:
            raise PermissionError(errno.EACCES, "the file is read-only")
        if sheet.content:
            _replace(path.with_name(f"{FILE}.bak"), sheet.content, like=path)
        _replace(path, sheet.content + _addition(sheet, new, period), like=path)
        return _read(path)


def _addition(sheet: _Sheet, new: dict[str, str], period: str) -> bytes:
    """What comes behind the file's last byte: lines of its own kind."""
    newline = "\r\n" if b"\r\n" in sheet.content else "\n"
    text = io.StringIO()
    writer = csv.writer(text, delimiter=sheet.delimiter, lineterminator=newline)
    if not sheet.content:
        writer.writerow(COLUMNS)
    elif not sheet.content.endswith((b"\n", b"\r")):
        text.write(newline)
    for key, name in new.items():
        cells = {"segment_id": key, "proposed": f"'{name}" if name.startswith(_FORMULA) else name, "since": period}
        writer.writerow([cells.get(column, "") for column in sheet.heading])
    return text.getvalue().encode()


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


def _plain(text: str) -> str:
    """A proposal without the mark that keeps a spreadsheet from computing it."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _folded(text: str) -> str:
    """A name as it is compared: “Price” and “price ” are one name to a reader."""
    return _one_line(text).casefold()
