"""Loyalty drivers: what moves loyalty, with what certainty."""

from cxlab.drivers.importance import relative_importance
from cxlab.drivers.loyalty import LoyaltyDrivers, derived_importance, loyalty_drivers
from cxlab.drivers.model import DriverModel

__all__ = ["DriverModel", "LoyaltyDrivers", "derived_importance", "loyalty_drivers", "relative_importance"]
