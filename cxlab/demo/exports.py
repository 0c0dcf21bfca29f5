"""The exports of the simulated company, in the shapes and with the faults that real systems give."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
from openpyxl import Workbook

from cxlab.demo import comments as voice
from cxlab.demo import events, surveys
from cxlab.demo.people import dates, day, population, stream
from cxlab.demo.truth import CLOSED, EXPORTED, FELT_AT, IMAGE, NEEDS, OPENED, TOUCHPOINTS, TRUTH, Fieldwork


def write_demo(root: Path, *, customers: int = 20_000, random_state: int = 2026) -> Path:
    """Write the company's exports and its study.toml into data/raw/demo/ and return that folder.

    The same `customers` and `random_state` give the same bytes in every file. Files of an earlier call are replaced;
    whatever else lies in the folder stays, and so do files under `decisions/` that are there already. Raises ValueError
    below 500 customers, where a wave would have too few answers to say anything.
    """
    people = population(customers, random_state)
    staff = events.agents(random_state)
    invited = surveys.invitations(people, random_state)
    answers = {work: surveys.survey(people, invited, work, random_state) for work in TRUTH.fieldworks}
    log = events.event_log(people, staff, random_state)
    asked, after_events = events.event_survey(log, people, staff, random_state)
    tracking = {work.wave: rows for work, rows in answers.items() if work.survey == "tracking"}
    comments = voice.comments(tracking, after_events, log, random_state)
    folder = Path(root) / "data" / "raw" / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    _write_customers(folder / "customers.xlsx", people)
    _write_accounts(folder / "accounts.xlsx", people, random_state)
    _write_invitations(folder / "invitations.csv", invited, asked)
    for work, rows in answers.items():
        path = folder / f"{work.survey}_{work.wave}.csv"
        if work.survey == "tracking":
            _write_tracking(path, rows, work, stream(random_state, f"faults {work.wave}"))
        else:
            _write_deep_dive(path, rows, work, customers)
            _write_staff(folder / f"staff_{work.wave}.csv", surveys.staff_survey(work, staff, random_state))
    _write_events(folder / "events.parquet", events.with_faults(log, random_state))
    _write_event_survey(folder / "event_survey.csv", after_events)
    _write_comments(folder / "comments.csv", comments)
    _write_invoices(folder / "invoices.csv", people, random_state)
    _write_csv(folder / "agents.csv", _table(staff.drop(columns="effect")))
    _write_decisions(folder / "decisions", people, answers)
    (folder / "study.toml").write_bytes(files("cxlab.demo").joinpath("study.toml").read_bytes())
    return folder


def _table(frame: pd.DataFrame) -> list[Sequence[object]]:
    """A table as rows, its names first; what is missing is empty."""
    return [list(frame.columns), *frame.astype(object).where(frame.notna(), "").itertuples(index=False, name=None)]


# ------------------------------------------------------------------------------------------------------------------ CRM


def _write_customers(path: Path, people: pd.DataFrame) -> None:
    """The CRM as an Excel workbook. Contact name and e-mail are artificial and there to be dropped on entry."""
    head = (
        "Customer ID",
        "Account",
        "Contact name",
        "E-mail",
        "Plan",
        "Region",
        "Sales channel",
        "Start date",
        "End date",
    )
    rows: list[Sequence[object]] = [head]
    ended = people["end"] <= day(EXPORTED)
    accounts = people["account_id"].astype(object).where(people["account_id"].notna(), None)
    ends = [date.fromordinal(int(end)) if gone else None for end, gone in zip(people["end"], ended, strict=True)]
    rows += zip(
        people["customer_id"],
        accounts,
        [f"Contact {number}" for number in people["number"]],
        [f"customer{number}@example.com" for number in people["number"]],
        people["plan"],
        people["region"],
        np.where(people["shop"], "shop", "online"),
        dates(people["start"]),
        ends,
        strict=True,
    )
    path.write_bytes(_workbook("Customers", rows))


def _write_accounts(path: Path, people: pd.DataFrame, random_state: int) -> None:
    """The business accounts: industry, who looks after them (a role, no person), whether they are key, when they renew."""
    rng = stream(random_state, "accounts")
    sizes = people["account_id"].value_counts().sort_index()
    n = len(sizes)
    renewal = day(EXPORTED) + rng.integers(-40, 320, n)
    rows: list[Sequence[object]] = [("Account", "Industry", "Looked after by", "Key account", "Renewal date")]
    rows += zip(
        sizes.index,
        rng.choice(["Retail", "Health", "Logistics", "Public sector"], n),
        [f"Account team {1 + int(number) % 6}" for number in rng.integers(0, 6, n)],
        np.where((sizes >= 7).to_numpy(), "yes", "no"),
        dates(renewal),
        strict=True,
    )
    path.write_bytes(_workbook("Accounts", rows))


def _workbook(sheet: str, rows: Iterable[Sequence[object]]) -> bytes:
    """An Excel workbook without a clock: openpyxl writes the present into its properties and its zip entries."""
    book = Workbook(write_only=True)
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    written, fixed = io.BytesIO(), io.BytesIO()
    book.save(written)
    stamp = f"{EXPORTED.isoformat()}T06:00:00Z".encode()
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, content)
            entry = zipfile.ZipInfo(name, (EXPORTED.year, EXPORTED.month, EXPORTED.day, 6, 0, 0))
            target.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return fixed.getvalue()


def _write_invitations(path: Path, invited: pd.DataFrame, asked: pd.DataFrame) -> None:
    """The mailing system's log: one row an invitation, ISO times, with the plan and region of the frame where it was drawn
    from one. Invitations after an event go to the event survey of their quarter."""
    columns = ["survey", "wave", "customer_id", "invited_at", "plan", "region"]
    after = asked.assign(survey="event", wave=_quarter(asked["invited_at"]), plan="", region="")
    table = pd.concat([invited[columns], after[columns]]).sort_values(["invited_at", "customer_id"], kind="stable")
    table["invited_at"] = table["invited_at"].dt.strftime("%Y-%m-%d %H:%M")
    _write_csv(path, _table(table))


def _quarter(moments: pd.Series) -> pd.Series:
    return moments.dt.year.astype(str) + "-Q" + moments.dt.quarter.astype(str)


# -------------------------------------------------------------------------------------------------------------- surveys

_TRACKED = {  # column of the export → the item, and the words asked
    "Q1": ("recommend", "How likely are you to recommend us to a friend or colleague?"),
    "Q2": ("overall", "All in all, how satisfied are you with us?"),
    "Q3_1": ("satisfaction_onboarding", "How satisfied are you with … - Getting started"),
    "Q3_2": ("satisfaction_first_bill", "How satisfied are you with … - Your first bill"),
    "Q3_3": ("satisfaction_app", "How satisfied are you with … - The app"),
    "Q3_4": ("satisfaction_network", "How satisfied are you with … - The network"),
    "Q3_5": ("satisfaction_help", "How satisfied are you with … - Help when you need it"),
    "Q3_6": ("satisfaction_price", "How satisfied are you with … - The price"),
    "Q4": ("effort", "They made it easy for me to handle my issue."),
}
_AFTER_BREAK_OFF = [column for column in _TRACKED if column.startswith(("Q3", "Q4"))]
_SYSTEM = {  # further columns of the survey tool, with their ImportIds
    "StartDate": "startDate",
    "EndDate": "endDate",
    "Status": "status",
    "Progress": "progress",
    "Duration (in seconds)": "duration",
    "Finished": "finished",
    "RecordedDate": "recordedDate",
    "ResponseId": "_recordId",
    "DistributionChannel": "distributionChannel",
    "UserLanguage": "userLanguage",
    "customer_id": "customer_id",
    "wave": "wave",
}


def _write_tracking(path: Path, answers: pd.DataFrame, fieldwork: Fieldwork, rng: np.random.Generator) -> None:
    """One tracking wave as the survey tool exports it: three header rows, numeric choices, 99 for "not used", and the
    planted faults."""
    faults, n = TRUTH.faults, len(answers)
    began = answers["submitted_at"] - pd.to_timedelta(answers["seconds"], unit="s")
    ended = answers["submitted_at"].dt.strftime("%Y-%m-%d %H:%M:%S")
    broken_off = rng.random(n) < faults.broken_off
    table = pd.DataFrame(
        {
            "StartDate": began.dt.strftime("%Y-%m-%d %H:%M:%S"),
            "EndDate": ended,
            "Status": "0",
            "Progress": np.where(broken_off, "40", "100"),
            "Duration (in seconds)": answers["seconds"].astype(str),
            "Finished": np.where(broken_off, "0", "1"),
            "RecordedDate": ended,
            "ResponseId": answers["response_id"],
            "DistributionChannel": "email",
            "UserLanguage": "EN",
            "customer_id": _strangers(answers["customer_id"], rng),
            "wave": fieldwork.wave,
        }
    )
    for column, (item, _) in _TRACKED.items():
        skipped = rng.random(n) < faults.left_blank
        if column in _AFTER_BREAK_OFF:
            skipped |= broken_off
        table[column] = answers[item].astype(str).where(~skipped, "")
    columns = list(table.columns)
    if fieldwork.wave == faults.effort_renamed_in:
        columns[columns.index("Q4")] = "Q4_1"
    heads = _three_header_rows(columns)
    rows: list[Sequence[object]] = list(table.itertuples(index=False, name=None))
    again = [rows[position] for position in np.sort(rng.choice(n, faults.duplicates, replace=False))]
    middle = n // 2
    joined = heads if fieldwork.wave == faults.header_repeated_in else []
    _write_csv(path, [*heads, *rows[:middle], *joined, *rows[middle:], *again])


def _three_header_rows(columns: list[str]) -> list[list[str]]:
    """Names, question texts and ImportIds, as Qualtrics writes them."""
    asked = {column: text for column, (_, text) in _TRACKED.items()}
    texts = [asked.get(column.replace("Q4_1", "Q4"), column) for column in columns]
    ids = [_SYSTEM.get(column, column.replace("Q", "QID", 1)) for column in columns]
    return [columns, texts, [json.dumps({"ImportId": one}, separators=(",", ":")) for one in ids]]


def _strangers(customer_ids: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Some answers come through a forwarded link: with an id that the CRM does not have, or with none."""
    unknown, without = TRUTH.faults.unknown_customers, TRUTH.faults.without_customer
    places = rng.choice(len(customer_ids), unknown + without, replace=False)
    shown = customer_ids.copy()
    shown.iloc[places[:unknown]] = [f"X{number:06d}" for number in rng.integers(0, 1_000_000, unknown)]
    shown.iloc[places[unknown:]] = ""
    return shown


