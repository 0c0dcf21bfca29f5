"""Over many seeds of the simulated company: how often does a report find what is planted, and claim what is not?

    python benchmarks/planted_truth.py                         20 seeds of 20,000 customers
    python benchmarks/planted_truth.py --seeds 50 --customers 9000

Each seed is a company of its own, written to a temporary folder and read back like any other study. The functions are
those that the notebooks call, with the parameters that the notebooks have.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Sequence

import pandas as pd
from sklearn.metrics import adjusted_rand_score

import cxlab
from cxlab import findings
from cxlab.demo import write_demo
from cxlab.demo.people import population
from cxlab.drivers import loyalty_drivers
from cxlab.segments import needs_segments
from cxlab.study import Study
from cxlab.survey import movement
from cxlab.value import action_board

PERIOD = "2026-Q3"
CHANGES = {"recommend": "worse", "satisfaction_first_bill": "worse", "effort": "better"}
MIX = "satisfaction_price"


def changes_found(data: Study) -> dict[str, bool]:
    """What the newest tracking wave says of the planted changes, of the mix, and of all that stands still."""
    moved = movement(data.responses, data.items, customers=data.table_or_none("customers"))
    reading = moved.measures.set_index("item")["reading"]
    clear = set(reading.index[reading.isin(["better", "worse"])])
    said = {f"{item} is {word}": reading[item] == word for item, word in CHANGES.items()}
    said["all three changes"] = all(said.values())
    said["the price moves"] = MIX in clear
    said["the price moves, called mix"] = MIX in set(moved.only_mix["item"])
    said["something else is claimed"] = bool(clear - {*CHANGES, MIX})
    return said


def drivers_found(data: Study, random_state: int) -> dict[str, bool]:
    """Whether the first bill comes first, and whether the app, which drives nothing, is claimed."""
    found = loyalty_drivers(data.responses, data.items, data.touchpoints, n_boot=100, random_state=random_state)
    table = found.drivers.set_index("touchpoint")
    return {
        "first bill is the first driver": table["share"].idxmax() == "first_bill",
        "the app is claimed as a driver": bool(table.loc["app", "q_value"] < 0.05),
    }


def segments_found(data: Study, people: pd.DataFrame, random_state: int) -> dict[str, bool]:
    """Whether five groups come back, and whether they are the planted ones."""
    groups = needs_segments(data.responses, data.items, data.table_or_none("customers"), random_state=random_state)
    if not groups.found:
        return {"five groups": False, "groups agree with the planted (ARI at least 0.7)": False}
    placed = groups.members.merge(people, on="customer_id", suffixes=("", "_planted"))
    agreement = adjusted_rand_score(placed["segment_planted"], placed["segment"])
    return {
        "five groups": groups.members["segment"].nunique() == 5,
        "groups agree with the planted (ARI at least 0.7)": agreement >= 0.7,
    }


def actions_found(data: Study) -> dict[str, bool]:
    """Whether the action that worked is seen, and the one that did not is claimed."""
    board = action_board(data.decisions, findings.recorded(), data.responses, data.items, today=data.known_until)
    reading = board.effects.set_index("action_id")["reading"]
    return {"personal contact worked": reading["A1"] == "better", "newsletter is claimed": reading["A2"] == "better"}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=2026, help="the first seed; 2026 is the one `cxlab demo` takes")
    options = parser.parse_args(arguments)
    counts: Counter[str] = Counter()
    for seed in range(options.first, options.first + options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            write_demo(folder, customers=options.customers, random_state=seed)
            data = cxlab.open_study("demo", period=PERIOD, root=folder)
            said = changes_found(data) | drivers_found(data, 0) | actions_found(data)
            said |= segments_found(data, population(options.customers, seed), 0)
        counts.update({name: int(found) for name, found in said.items()})
        print(seed, ", ".join(name for name, found in said.items() if found), flush=True)
    print()
    for name, count in counts.items():
        print(f"{name:50} {count:3} of {options.seeds}")


if __name__ == "__main__":
    main()
