"""Customer journeys rebuilt from event logs: order, transitions, variants, rules, stages, segments."""

from cxlab.journeys.log import Journeys
from cxlab.journeys.maps import CustomerJourneys, customer_journeys
from cxlab.journeys.reconstruct import reconstruct

__all__ = ["CustomerJourneys", "Journeys", "customer_journeys", "reconstruct"]
