"""Retention, value and actions: who stays, what it is worth, and whether what was decided worked."""

from cxlab.inference.survival import kaplan_meier, log_rank
from cxlab.value.actions import ActionBoard, action_board, action_effect, action_table, call_list
from cxlab.value.retention import Retention, days_to_pay, retention, wallet_share

__all__ = [
    "ActionBoard",
    "Retention",
    "action_board",
    "action_effect",
    "action_table",
    "call_list",
    "days_to_pay",
    "kaplan_meier",
    "log_rank",
    "retention",
    "wallet_share",
]
