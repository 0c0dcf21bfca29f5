"""Removing a person: from what is processed and published now, and from every later run.

What stays is a salted hash of the id under `decisions/`, so that the exports, which cxlab never changes, cannot bring the
person back.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import secrets
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from cxlab.problems import Problem, StudyError

_KEYS = ("customer_id", "response_id", "comment_id")


@dataclass(frozen=True)
class ForgottenIds:
    """The hashes of the customers of a study who are to be forgotten."""

    salt: str = ""
    hashes: frozenset[str] = field(default_factory=frozenset)

    def mask(self, ids: pd.Series) -> pd.Series:
        """Which rows belong to a forgotten customer: booleans on the index of `ids`."""
        if not self.hashes:
            return pd.Series(False, index=ids.index)
        gone = {value for value in ids.dropna().unique() if self.hash_of(value) in self.hashes}
        return ids.isin(gone)

    def hash_of(self, customer_id: object) -> str:
        """The salted hash under which an id is remembered."""
        return hashlib.blake2b(str(customer_id).encode(), key=self.salt.encode(), digest_size=24).hexdigest()


def forgotten_hashes(root: Path, study: str) -> ForgottenIds:
    """Those who were forgotten in a study.

    Raises `StudyError` where the file cannot be read, so that nobody comes back by mistake.
    """
    path = _remembered(root, study)
    if not path.is_file():
        return ForgottenIds()
    try:
        stored = json.loads(path.read_text("utf-8"))
        return ForgottenIds(str(stored["salt"]), frozenset(stored["hashes"]))
    except (ValueError, KeyError, TypeError):
        where = path.relative_to(root).as_posix()
        raise StudyError(Problem(where, "is not as `cxlab forget` writes it", "bring it back from a backup")) from None


def _remembered(root: Path, study: str) -> Path:
    return root / "data" / "raw" / study / "decisions" / "forgotten.json"


def forget(root: Path, study: str, customer_id: str, *, unknown: bool = False) -> list[str]:
    """Remove a customer of a study; returns what was done, a line each.

    An id that no table knows is refused, because it may be a slip of the pen, unless `unknown` says that it is meant.

    Their rows leave products, decisions, restricted lists and published tables of persons at once; cached tables are
    removed and made again without them. The exports under data/raw are never changed: the hash of the id keeps the rows
    out, and the reports are without them from their next run. Raises `StudyError` for a study that is not there.
    """
    if not (root / "data" / "raw" / study / "study.toml").is_file():
        raise StudyError(Problem("cxlab forget", f"there is no data/raw/{study}/study.toml", "check the study's name"))
    customer_id = customer_id.strip()
    if not customer_id:
        raise StudyError(Problem("cxlab forget", "the id is empty", "write the customer_id as the exports have it"))
    processed = root / "data" / "processed" / study
    ids = _ids_of(processed / "tables", customer_id)
    known = ids.pop("known", set())
    has_tables = any((processed / "tables").glob("*/*.parquet"))
    if has_tables and not known and not unknown:
        what = f"no table of {study} knows the customer `{customer_id}`"
        raise StudyError(Problem("cxlab forget", what, "write it as the exports do, or say --unknown if it is meant"))
    _remember(root, study, customer_id)
    shutil.rmtree(processed / "tables", ignore_errors=True)
    done = []
    for path in sorted(processed.rglob("*.parquet")):
        done += _told(path, root, _without_parquet(path, ids))
    decisions, reports = root / "data" / "raw" / study / "decisions", root / "reports" / study
    for path in [*sorted(decisions.rglob("*.csv")), *sorted(reports.rglob("*.csv"))]:
        done += _told(path, root, _without_csv(path, ids))
    if not known:
        why = "knows" if has_tables else "is there to look up"
        done.append(f"no table of {study} {why} `{customer_id}`; if the id is right it is kept out from now on")
    done += [
        f"a salted hash of the id stands in data/raw/{study}/decisions/forgotten.json: every later run leaves the person out",
        f"the exports in data/raw/{study} still hold the person: remove the rows where they come from",
        f"published pages still count the person: run the periods of {study} again",
    ]
    return done


def _remember(root: Path, study: str, customer_id: str) -> None:
    known = forgotten_hashes(root, study)
    known = ForgottenIds(known.salt or secrets.token_hex(16), known.hashes)
    path = _remembered(root, study)
    path.parent.mkdir(exist_ok=True)
    stored = {"salt": known.salt, "hashes": sorted({*known.hashes, known.hash_of(customer_id)})}
    _replace(path, (json.dumps(stored, indent=1) + "\n").encode())


def _ids_of(tables: Path, customer_id: str) -> dict[str, set[str]]:
    """The ids that stand for the customer: their own and those of their responses and comments, as far as tables know."""
    ids: dict[str, set[str]] = {key: set() for key in (*_KEYS, "known")}
    ids["customer_id"].add(customer_id)
    for name, key in (("customers", "customer_id"), ("responses", "response_id"), ("comments", "comment_id")):
        for path in tables.glob(f"*/{name}.parquet"):
            frame = pd.read_parquet(path)
            theirs = _rows_of(frame, ids)
            if theirs.any():
                ids["known"].add(name)
                ids[key] |= set(frame.loc[theirs, key].astype(str))
    return ids


def _rows_of(frame: pd.DataFrame, ids: dict[str, set[str]]) -> pd.Series:
    theirs = pd.Series(False, index=frame.index)
    for key in _KEYS:
        if key in frame:
            theirs |= frame[key].astype(str).isin(ids[key])
        elif key in frame.index.names:
            theirs |= pd.Series(frame.index.get_level_values(key).astype(str).isin(ids[key]), index=frame.index)
    return theirs


def _without_parquet(path: Path, ids: dict[str, set[str]]) -> int:
    frame = pd.read_parquet(path)
    theirs = _rows_of(frame, ids)
    if theirs.any():
        content = io.BytesIO()
        frame[~theirs].to_parquet(content)
        _replace(path, content.getvalue())
    return int(theirs.sum())


def _without_csv(path: Path, ids: dict[str, set[str]]) -> int:
    """Line by line, so that what a person edited stays as it was written."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    columns = {key: rows[0].index(key) for key in _KEYS if rows and key in rows[0]}
    stay = [
        row
        for number, row in enumerate(rows)
        if not number or not any(at < len(row) and row[at].lstrip("'") in ids[key] for key, at in columns.items())
    ]
    if len(stay) < len(rows):
        content = io.StringIO()
        csv.writer(content, lineterminator="\n").writerows(stay)
        _replace(path, content.getvalue().encode())
    return len(rows) - len(stay)


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_bytes(content)
    if path.exists():
        shutil.copymode(path, partial)  # a restricted list stays its owner's
    os.replace(partial, path)


def _told(path: Path, root: Path, n: int) -> list[str]:
    return [f"{path.relative_to(root).as_posix()}: {n:,} {'row' if n == 1 else 'rows'} removed"] if n else []
