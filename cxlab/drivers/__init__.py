"""Loyalty drivers: what moves loyalty, how surely, for whom, and what would go with an improvement."""

from cxlab.drivers.accounts import account_priorities, customer_priorities
from cxlab.drivers.answers import DriverAnswers, driver_answers
from cxlab.drivers.asymmetry import diminishing_returns, penalty_reward
from cxlab.drivers.checks import expert_checks
from cxlab.drivers.credibility import Credibility, credibility
from cxlab.drivers.dominance import dominance
from cxlab.drivers.groups import segment_differences
from cxlab.drivers.heterogeneity import ForWhom, for_whom
from cxlab.drivers.importance import bootstrap_importance, importance_from_correlation, relative_importance
from cxlab.drivers.improvement import Improvement, improvement
from cxlab.drivers.loyalty import LoyaltyDrivers, derived_importance, loyalty_drivers
from cxlab.drivers.missing import among_users, imputed_drivers, ranking_depends, rows_lost
from cxlab.drivers.model import DriverModel
from cxlab.drivers.paths import path_model
from cxlab.drivers.performance import importance_performance
from cxlab.drivers.priorities import money_priorities
from cxlab.drivers.said import SaidAgainstDerived, said_against_derived
from cxlab.drivers.satisfaction_index import SatisfactionIndex, satisfaction_index
from cxlab.drivers.sensitivity import omitted_driver
from cxlab.drivers.shape import Shape, shape_of
from cxlab.drivers.simulate import Simulator, WhatIf
from cxlab.drivers.stated import stated_against_derived
from cxlab.drivers.waves import lagged_drivers
from cxlab.drivers.widget import what_if_sliders

__all__ = [
    "Credibility",
    "DriverAnswers",
    "DriverModel",
    "ForWhom",
    "Improvement",
    "LoyaltyDrivers",
    "SaidAgainstDerived",
    "SatisfactionIndex",
    "Shape",
    "Simulator",
    "WhatIf",
    "account_priorities",
    "among_users",
    "bootstrap_importance",
    "credibility",
    "customer_priorities",
    "derived_importance",
    "diminishing_returns",
    "dominance",
    "driver_answers",
    "expert_checks",
    "for_whom",
    "importance_from_correlation",
    "importance_performance",
    "improvement",
    "imputed_drivers",
    "lagged_drivers",
    "loyalty_drivers",
    "money_priorities",
    "omitted_driver",
    "path_model",
    "penalty_reward",
    "ranking_depends",
    "relative_importance",
    "rows_lost",
    "said_against_derived",
    "satisfaction_index",
    "segment_differences",
    "shape_of",
    "stated_against_derived",
    "what_if_sliders",
]
