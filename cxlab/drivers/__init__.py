"""Loyalty drivers: what moves loyalty, how surely, for whom, and what would go with an improvement."""

from cxlab.drivers.accounts import account_priorities, customer_priorities
from cxlab.drivers.answers import DriverAnswers, driver_answers
from cxlab.drivers.asymmetry import diminishing_returns, penalty_reward
from cxlab.drivers.checks import expert_checks
from cxlab.drivers.dominance import dominance
from cxlab.drivers.groups import segment_differences
from cxlab.drivers.importance import bootstrap_importance, importance_from_correlation, relative_importance
from cxlab.drivers.improvement import Improvement, improvement
from cxlab.drivers.loyalty import LoyaltyDrivers, derived_importance, loyalty_drivers
from cxlab.drivers.missing import imputed_drivers, ranking_depends, rows_lost
from cxlab.drivers.model import DriverModel
from cxlab.drivers.paths import path_model
from cxlab.drivers.performance import importance_performance
from cxlab.drivers.priorities import money_priorities
from cxlab.drivers.satisfaction_index import SatisfactionIndex, satisfaction_index
from cxlab.drivers.stated import stated_against_derived
from cxlab.drivers.waves import lagged_drivers

__all__ = [
    "DriverAnswers",
    "DriverModel",
    "Improvement",
    "LoyaltyDrivers",
    "SatisfactionIndex",
    "account_priorities",
    "bootstrap_importance",
    "customer_priorities",
    "derived_importance",
    "diminishing_returns",
    "dominance",
    "driver_answers",
    "expert_checks",
    "importance_from_correlation",
    "importance_performance",
    "improvement",
    "imputed_drivers",
    "lagged_drivers",
    "loyalty_drivers",
    "money_priorities",
    "path_model",
    "penalty_reward",
    "ranking_depends",
    "relative_importance",
    "rows_lost",
    "satisfaction_index",
    "segment_differences",
    "stated_against_derived",
]
