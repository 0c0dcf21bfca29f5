"""Loyalty drivers: what moves loyalty, with what certainty."""

from cxlab.drivers.importance import relative_importance
from cxlab.drivers.model import DriverModel, LoyaltyDrivers, loyalty_drivers

__all__ = ["DriverModel", "LoyaltyDrivers", "loyalty_drivers", "relative_importance"]