def _write_deep_dive(path: Path, answers: pd.DataFrame, fieldwork: Fieldwork, customers: int) -> None:
    """The agency's file: cp1252, semicolons, decimal commas, dates like 31.12.2026, and a weight that restores the
    tenure bands and plans of those who could be invited."""
    rates = surveys.response_rates(answers, fieldwork) * surveys.invited_rates(answers, fieldwork, customers)
    weights = (1 / rates) / (1 / rates).mean()
    columns: dict[str, object] = {
        "Interview": [str(number) for number in range(1, len(answers) + 1)],
        "Kundennummer": answers["customer_id"],
        "Konto": answers["account_id"].fillna(""),
        "Datum": answers["submitted_at"].dt.strftime("%d.%m.%Y"),
        "Länge_min": [f"{seconds / 20:.1f}".replace(".", ",") for seconds in answers["seconds"]],
        "Gebiet": answers["region"],
        "Gewicht": [f"{weight:.4f}".replace(".", ",") for weight in weights],
    }
    for prefix, kind, names in _BATTERIES:
        for number, name in enumerate(names, 1):
            columns[f"{prefix}{number}"] = answers[f"{kind}_{name}"].astype(str)
    columns |= {"L1": answers["recommend"], "L2": answers["overall"]}
    columns |= {"X1": answers["wallet_rank"], "X2": answers["brands_used"]}
    _write_csv(path, _table(pd.DataFrame(columns)), delimiter=";", encoding="cp1252", newline="\r\n")


