"""What the canonical tables hold: keys, ids, times, numbers and texts, and the moment from which a row counts."""

from __future__ import annotations

from dataclasses import dataclass

ADDED = ("from_source", "counted_at", "in_period")  # columns that no export brings: made by ingest and select


@dataclass(frozen=True)
class Schema:
    """One canonical table.

    `counts` is the column with the moment from which a row counts; in a `dated` table every row needs one, in the others
    a row without it counts always. `future` are times that are unknown before they have come. `constants` are columns
    that study.toml may give one value for a whole file. `keep_all`: columns that nobody mapped are kept.
    """

    key: str | None = None
    ids: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    counts: str | None = None
    future: tuple[str, ...] = ()
    constants: tuple[str, ...] = ()
    dated: bool = True
    keep_all: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The canonical columns, the key first."""
        return (*((self.key,) if self.key else ()), *self.ids, *self.times, *self.numbers, *self.texts)

    @property
    def all_ids(self) -> tuple[str, ...]:
        return (self.key, *self.ids) if self.key else self.ids


SCHEMAS: dict[str, Schema] = {
    "customers": Schema(
        key="customer_id",
        ids=("account_id",),
        times=("start_date", "end_date"),
        texts=("role",),
        required=("customer_id",),
        counts="start_date",
        future=("end_date",),
        dated=False,
        keep_all=True,
    ),
    "accounts": Schema(
        key="account_id",
        times=("renewal_date",),
        texts=("owner", "key"),
        required=("account_id",),
        dated=False,
        keep_all=True,
    ),
    "events": Schema(
        ids=("customer_id", "event_id", "agent_id"),
        times=("timestamp", "end_timestamp"),
        numbers=("value",),
        texts=("touchpoint", "channel", "team"),
        required=("customer_id", "timestamp", "touchpoint"),
        counts="timestamp",
        future=("end_timestamp",),
        constants=("touchpoint",),
    ),
    "responses": Schema(
        key="response_id",
        ids=("customer_id", "account_id", "event_id", "agent_id", "cluster", "stratum"),
        times=("submitted_at",),
        numbers=("weight", "seconds", "minutes"),
        texts=("survey", "perspective", "wave", "touchpoint", "channel", "team"),
        required=("response_id", "survey", "perspective", "wave"),
        counts="submitted_at",
        constants=("survey", "perspective", "wave", "touchpoint"),
    ),
    "invitations": Schema(
        ids=("customer_id",),
        times=("invited_at",),
        texts=("survey", "wave"),
        required=("survey", "wave"),
        counts="invited_at",
        constants=("survey", "wave"),
        keep_all=True,
    ),
    "comments": Schema(
        key="comment_id",
        ids=("customer_id", "response_id"),
        times=("submitted_at",),
        numbers=("rating",),
        texts=("text", "source", "wave", "touchpoint", "segment", "coded_sentiment"),
        required=("comment_id", "text", "source"),
        counts="submitted_at",
        constants=("source", "wave", "touchpoint"),
    ),
    "transactions": Schema(
        ids=("customer_id", "account_id"),
        times=("timestamp", "due_at", "paid_at"),
        numbers=("amount",),
        texts=("product",),
        required=("timestamp", "amount"),
        counts="timestamp",
        future=("paid_at",),
    ),
    "agents": Schema(
        key="agent_id",
        times=("start_date",),
        texts=("team", "unit"),
        required=("agent_id",),
        counts="start_date",
        dated=False,
        keep_all=True,
    ),
}
