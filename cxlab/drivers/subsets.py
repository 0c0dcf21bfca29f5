"""What does every subset of drivers explain, and what is a driver's fair part of it?

The input is a correlation (or covariance) matrix with the outcome last; (games, p + 1, p + 1) is a stack of them. Its answer is an
array of 2^players values: player j is bit j of a subset's number, so that value 0b101 is what players 0 and 2 explain together. A
player is a driver, or several that enter together (`players` holds their columns).

No regression is solved. Each step takes one player out of the matrix and doubles the arrays: the first half leaves him out of the
model, the second sweeps him into it (a Schur complement). After the last step one number a subset remains, the variance of the
outcome that it leaves. The work is in proportion to 2^players, and `lmg` never holds all of it: the arrays of the first players are
carried in chunks through the others, and only sums by size are kept.

`shapley` (Shapley, *Contributions to the Theory of Games* II, 1953) is the gain of a player averaged over all orders of entering; of R²
this is LMG (Lindeman, Merenda & Gold, 1980). `pmvd` weights the orders by what remains to be explained (Feldman, *Relative importance
and value*, 2005): it is the proportional value of the dual game, and gives a driver without a coefficient nothing.

The matrix has to be positive definite; `cxlab.drivers.correlations` checks that and names who follows from whom. More than
`MOST_EXACT` players are refused; `sampled_lmg` draws orders and says how far the drawing may be off.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Players = Sequence[Sequence[int]]
MOST_EXACT = 25  # players up to which `lmg` visits all subsets
MOST_HELD = 20  # players up to which the values of all subsets are held at once, for PMVD and dominance
_CHUNK = 2**17  # numbers in an array that is doubled: a core keeps it in its cache
_INNER = 10  # players that a chunk of `lmg` is carried through
_ABREAST = 8  # matrices that are worth carrying side by side
_WHOLE = 16  # players up to which `lmg` needs no chunks of one matrix
_NOTHING = 1e-13  # a gain in R² that is rounding


def given(correlation: Floats, always: Sequence[int]) -> Floats:
    """What is left of a matrix once the columns `always` are held fixed (their rows and columns are gone)."""
    if not len(always):
        return correlation
    rest = [at for at in range(correlation.shape[-1]) if at not in set(always)]
    across = correlation[..., rest, :][..., list(always)]
    inside = correlation[..., list(always), :][..., list(always)]
    left: Floats = correlation[..., rest, :][..., rest] - across @ np.linalg.solve(inside, np.swapaxes(across, -1, -2))
    return left


def all_r2(correlation: Floats, players: Players | None = None) -> Floats:
    """What every subset of players explains of the outcome's variance (2^players, or × games); nobody explains 0."""
    rows, sizes = _in_order(correlation, players, first=[])
    if len(sizes) > MOST_EXACT:
        raise ValueError(f"{len(sizes)} drivers have 2^{len(sizes)} subsets; group them to {MOST_EXACT} at most")
    start = rows[-1]
    explained = start - _left(rows, sizes).reshape(-1, start.shape[1])
    return explained if correlation.ndim == 3 else explained[:, 0]


def _in_order(correlation: Floats, players: Players | None, *, first: Sequence[int]) -> tuple[list[Floats], list[int]]:
    """The upper triangle, row by row (columns × games), so that `first` and then the other players are taken out in turn."""
    stack = np.asarray(correlation, dtype=float)
    stack = stack if stack.ndim == 3 else stack[None]
    who = [[j] for j in range(stack.shape[-1] - 1)] if players is None else [list(columns) for columns in players]
    turn = [*first, *(j for j in range(len(who)) if j not in set(first))]
    order = [column for j in turn for column in who[j]] + [stack.shape[-1] - 1]
    rows = [np.ascontiguousarray(stack[:, order[i], :][:, order[i:]].T) for i in range(len(order))]
    return rows, [len(who[j]) for j in turn]