_BATTERIES = (  # column of the agency's file, what it asks, of what
    ("W", "need", NEEDS),
    ("E", "expectation", TOUCHPOINTS),
    ("Z", "satisfaction", TOUCHPOINTS),
    ("G", "goal", tuple(TRUTH.goals)),
    ("P", "problem", tuple(TRUTH.problems)),
    ("A", "effort", tuple(TRUTH.effort_at)),
    ("F", "enjoyment", tuple(TRUTH.enjoyment)),
    ("B", "image", IMAGE),
    ("M", "felt", FELT_AT),
)


def _write_staff(path: Path, answers: pd.DataFrame) -> None:
    """The staff survey: how satisfied they believe customers to be (S1 to S6), and their own attitude (S7)."""
    table = pd.DataFrame(
        {"Nr": range(1, len(answers) + 1), "Team": answers["team"], "Date": answers["day"].astype(str)}
    )
    for number, touchpoint in enumerate(TOUCHPOINTS, 1):
        table[f"S{number}"] = answers[f"satisfaction_{touchpoint}"]
    _write_csv(path, _table(table.assign(S7=answers["attitude"])))


def _write_event_survey(path: Path, answers: pd.DataFrame) -> None:
    """The survey after an order, an activation, a call for help and the resolution of a complaint."""
    table = pd.DataFrame(
        {
            "response_id": answers["response_id"],
            "customer_id": answers["customer_id"],
            "event_id": answers["event_id"],
            "touchpoint": answers["touchpoint"],
            "agent_id": answers["agent_id"],
            "submitted_at": answers["submitted_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "satisfaction": answers["satisfaction"],
            "ease": answers["ease"],
        }
    )
    _write_csv(path, _table(table))


# --------------------------------------------------------------------------------------------- events, comments, invoices


def _write_events(path: Path, log: pd.DataFrame) -> None:
    """The event log as a warehouse exports it: parquet, no order of rows, naive times in UTC."""
    log.reset_index(drop=True).to_parquet(path, index=False)


def _write_comments(path: Path, comments: pd.DataFrame) -> None:
    columns = ["comment_id", "customer_id", "response_id", "source", "touchpoint", "submitted_at", "rating", "text"]
    table = comments[columns].assign(submitted_at=comments["submitted_at"].dt.strftime("%Y-%m-%d %H:%M:%S"))
    table["rating"] = [f"{rating:.0f}" if rating == rating else "" for rating in comments["rating"]]
    _write_csv(path, _table(table))


_PRICES = {"Basic": 45.0, "Plus": 75.0, "Family": 120.0, "Business": 90.0}  # a quarter
_DUE_DAYS = 14


def _write_invoices(path: Path, people: pd.DataFrame, random_state: int) -> None:
    """One invoice a customer and quarter. The less goodwill, the later it is paid; some are not paid yet."""
    rng = stream(random_state, "invoices")
    parts = []
    for issued in pd.date_range(OPENED, CLOSED, freq="QS", inclusive="left"):
        at = day(issued.date())
        there = np.flatnonzero((people["start"] <= at) & (people["end"] > at))
        goodwill = people["goodwill"].to_numpy()[there]
        waits = rng.exponential(12.0 * np.exp(-0.35 * goodwill)).astype(int) + 1
        prices = people["plan"].map(_PRICES).to_numpy()[there] * (1 + 0.15 * rng.random(len(there)))
        part = pd.DataFrame({"row": there, "issued": issued, "paid": issued + pd.to_timedelta(waits, unit="D")})
        parts.append(part.assign(amount=prices.round(2)))
    table = pd.concat(parts, ignore_index=True)
    number = np.arange(1, len(table) + 1)
    paid = table["paid"].where(table["paid"] <= pd.Timestamp(EXPORTED))
    _write_csv(
        path,
        _table(
            pd.DataFrame(
                {
                    "invoice": number,
                    "customer_id": people["customer_id"].to_numpy()[table["row"]],
                    "account_id": people["account_id"].to_numpy()[table["row"]],
                    "issued": table["issued"].dt.strftime("%Y-%m-%d"),
                    "due": (table["issued"] + pd.Timedelta(days=_DUE_DAYS)).dt.strftime("%Y-%m-%d"),
                    "paid": paid.dt.strftime("%Y-%m-%d"),
                    "amount": table["amount"],
                }
            )
        ),
    )


# ------------------------------------------------------------------------------------------------------------ decisions


def _write_decisions(folder: Path, people: pd.DataFrame, answers: dict[Fieldwork, pd.DataFrame]) -> None:
    """What the company's people decided in spring 2026: two actions for accounts, one for all. Never written over.

    The personal contact went to accounts drawn by lot. The newsletter went to the least satisfied of the others: that
    they answer better afterwards is chance coming to its middle, and no effect.
    """
    folder.mkdir(exist_ok=True)
    if not (folder / "actions.csv").exists():
        _write_csv(folder / "actions.csv", [_ACTION_COLUMNS, *_ACTIONS])
    if (folder / "action_units.csv").exists():
        return
    first = next(rows for work, rows in answers.items() if work.survey == "deep_dive")
    known = first[first["account_id"].notna() & ~first["personal_contact"]]
    worst = known.groupby("account_id")["overall"].mean().sort_values(kind="stable")
    newsletter = sorted(worst.index[: round(TRUTH.treated_accounts * len(worst))])
    contacted = sorted(people.loc[people["personal_contact"], "account_id"].dropna().unique())
    rows = [("A1", account) for account in contacted] + [("A2", account) for account in newsletter]
    _write_csv(folder / "action_units.csv", [("action_id", "account_id"), *rows])


_ACTION_COLUMNS = (
    "action_id", "action", "level", "target", "owner", "due", "started", "metric", "expected_effect", "finding", "status",
)  # fmt: skip
_ACTIONS = (
    ("A1", "A personal contact for business accounts", "account", "accounts by lot", "Account teams", "2026-03-31",
     "2026-03-01", "overall", "0.5", "", "done"),
    ("A2", "A monthly newsletter for unhappy accounts", "account", "the least satisfied accounts", "Marketing",
     "2026-03-31", "2026-03-01", "overall", "0.3", "", "done"),
    ("A3", "Explain the first bill in the app", "all", "", "Billing", "2026-12-15",
     "", "satisfaction_first_bill", "0.2", "tracking_satisfaction_first_bill", "open"),
)  # fmt: skip


def _write_csv(
    path: Path,
    rows: Iterable[Sequence[object]],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    newline: str = "\n",
) -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter, lineterminator=newline).writerows(rows)
