"""The simulated company: what its systems export, over one population whose truth is known.

`write_demo` writes the exports of a fictional subscription company in the shapes that real systems give, faults included.
`expected` says what every surveyed figure truly is, so that a report on these files can be held against it. All planted
numbers stand in `Truth`; docs/simulated-company.md repeats them in words. Nobody in these files exists.
"""

from cxlab.demo.exports import write_demo
from cxlab.demo.surveys import expected
from cxlab.demo.truth import LAST_PERIODS, TRUTH, Truth

__all__ = ["LAST_PERIODS", "TRUTH", "Truth", "expected", "write_demo"]
