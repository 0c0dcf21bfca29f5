"""Reads one export exactly as it came: CSV, Excel, parquet, SPSS or XES to text, with no row lost on the way.

One row of `RawTable.rows` is one data row of the file, every cell as text, an empty cell as None. Rows that cannot be
believed (ragged, broken quotes, undecodable bytes, a header repeated by joining files) are in `rejects` with their line
and the reason, so that kept and rejected rows add up to the file. Numbers, codes and dates are not interpreted here:
a file says what its cells hold, study.toml says what they mean. What cannot be known (delimiter, encoding, sheet,
order of day and month) is refused and asked for, never guessed silently.
"""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from cxlab.config import Source
from cxlab.data.privacy import mask_pii
from cxlab.problems import Problem, StudyError

if TYPE_CHECKING:
    import pyarrow as pa

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
LONGEST_RECORD = 200  # lines; a record that runs on for longer is a quote that was never closed
_SHOWN = 80  # characters of a rejected value that are shown
_ENDINGS = {
    "csv": (".csv", ".tsv", ".tab", ".txt"),
    "excel": (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"),
    "parquet": (".parquet", ".pq"),
    "spss": (".sav", ".zsav"),
    "xes": (".xes", ".xes.gz"),
}
_SPSS = "an SPSS file"
_SIGNATURES = {  # how files that are no text begin, and what they are
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"PAR1": "a parquet file",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF",
    b"$FL2": _SPSS,
    b"$FL3": _SPSS,
    b"\x1c\0\0\0\0\0\0\0ENCRYPTEDSAV": "an SPSS file with a password",
}
_BYTE_ORDER_MARKS = (  # the longer ones first: a UTF-32 mark begins like a UTF-16 one
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_UNREADABLE = re.compile("[\ud800-\udfff]")  # stands for a byte that the encoding does not know
_CSV_FAULTS = {
    "unexpected end of data": f"a quote is opened and not closed (looked at {LONGEST_RECORD} lines or to the end)",
    "field larger than field limit": f"a cell is longer than {csv.field_size_limit():,} characters",
}


@dataclass(frozen=True)
class RawTable:
    """One file as text: its rows by physical line, what was rejected, and what a person should know about it."""

    file: Path
    rows: pd.DataFrame
    rejects: pd.DataFrame
    question_text: dict[str, str] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)

    @property
    def n_rows(self) -> int:
        """Every data row of the file: kept and rejected."""
        return len(self.rows) + len(self.rejects)


class _Record(NamedTuple):
    """One record of a file: the line it begins on (from 1), its cells, and why it cannot be used ("" where it can).

    Where the fault lies in one cell, `column` names it and `cells` holds nothing else.
    """

    line: int
    cells: list[str]
    fault: str = ""
    column: str = ""


@dataclass
class _Rejects:
    """The rejected rows so far: line, column, value, reason."""

    found: list[tuple[int, str, str, str]] = field(default_factory=list)

    def add(self, line: int, value: str, reason: str, column: str = "") -> None:
        text = _UNREADABLE.sub("\ufffd", value).replace("\0", "\ufffd")
        self.found.append((line, column, text[:_SHOWN], reason))

    def to_frame(self) -> pd.DataFrame:
        frame = pd.DataFrame(sorted(self.found), columns=["line", "column", "value", "reason"])
        frame = frame.astype({"line": "int64", "column": object, "value": object, "reason": object})
        return frame.assign(value=pd.Series(mask_pii(frame["value"].tolist()), dtype=object))


def find_files(folder: Path, pattern: str | None) -> list[Path]:
    """The files under `folder` that match, sorted; empty when none does, or without a pattern (a database has no files).
    Hidden files, the lock files of an open spreadsheet (`~$…`) and `decisions/` are no exports."""
    if pattern is None:
        return []
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts or not pattern.strip():
        raise StudyError(Problem("path", f"`{pattern}` leaves the study's folder", "write it from data/raw/STUDY on"))
    try:
        found = sorted(path for path in folder.glob(pattern) if path.is_file())
    except ValueError as error:
        raise StudyError(Problem("path", f"`{pattern}` is no pattern: {error}", "for example survey_*.csv")) from None
    return [path for path in found if _is_export(path.relative_to(folder))]


def _is_export(path: Path) -> bool:
    return path.parts[0] != "decisions" and not any(part.startswith((".", "~$")) for part in path.parts)


def read_file(path: Path, options: Source, *, shown: str) -> RawTable:
    """Read one export as text. `shown` names the file in messages.

    The index of `rows` is called `line`: the physical line on which the record begins (Excel: the row of the sheet;
    parquet and SPSS: the number of the row, from 1; XES: the number of the event). Blank lines are no rows. Raises
    `StudyError` where the file as a whole cannot be read: unknown format, no header, a column named twice, one column that
    holds a delimiter.
    """
    kind = _format_of(path, options, shown)
    try:
        if kind == "parquet":
            return _read_parquet(path, shown)
        if kind == "spss":
            return _read_spss(path, options, shown)
        if kind == "xes":
            return _read_xes(path, options, shown)
        return _read_excel(path, options, shown) if kind == "excel" else _read_csv(path, options, shown)
    except FileNotFoundError:
        _refuse(shown, "there is no such file", "check `path` of the source")
    except OSError as error:
        _refuse(shown, f"cannot be opened: {error.strerror or error}", "check the file and who may read it")


def _refuse(where: str, what: str, way_out: str) -> NoReturn:
    raise StudyError(Problem(where, what, way_out)) from None


def _format_of(path: Path, options: Source, shown: str) -> str:
    if options.format != "auto":
        return options.format
    for kind, endings in _ENDINGS.items():
        if path.name.lower().endswith(endings):
            return kind
    known = ", ".join(chain.from_iterable(_ENDINGS.values()))
    _refuse(shown, f"`{path.suffix or path.name}` is no known ending", f'known: {known}; or say format = "csv"')


# ---------------------------------------------------------------------------------------------------------------- CSV


def _read_csv(path: Path, options: Source, shown: str) -> RawTable:
    notes: list[Problem] = []
    data = path.read_bytes()
    _refuse_what_is_no_text(data, shown)
    text = _decode(data, options.encoding, shown, notes).replace("\n\ufeff", "\n").removeprefix("\ufeff")
    lines = list(io.StringIO(text, newline=""))  # splits at \n, \r and \r\n only, as editors count lines
    start = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    delimiter = options.delimiter
    if start < len(lines) and (told := re.fullmatch(r"sep=(.)", lines[start].strip("\r\n"))):
        start, delimiter = start + 1, delimiter or told[1]
    if start >= len(lines):
        _refuse(shown, "is empty", "export it again")
    if delimiter is None:
        delimiter = _sniff(lines[start : start + LONGEST_RECORD], shown)
    elif len(delimiter) != 1 or delimiter in '"\r\n\0':
        _refuse(shown, f"delimiter {delimiter!r} is no single character", 'for example delimiter = ";" or "\\t"')
    header = next(_records(lines, start, delimiter), None)
    if header is None or header.fault:
        _refuse(shown, f"its header on line {start + 1} cannot be read", "check the quotes of the first line")
    body = header.line + sum(_breaks(cell) for cell in header.cells)
    records = _records(lines, body, delimiter, width=len(header.cells))
    if "\0" in text or _UNREADABLE.search(text):
        records = _unreadable_told(records, [name.strip() for name in header.cells])
    _tell_lost_characters(text, shown, notes)
    return _collect(path, header.cells, records, options, shown, notes)


def _breaks(cell: str) -> int:
    """Line breaks inside a cell, as lines are counted."""
    return len(re.findall(r"\r\n|\r|\n", cell))


def _refuse_what_is_no_text(data: bytes, shown: str) -> None:
    for signature, kind in _SIGNATURES.items():
        if data.startswith(signature):
            _refuse(
                shown, f"is {kind}, not CSV", "give it the right ending, or export it as CSV, Excel, parquet or SPSS"
            )
    if re.match(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml|log)", data[:200], re.I):
        if re.search(rb"<log[\s>]", data[:2000]):
            _refuse(shown, "is an XES log, not CSV", 'give it the ending .xes, or say format = "xes"')
        _refuse(shown, "is a web page or XML, not CSV", "export it again: often this is a log-in page that was saved")


def _decode(data: bytes, encoding: str | None, shown: str, notes: list[Problem]) -> str:
    """The text of a file; bytes that are none in its encoding become lone surrogates, found again row by row."""
    for mark, marked in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            if encoding and not _same_encoding(encoding, marked):
                notes.append(
                    Problem(shown, f"says itself that it is {marked}; `encoding = {encoding}` unused", "", "note")
                )
            return _decode_as(data[len(mark) :], marked, shown)
    if encoding:
        return _decode_as(data, encoding, shown)
    guess = _wide_encoding(data)
    if guess:
        notes.append(Problem(shown, f"read as {guess}", f'say encoding = "{guess}" to confirm', "note"))
        return _decode_as(data, guess, shown)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_as(data, _narrow_encoding(data, shown, notes), shown)


def _same_encoding(declared: str, marked: str) -> bool:
    plain = declared.lower().replace("_", "-").removesuffix("-sig")
    return plain in (marked, marked.rsplit("-", 1)[0], marked.replace("-", ""))


def _decode_as(data: bytes, encoding: str, shown: str) -> str:
    wide = re.fullmatch(r"utf[-_]?(16|32)([-_]?[lb]e)?", encoding, re.I)
    try:
        if wide:
            unit = int(wide[1]) // 8
            whole = len(data) // unit * unit
            cut_off = "\udc80" if whole < len(data) else ""
            return data[:whole].decode(encoding, "surrogatepass") + cut_off
        return data.decode(encoding, "surrogateescape")
    except LookupError:
        _refuse(shown, f"encoding `{encoding}` is unknown", "for example utf-8, cp1252 or utf-16")
    except ValueError:
        _refuse(shown, f"cannot be read as {encoding}", "say another `encoding`, for example utf-8 or cp1252")


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of its beginning is NUL."""
    sample = data[:4000]
    if sample[1::2].count(0) > 0.4 * len(sample[1::2]):
        return "utf-16-le"
    return "utf-16-be" if sample[::2].count(0) > 0.4 * len(sample[::2]) else None


def _narrow_encoding(data: bytes, shown: str, notes: list[Problem]) -> str:
    """UTF-8 with damaged lines, or cp1252: whichever the lines with accents say clearly."""
    accented = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if not line.isascii()]
    damaged = [number for number, line in accented if not _is_utf8(line)]
    n_damaged, n_utf8 = len(damaged), len(accented) - len(damaged)
    if n_utf8 >= n_damaged:
        what = (
            f"{n_damaged} lines are not UTF-8 although the file is (first: line {damaged[0]}); their rows are rejected"
        )
        notes.append(Problem(shown, what, 'mend the export, or say encoding = "cp1252"', "warning"))
        return "utf-8"
    if n_utf8 * 20 >= n_damaged:
        _refuse(
            shown,
            f"mixes encodings: {n_utf8} lines are UTF-8, {n_damaged} are not (first: line {damaged[0]})",
            'export the parts again, or say encoding = "cp1252" or "utf-8"',
        )
    notes.append(Problem(shown, "is not UTF-8; read as cp1252 (Windows)", 'say encoding = "cp1252" to confirm', "note"))
    return "cp1252"


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _tell_lost_characters(
    text: str, shown: str, notes: list[Problem], *, way_out: str = "export it again as UTF-8"
) -> None:
    if lost := text.count("\ufffd"):
        what = f"holds {lost} replacement characters (\ufffd): letters were lost before this export"
        notes.append(Problem(shown, what, "export it again with the right encoding", "warning"))
    if "â€™" in text or "Ã©" in text or "Ã¼" in text:
        what = "holds text like `Ã©` or `â€™`: UTF-8 that was once read as cp1252 and saved so"
        notes.append(Problem(shown, what, way_out, "warning"))


def _sniff(sample: list[str], shown: str) -> str:
    """The delimiter that splits the header and most lines alike. Two that do so equally well are refused."""
    agreement: dict[str, float] = {}
    for delimiter in DELIMITERS:
        try:
            rows = [row for row in csv.reader(sample, delimiter=delimiter) if row]
        except csv.Error:
            continue
        if len(rows[0]) > 1:
            alike = [len(row) == len(rows[0]) for row in rows[1:]]
            agreement[delimiter] = sum(alike) / len(alike) if alike else 1.0
    if not agreement:
        return ","
    best = max(agreement.values())
    candidates = [delimiter for delimiter, share in agreement.items() if share == best]
    if len(candidates) > 1:
        names = " or ".join(DELIMITERS[delimiter] for delimiter in candidates)
        _refuse(shown, f"could be split by {names}", 'say which, for example delimiter = ";"')
    return candidates[0]


class _Window:
    """Lines handed to the CSV reader: at most `LONGEST_RECORD` for one record, so that an open quote ends somewhere."""

    def __init__(self, lines: list[str], start: int) -> None:
        self.lines = lines
        self.first = self.next = start

    def __iter__(self) -> _Window:
        return self

    def __next__(self) -> str:
        if self.next == len(self.lines) or self.next - self.first == LONGEST_RECORD:
            raise StopIteration
        self.next += 1
        return self.lines[self.next - 1]


def _records(lines: list[str], start: int, delimiter: str, *, width: int | None = None) -> Iterator[_Record]:
    """The records from line index `start` on.

    A broken record that began to swallow further lines (a stray quote) costs only its first line: reading resumes on
    the next. Of the lines it had swallowed, those with an odd number of quotes are broken as well.
    """
    swallowed = 0
    while start < len(lines):
        window = _Window(lines, start)
        start = len(lines)
        try:
            for cells in csv.reader(window, delimiter=delimiter, strict=True):
                first, window.first = window.first, window.next
                if window.next - first > 1 and width is not None and len(cells) != width:
                    fault = (
                        f"a quote runs over {window.next - first} lines and the row has {len(cells)} cells, not {width}"
                    )
                elif first < swallowed and window.next - first == 1 and lines[first].count('"') % 2:
                    fault = "a stray quote"
                elif not cells or (len(cells) == 1 and cells[0] and cells[0].isspace()):
                    continue  # a blank line is no row
                else:
                    yield _Record(first + 1, cells)
                    continue
                window.first = first
                raise csv.Error(fault)
        except csv.Error as error:
            fault = next((reason for known, reason in _CSV_FAULTS.items() if known in str(error)), str(error))
            start = window.first + 1
            swallowed = max(swallowed, window.next)
            yield _Record(start, lines[start - 1].rstrip("\r\n").split(delimiter), fault)


def _unreadable_told(records: Iterable[_Record], names: list[str]) -> Iterator[_Record]:
    """Marks records with a byte that is no text, or with NUL. Only needed where the file holds any."""
    for record in records:
        for position, cell in enumerate(record.cells):
            if not record.fault and ("\0" in cell or _UNREADABLE.search(cell)):
                column = names[position] if position < len(names) else f"cell {position + 1}"
                fault = "a NUL byte" if "\0" in cell else "bytes that are no text in the file's encoding"
                record = _Record(record.line, [cell], fault, column)
                break
        yield record


# ------------------------------------------------------------------------------------------- what every format shares


def _collect(
    path: Path, header: list[str], records: Iterator[_Record], options: Source, shown: str, notes: list[Problem]
) -> RawTable:
    """Sort records into kept and rejected, after taking off the further header rows of a Qualtrics export."""
    names = _column_names(header, shown)
    peeked = list(islice(records, 2))
    extra = peeked if options.header_rows != "one" and _is_qualtrics(peeked) else []
    if options.header_rows == "qualtrics" and not extra:
        _refuse(shown, "its third row holds no ImportId", 'leave out header_rows = "qualtrics"')
    question_text = {}
    if extra:
        asked = zip(names, extra[0].cells, strict=False)
        question_text = {name: _UNREADABLE.sub("\ufffd", text).strip() for name, text in asked if text.strip()}
    heads = [header, names, *(record.cells for record in extra)]
    rejects = _Rejects()
    lines, kept = _sort(records if extra else chain(peeked, records), len(header), heads, rejects, shown, notes)
    rows = _to_frame(names, lines, kept)
    empty = rows.isna().all(axis=1)
    for line in rows.index[empty]:
        rejects.add(line, "", "every cell is empty")
    rows = _name_the_nameless(rows[~empty] if empty.any() else rows, shown, notes)
    if rows.empty and not rejects.found:
        notes.append(Problem(shown, "has a header and no rows", "export it again", "warning"))
    return RawTable(path, rows, rejects.to_frame(), question_text, notes)


def _column_names(header: list[str], shown: str) -> list[str]:
    """The header without surrounding blanks; "" for a column without a name."""
    names = [name.strip().replace("\xa0", " ").strip() for name in header]
    if any(_UNREADABLE.search(name) or "\0" in name for name in names):
        _refuse(shown, "its header holds bytes that are no text", "say its `encoding`, for example cp1252 or utf-16")
    if len(names) == 1 and (inside := [word for mark, word in DELIMITERS.items() if mark in names[0]]):
        what = f"its header is one column called `{names[0][:_SHOWN]}`, with a {inside[0]} inside"
        _refuse(shown, what, "say the right `delimiter`, or mend the quotes of the header")
    first_at: dict[str, int] = {}
    twice = []
    for position, name in enumerate(names, 1):
        if name and first_at.setdefault(name, position) != position:
            twice.append(
                Problem(shown, f"column `{name}` is there twice: columns {first_at[name]} and {position}", "rename one")
            )
    if twice:
        raise StudyError(twice)
    if not any(names):
        _refuse(shown, "its header is empty", "the first row must name the columns")
    return names


def _is_qualtrics(records: list[_Record]) -> bool:
    """Two rows below the header: the question texts, then cells like {"ImportId":"QID1"}."""
    if len(records) < 2:
        return False
    cells = [cell for cell in records[1].cells if cell.strip()]
    return bool(cells) and sum("ImportId" in cell for cell in cells) > len(cells) / 2


def _sort(
    records: Iterable[_Record],
    width: int,
    heads: list[list[str]],
    rejects: _Rejects,
    shown: str,
    notes: list[Problem],
) -> tuple[list[int], list[list[str]]]:
    """Lines and cells of the records that fit the header; the others go to `rejects`."""
    lines: list[int] = []
    kept: list[list[str]] = []
    longer: list[_Record] = []  # by one empty cell: a delimiter at the end of the row
    firsts = {head[0] for head in heads}
    n_ragged = 0
    for record in records:
        cells = record.cells
        if record.fault:
            rejects.add(record.line, cells[0] if record.column else "", record.fault, record.column)
        elif len(cells) == width:
            if cells[0] in firsts and cells in heads:
                rejects.add(record.line, cells[0], "header repeated")
            else:
                lines.append(record.line)
                kept.append(cells)
        elif len(cells) == width + 1 and not cells[-1]:
            longer.append(record)
        else:
            n_ragged += 1
            rejects.add(record.line, "", _ragged(cells, width))  # no cell: nobody knows what it holds
    if len(longer) > len(kept):  # every row ends so: it is how this file is written
        notes.append(Problem(shown, f"{len(longer)} rows end in one more, empty cell", "it is left out", "note"))
        both = sorted([*zip(lines, kept, strict=True), *((r.line, r.cells[:-1]) for r in longer)])
        lines, kept = [line for line, _ in both], [cells for _, cells in both]
    else:
        n_ragged += len(longer)
        for record in longer:
            rejects.add(record.line, "", _ragged(record.cells, width))
    if n_ragged > len(kept):
        what = f"{n_ragged} rows have another number of cells than the header ({width}), {len(kept)} have the same"
        notes.append(Problem(shown, what, "is there a title above the header, or another delimiter?", "warning"))
    return lines, kept


def _ragged(cells: list[str], width: int) -> str:
    return f"{len(cells)} cells, the header has {width}"


def _to_frame(names: list[str], lines: list[int], kept: list[list[str]]) -> pd.DataFrame:
    """Text columns with None for empty cells. Columns without a name are numbered for now."""
    columns = zip(*kept, strict=True) if kept else ((),) * len(names)
    data = {
        position: np.array([cell or None for cell in column] + [None], object)[:-1]
        for position, column in enumerate(columns)
    }
    frame = pd.DataFrame(data, index=pd.Index(lines, dtype="int64", name="line"), dtype=object)
    return frame.set_axis(pd.Index(names, dtype=object), axis=1)


def _name_the_nameless(rows: pd.DataFrame, shown: str, notes: list[Problem]) -> pd.DataFrame:
    """Columns without a name: left out where every cell is empty, otherwise called `unnamed_<position>` and told."""
    names = list(rows.columns)
    filled = [position for position, name in enumerate(names) if not name and rows.iloc[:, position].notna().any()]
    empty = [position for position, name in enumerate(names) if not name and position not in filled]
    if len(filled) > len(names) / 2:
        what = f"its header names {len(names) - len(filled) - len(empty)} of {len(names)} columns"
        _refuse(shown, what, "is there a title above the header? Delete it in the export")
    for position in filled:
        called = f"unnamed_{position + 1}"
        while called in names:
            called += "_"
        names[position] = called
        notes.append(Problem(shown, f"column {position + 1} has no name; it is called `{called}`", "", "note"))
    rows = rows.set_axis(pd.Index(names, dtype=object), axis=1)
    return rows.iloc[:, [position for position in range(len(names)) if position not in empty]] if empty else rows


# -------------------------------------------------------------------------------------------------------------- Excel


def _read_excel(path: Path, options: Source, shown: str) -> RawTable:
    from python_calamine import CalamineError, CalamineWorkbook

    notes: list[Problem] = []
    data = path.read_bytes()
    if not data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        what = "is no Excel workbook although its name says so" if data else "is empty"
        _refuse(shown, what, "often this is CSV or a web page: look at it in an editor and rename it")
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        cells = book.get_sheet_by_name(_sheet(book, options, shown)).to_python(skip_empty_area=False)
    except CalamineError as error:
        _refuse(shown, f"cannot be read as a workbook: {error}", "open it in Excel, remove a password, save it again")
    _tell_excel_traps(data, shown, notes)
    rows = ((number, [_cell_text(cell) for cell in row]) for number, row in enumerate(cells, 1))
    records = (_Record(number, row) for number, row in rows if any(row))  # an empty sheet row is a blank line
    header = next(records, None)
    if header is None:
        _refuse(shown, "its sheet is empty", "say which `sheet` holds the data")
    return _collect(path, header.cells, records, options, shown, notes)


def _sheet(book: Any, options: Source, shown: str) -> str:
    """The sheet that is asked for, by name or number (from 1), or the only one that holds anything."""
    names: list[str] = book.sheet_names
    if isinstance(options.sheet, int):
        if not 1 <= options.sheet <= len(names):
            _refuse(
                shown,
                f"has no sheet {options.sheet}",
                f"its {len(names)} sheets are counted from 1: {', '.join(names)}",
            )
        return names[options.sheet - 1]
    if options.sheet is not None:
        if options.sheet not in names:
            _refuse(shown, f"has no sheet `{options.sheet}`", f"its sheets: {', '.join(names)}")
        return options.sheet
    filled = [name for name in names if book.get_sheet_by_name(name).total_height]
    if len(filled) > 1:
        _refuse(shown, f"has {len(filled)} sheets with data: {', '.join(filled)}", f'say sheet = "{filled[0]}"')
    return (filled or names)[0]


def _cell_text(cell: object) -> str:
    """One cell as text: whole numbers without `.0`, times in ISO form, TRUE and FALSE as Excel writes them."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(cell)
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return f"{cell.total_seconds():g} s"
    return str(cell)


def _tell_excel_traps(data: bytes, shown: str, notes: list[Problem]) -> None:
    """What a workbook shows and a reader does not get: error cells, and zeros that only the number format adds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
            errors = sum(len(re.findall(rb'<c [^>]*t="e"', archive.read(name))) for name in parts)
            styles = archive.read("xl/styles.xml") if "xl/styles.xml" in archive.namelist() else b""
    except zipfile.BadZipFile:  # the old format
        return
    if errors:
        what = f"{errors} cells of the workbook hold an Excel error (#N/A, #DIV/0! …); they are read as empty"
        notes.append(Problem(shown, what, "mend the formulas and save it again", "warning"))
    if zeros := re.search(rb'formatCode="(0{2,})"', styles):
        what = f"uses the number format {zeros[1].decode()}: a cell that shows 007 holds 7, and is read as 7"
        notes.append(Problem(shown, what, "store ids as text", "warning"))


# ------------------------------------------------------------------------------------------------------------ parquet


def _read_parquet(path: Path, shown: str) -> RawTable:
    import pyarrow as pa
    import pyarrow.parquet as pq

    notes: list[Problem] = []
    try:
        table = pq.ParquetFile(path).read()
    except pa.ArrowException as error:
        _refuse(shown, f"cannot be read as parquet: {str(error).splitlines()[0]}", "write it again")
    return without_empty_rows(path, arrow_as_text(table, shown, notes), {}, shown, notes)


def arrow_as_text(table: pa.Table, shown: str, notes: list[Problem]) -> pd.DataFrame:
    """An Arrow table as text, rows numbered from 1: None for null and empty cells, whole numbers without `.0`, times in ISO
    form. Raises `StudyError` for a column named twice and one that is no text."""
    names = _column_names(table.column_names, shown)
    columns = {position: _arrow_text(table.column(position), name, shown, notes) for position, name in enumerate(names)}
    lines = pd.RangeIndex(1, table.num_rows + 1, name="line")
    return pd.DataFrame(columns, index=lines, dtype=object).set_axis(pd.Index(names, dtype=object), axis=1)


def without_empty_rows(
    path: Path, rows: pd.DataFrame, question_text: dict[str, str], shown: str, notes: list[Problem]
) -> RawTable:
    """A table read column by column: rows that hold nothing are rejected, columns without a name get one."""
    rejects = _Rejects()
    empty = rows.isna().all(axis=1)
    for line in rows.index[empty]:
        rejects.add(line, "", "every cell is empty")
    rows = _name_the_nameless(rows[~empty] if empty.any() else rows, shown, notes)
    return RawTable(path, rows, rejects.to_frame(), question_text, notes)


def _arrow_text(column: Any, name: str, shown: str, notes: list[Problem]) -> np.ndarray:
    """One column as text, None where it is null or empty; whole numbers without `.0`, times in ISO form."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        column = _whole(column)
    elif pa.types.is_timestamp(kind):
        column = _iso(column)
    elif pa.types.is_nested(kind):
        notes.append(Problem(shown, f"column `{name}` holds lists or records; it is read as JSON text", "", "note"))
        column = pa.array([None if cell is None else json.dumps(cell, default=str) for cell in column.to_pylist()])
    elif pa.types.is_duration(kind):
        column = pa.array([None if cell is None else f"{cell.total_seconds():g} s" for cell in column.to_pylist()])
    try:
        text = column.cast(pa.string())
    except pa.ArrowException:
        _refuse(shown, f"column `{name}` ({kind}) is no text", "leave it out of the export, or write it as text")
    return pc.if_else(pc.equal(text, ""), None, text).to_numpy(zero_copy_only=False)


def _whole(column: Any) -> Any:
    """Numbers as integers where every one is whole: an id that became 7.0 for the sake of one missing row is 7."""
    import pyarrow as pa

    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        return column


def _iso(column: Any) -> Any:
    """2026-07-01T10:00:00, with fractions only where a value has them and with the offset where the zone is known."""
    import pyarrow as pa
    import pyarrow.compute as pc

    zone = column.type.tz
    try:
        column = column.cast(pa.timestamp("s", zone))
    except pa.ArrowInvalid:
        column = column.cast(pa.timestamp("us", zone), safe=False)
    return pc.replace_substring(column.cast(pa.string()), " ", "T", max_replacements=1)


# --------------------------------------------------------------------------------------------------------------- SPSS


def _read_spss(path: Path, options: Source, shown: str) -> RawTable:
    from cxlab.data.spss import read_spss

    with path.open("rb") as file:
        head = file.read(80)
    kind = next((known for signature, known in _SIGNATURES.items() if head.startswith(signature)), "no SPSS file")
    if kind != _SPSS:
        what = f"is {kind if head else 'empty'} and cannot be read as SPSS"
        _refuse(shown, what, "export it again, under the right ending and without a password")
    read = read_spss(path, options, shown)
    names = _column_names(read.names, shown)
    n_rows = len(read.cells[0])
    lines = pd.RangeIndex(1, n_rows + 1, name="line")
    rows = pd.DataFrame(dict(enumerate(read.cells)), index=lines, dtype=object)
    rows = rows.set_axis(pd.Index(names, dtype=object), axis=1)
    way_out = 'say the right one, for example encoding = "utf-8", or mend the texts in SPSS'
    _tell_lost_characters("\n".join(read.texts), shown, read.notes, way_out=way_out)
    if not n_rows:
        read.notes.append(Problem(shown, "has columns and no rows", "export it again", "warning"))
    return without_empty_rows(path, rows, read.question_text, shown, read.notes)


# ---------------------------------------------------------------------------------------------------------------- XES


def _read_xes(path: Path, options: Source, shown: str) -> RawTable:
    from cxlab.data.xes import read_xes

    read = read_xes(path, options, shown)
    names = _column_names(read.names, shown)
    lines = pd.Index(read.numbers, dtype="int64", name="line")
    rows = pd.DataFrame(dict(enumerate(read.cells)), index=lines, dtype=object)
    rejects = _Rejects()
    for number, column, value, reason in read.rejects:
        rejects.add(number, value, reason, column)
    _tell_lost_characters("\n".join(read.texts()), shown, read.notes)
    return RawTable(path, rows.set_axis(pd.Index(names, dtype=object), axis=1), rejects.to_frame(), {}, read.notes)


# -------------------------------------------------------------------------------------------------------------- times

_ISO = (
    r"\d{4}(?P<mark>[-/])(?:0[1-9]|1[0-2])(?P=mark)(?:0[1-9]|[12]\d|3[01])"
    r"(?:[Tt ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?P<zone> ?(?:[Zz]|[+-]\d{2}(?::?\d{2})?))?)?"
)
_COMMON_FORMATS = (
    "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%Y%m%d",
    "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
_COMMON_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")


def parse_times(texts: pd.Series, *, formats: list[str] | None, timezone: str) -> tuple[pd.Series, pd.Series]:
    """UTC moments (datetime64[us, UTC]) and a mask of the texts that are there and cannot be read.

    `formats` are strptime patterns, tried in their order for each value; then, and without `formats` only, ISO 8601
    (2026-07-01, 2026-07-01 10:00, 2026-07-01T10:00:00Z). 03/04/2026 without a format is not read: nobody knows whether
    it is March or April. A text without an offset is local time in `timezone`, a date its local midnight; the hour
    that the clocks repeat in autumn is taken as the first of the two, the one they skip in spring as an hour later.
    """
    zone = ZoneInfo(timezone)
    if isinstance(texts.dtype, pd.DatetimeTZDtype):
        return texts.dt.tz_convert("UTC").astype("datetime64[us, UTC]"), pd.Series(False, index=texts.index)
    if pd.api.types.is_datetime64_dtype(texts.dtype):
        return _local_to_utc(texts.astype("datetime64[us]"), zone), pd.Series(False, index=texts.index)
    codes, unique = pd.factorize(texts.astype(object))
    words = pd.Series(unique, dtype=object).astype(str).str.strip().astype(object)
    moments = pd.Series(pd.NaT, index=words.index, dtype="datetime64[us, UTC]")
    for pattern in formats or []:
        open_ = moments.isna()
        moments[open_] = _by_format(words[open_], pattern, zone)
    if not any(pattern.startswith("%Y") for pattern in formats or []):  # a year-first format of their own excludes ISO
        open_ = moments.isna()
        moments[open_] = _by_iso(words[open_], zone)
    unreadable = (moments.isna() & (words != "")).to_numpy()
    read = pd.Series(moments.array.take(codes, allow_fill=True), index=texts.index, name=texts.name)
    return read, pd.Series(np.append(unreadable, False)[codes], index=texts.index, name=texts.name)


def date_formats_for(texts: Iterable[str], *, n: int = 1000) -> list[str]:
    """The usual formats that read every one of the (first `n`) texts: what `date_formats` could be. More than one
    means that the values themselves do not tell day from month."""
    words = pd.Series(list(islice((str(text).strip() for text in texts), n)), dtype=object)
    fitting = (
        day + clock
        for clock in _COMMON_TIMES
        for day in _COMMON_FORMATS
        if pd.to_datetime(words, format=day + clock, errors="coerce").notna().all()
    )
    return list(fitting) if len(words) else []


def _by_format(words: pd.Series, pattern: str, zone: ZoneInfo) -> pd.Series:
    where, example = "date_formats", 'for example "%d/%m/%Y" or "%m/%d/%Y %H:%M"'
    if not re.search("%[Yy]", pattern):
        _refuse(where, f"`{pattern}` has no year", example)
    try:
        read = pd.to_datetime(words, format=pattern, errors="coerce", utc="%z" in pattern)
    except ValueError as error:
        _refuse(where, f"`{pattern}` is no format: {error}", example)
    return read.astype("datetime64[us, UTC]") if "%z" in pattern else _local_to_utc(read.astype("datetime64[us]"), zone)


def _by_iso(words: pd.Series, zone: ZoneInfo) -> pd.Series:
    moments = pd.Series(pd.NaT, index=words.index, dtype="datetime64[us, UTC]")
    fits = words.str.fullmatch(_ISO).astype(bool)
    plain = words[fits].str.replace("/", "-").str.replace(",", ".").str.replace(r"(\.\d{6})\d+", r"\1", regex=True)
    aware = plain.str.contains(r":\d.*(?:[Zz]|[+-]\d\d(?::?\d\d)?)$", regex=True).astype(bool)
    zoned = plain[aware].str.replace(" (?=[Zz+-])", "", regex=True).str.upper()
    local = pd.to_datetime(plain[~aware], format="ISO8601", errors="coerce").astype("datetime64[us]")
    moments[local.index] = _local_to_utc(local, zone)
    moments[zoned.index] = pd.to_datetime(zoned, format="ISO8601", errors="coerce", utc=True)
    return moments


def _local_to_utc(local: pd.Series, zone: ZoneInfo) -> pd.Series:
    """Local times as UTC. The first and last years of the calendar (9999-12-31 for "no end") have no zone to shift by."""
    edge = (local.dt.year < 2) | (local.dt.year > 9998)
    first = np.ones(int((~edge).sum()), dtype=bool)
    utc = local.dt.tz_localize("UTC")
    utc[~edge] = local[~edge].dt.tz_localize(zone, ambiguous=first, nonexistent="shift_forward").dt.tz_convert("UTC")
    return utc.astype("datetime64[us, UTC]")