def _left(rows: list[Floats], sizes: list[int], space: list[Floats] | None = None) -> Floats:
    """The variance that each subset leaves. `space` is that of `_space`, to use it again: fresh memory costs more than the sums."""
    space = _space(rows, sizes) if space is None else space
    for turn, size in enumerate(sizes):
        rows = _doubled(rows, size, space[turn % 2], space[2])
    return rows[0][0]


def _space(rows: list[Floats], sizes: list[int]) -> list[Floats]:
    """Room for the arrays of two steps in turn, and for the factors of one."""
    m, n = len(rows), rows[0].shape[1]
    arrays = factors = 0
    for size in sizes:
        m -= size
        factors = max(factors, m * n)
        n *= 2
        arrays = max(arrays, m * (m + 1) // 2 * n)
    return [np.empty(arrays), np.empty(arrays), np.empty(factors)]


def _doubled(rows: list[Floats], size: int, space: Floats, factors: Floats) -> list[Floats]:
    """Without the next player (first half of every array), and with all `size` columns of his swept in (second half)."""
    swept = rows
    for _ in range(size - 1):
        swept = [row - swept[0][i:] * (swept[0][i] / swept[0][0]) for i, row in enumerate(swept[1:], start=1)]
    pivot = swept[0]
    m, n = len(pivot) - 1, pivot.shape[1]
    factor = np.divide(pivot[1:], pivot[0], out=factors[: m * n].reshape(m, n))
    made, at = [], 0
    for i in range(1, m + 1):
        kept = rows[i + size - 1]
        both = space[at : at + len(kept) * 2 * n].reshape(len(kept), 2 * n)
        at += both.size
        both[:, :n] = kept
        right = both[:, n:]
        np.multiply(pivot[i:], factor[i - 1], out=right)
        np.subtract(swept[i], right, out=right)
        made.append(both)
    return made


def _sizes(p: int) -> npt.NDArray[np.intp]:
    return np.bitwise_count(np.arange(2**p, dtype=np.uint32)).astype(np.intp)


def _joining(p: int) -> tuple[Floats, Floats]:
    """By size k of a subset: the weight of joining it, 1/(p·C(p−1, k)), and that plus the weight of having joined to it."""
    joining = np.array([1.0 / (p * comb(p - 1, k)) for k in range(p)] + [0.0])
    return joining, joining + np.concatenate([[0.0], joining[:p]])


def player_count(values: Floats) -> int:
    """How many players have so many subsets. Refuses what is no power of two, and a value that is missing."""
    n = len(values)
    if n < 2 or n & (n - 1):
        raise ValueError(f"{n} values are not one for every subset of players: their number is 2, 4, 8 and so on")
    if not np.isfinite(values).all():
        at = int(np.argwhere(~np.isfinite(values))[0][0])
        members = [j for j in range(n.bit_length() - 1) if at >> j & 1]
        raise ValueError(f"the subset of players {members} has no value; every subset needs one")
    return n.bit_length() - 1


def shapley(values: Floats) -> Floats:
    """Each player's share of a game, whose value is given for every subset (2^p, or 2^p × games)."""
    p = player_count(values)
    joining, both = _joining(p)
    size = _sizes(p)
    total = joining[size] @ values
    left = values * (both[size] if values.ndim == 1 else both[size][:, None])
    shares = []
    for _ in range(p):
        shares.append(left[1::2].sum(axis=0) - total)
        left = left[0::2] + left[1::2]
    return np.stack(shares, axis=-1)


def lmg(correlation: Floats, players: Players | None = None) -> Floats:
    """Shares of R² by all orders; a stack of matrices gives a row each."""
    p = correlation.shape[-1] - 1 if players is None else len(players)
    if p > MOST_EXACT:
        raise ValueError(
            f"{p} drivers have 2^{p} subsets; ask for sampled orders, use method johnson, or group drivers to "
            f"{MOST_EXACT} at most"
        )
    stack = np.asarray(correlation, dtype=float)
    stack = stack if stack.ndim == 3 else stack[None]
    found = np.empty((len(stack), p))
    if p > _WHOLE:
        for at, one in enumerate(stack):
            found[at] = _lmg_in_chunks(one, players, p)
    elif len(stack):
        step = _CHUNK >> p if _CHUNK >> p >= _ABREAST else 1
        rows, sizes = _in_order(stack, players, first=[])
        start = rows[-1]
        space = _space([row[:, :step] for row in rows], sizes)
        for at in range(0, len(stack), step):
            left = _left([np.ascontiguousarray(row[:, at : at + step]) for row in rows], sizes, space)
            explained = start[:, at : at + step] - left.reshape(2**p, -1)
            found[at : at + step] = shapley(explained if step > 1 else explained[:, 0])
    return found if correlation.ndim == 3 else found[0]


def _lmg_in_chunks(correlation: Floats, players: Players | None, p: int) -> Floats:
    """The last players first, all their subsets at once; then chunks of those subsets carried through the first `_INNER`."""
    inner, outer = _INNER, p - _INNER
    rows, sizes = _in_order(correlation, players, first=range(inner, p))
    start = float(rows[-1][0, 0])
    space = _space(rows, sizes[:outer])
    for turn, size in enumerate(sizes[:outer]):
        rows = _doubled(rows, size, space[turn % 2], space[2])
    joining, both = _joining(p)
    outer_size, inner_size = _sizes(outer), _sizes(inner)
    by_size = np.zeros((outer + 1, 2**inner))  # sums over outer subsets of one size
    by_outer = np.empty(2**outer)  # weighted sums over inner subsets
    step = max(1, _CHUNK >> inner)
    space = _space([row[:, :step] for row in rows], sizes[outer:])
    for size in range(outer + 1):
        ours = np.flatnonzero(outer_size == size)
        for at in range(0, len(ours), step):
            chunk = ours[at : at + step]
            left = _left([row[:, chunk] for row in rows], sizes[outer:], space)
            explained = start - left.reshape(-1, len(chunk))
            by_size[size] += explained.sum(axis=1)
            by_outer[chunk] = both[inner_size + size] @ explained
    total = sum(float(joining[inner_size + size] @ by_size[size]) for size in range(outer + 1))
    by_inner = sum(both[inner_size + size] * by_size[size] for size in range(outer + 1))
    inner_sums, outer_sums = _sums_with(np.asarray(by_inner)), _sums_with(by_outer)
    return np.concatenate([inner_sums, outer_sums]) - total


def _sums_with(weighted: Floats) -> Floats:
    """For each player the sum over the subsets that he is in."""
    sums = []
    while len(weighted) > 1:
        sums.append(weighted[1::2].sum())
        weighted = weighted[0::2] + weighted[1::2]
    return np.array(sums)


def sampled_lmg(
    correlation: Floats, players: Players | None, n_orders: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """LMG over `n_orders` random orders, each with its reverse, and the standard error that is due to drawing them.

    A Cholesky root gives all gains of one order, so the work is n_orders · columns³ and the number of players is free.
    """
    if n_orders < 4:
        raise ValueError(f"`n_orders` must be at least 4 to show how far orders differ, got {n_orders}")
    columns = len(correlation) - 1
    who = [[j] for j in range(columns)] if players is None else [list(one) for one in players]
    owner = np.empty(columns, dtype=np.intp)
    for j, members in enumerate(who):
        owner[members] = j
    matrix = np.array(correlation, dtype=float)
    matrix[-1, -1] = 2 * matrix[-1, -1]  # the outcome's own variance changes no gain, and its root must exist at R² = 1
    pairs = n_orders // 2
    step = max(1, 2**20 // (columns + 1) ** 2)
    found = np.empty((pairs, len(who)))
    for at in range(0, pairs, step):
        key = rng.random((min(step, pairs - at), len(who)))
        found[at : at + len(key)] = (_gains(matrix, owner, key) + _gains(matrix, owner, -key)) / 2
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(pairs)


def _gains(matrix: Floats, owner: npt.NDArray[np.intp], key: Floats) -> Floats:
    """The gain of every player in the orders that `key` (orders × players) sorts."""
    order = np.argsort(key[:, owner], axis=1, kind="stable")
    whole = np.concatenate([order, np.full((len(key), 1), len(owner))], axis=1)
    root = np.linalg.cholesky(matrix[whole[:, :, None], whole[:, None, :]])
    gains = np.zeros_like(key)
    np.add.at(gains, (np.arange(len(key))[:, None], owner[order]), root[:, -1, :-1] ** 2)
    return gains


def pmvd(values: Floats) -> Floats:
    """Proportional marginal variance decomposition of a game that never falls as players join (2^p, or 2^p × games).

    P(nobody) = 1, P(S) = v*(S) / Σ 1/P(S without j), share of j = P(all) / P(all without j), v* what is lost without S. Whoever
    adds nothing as the last one to enter gets nothing, and the others share as if he were not there, which is the limit.
    """
    p = player_count(values)
    if values.ndim == 2:
        idle = (values[-1] - values[[(len(values) - 1) ^ (1 << j) for j in range(p)]] <= _NOTHING).any(axis=0)
        shares = np.empty((values.shape[1], p))
        shares[~idle] = _proportional(values[:, ~idle])
        for at in np.flatnonzero(idle):
            shares[at] = pmvd(values[:, at])
        return shares
    active = [j for j in range(p) if values[-1] - values[(len(values) - 1) ^ (1 << j)] > _NOTHING]
    alone = np.zeros(p)
    if active:
        subsets = np.zeros(2 ** len(active), dtype=np.intp)
        for place, j in enumerate(active):
            subsets[(np.arange(len(subsets)) >> place) & 1 == 1] |= 1 << j
        alone[active] = _proportional(values[subsets][:, None])[0]
    return alone


def _proportional(values: Floats) -> Floats:
    n, p = len(values), len(values).bit_length() - 1
    lost = values[-1] - values[::-1]
    size = _sizes(p)
    inverse = np.ones(values.shape)  # 1/P
    for k in range(1, p + 1):
        subsets = np.flatnonzero(size == k)
        total = np.zeros((len(subsets), values.shape[1]))
        for j in range(p):
            has = (subsets >> j) & 1 == 1
            total[has] += inverse[subsets[has] ^ (1 << j)]
        inverse[subsets] = total / lost[subsets]
    return np.stack([inverse[(n - 1) ^ (1 << j)] / inverse[-1] for j in range(p)], axis=-1)


def lmg_forms(drivers: Floats) -> Floats:
    """LMG as a function of the correlations r with the outcome: that of driver j is r′·forms[j]·r (p × p × p, symmetric).

    `drivers` is the correlation matrix of the drivers alone. Many outcomes on the same answers then cost one product each.
    """
    p = len(drivers)
    if p > MOST_HELD:
        raise ValueError(f"{p} drivers are too many for their forms; group them to {MOST_HELD} at most")
    pairs = [(a, b) for a in range(p) for b in range(a, p)]
    stack = np.empty((len(pairs), p + 1, p + 1))
    stack[:, :p, :p] = drivers
    stack[:, p, p] = 1.0
    for at, (a, b) in enumerate(pairs):
        r = np.zeros(p)
        r[a] += 1.0
        r[b] += a != b
        stack[at, :p, p] = stack[at, p, :p] = r
    shares = dict(zip(pairs, lmg(stack), strict=True))
    forms = np.empty((p, p, p))
    for a, b in pairs:
        both = shares[a, a] if a == b else (shares[a, b] - shares[a, a] - shares[b, b]) / 2
        forms[:, a, b] = forms[:, b, a] = both
    return forms
