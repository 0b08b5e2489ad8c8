"""Has a share of bad answers risen? A test that may be looked at after every answer.

The answers before and after a change are compared in blocks: some from before, one from after. A block's e-value is the
likelihood ratio of "the share after is higher by this much" against the hypothesis of one common share that comes
nearest to it; its expectation is at most 1 whenever the share did not rise, whatever it is. So their running product
exceeds 1/α with probability at most α, however often it is looked at (Ville's inequality), and no share has to be
known beforehand.

Sources: R. Turner, A. Ly, P. Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional
stopping", J. Statistical Planning and Inference 230 (2024); for shares that fell: R. Turner, P. Grünwald, "Exact
anytime-valid confidence intervals for contingency tables and beyond", Statistics & Probability Letters 198 (2023). What
it assumes: answers before and after are alike but for the change. Where the questions change meanwhile, it says so as
well.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_ODDS = (2.0, 4.0, 8.0, 16.0, 64.0)
"""How much higher the odds of a bad answer might be; the evidence for each is averaged."""
_WIDE, _WIDE_BLOCKS = 4, 100
"""The first blocks have more answers from before, to see much harm soon; the later ones one each, to see a little harm
at all."""
# A prior for the share before, worth ten answers of which one is bad.
_BAD, _ALL = 1.0, 10.0

Process = npt.NDArray[np.float64]


def evidence(before: Sequence[bool], after: Sequence[bool]) -> Process:
    """Evidence that bad answers became more frequent, after each answer of the new release.

    Args:
        before: whether answers before the change were bad, oldest first.
        after: the same of answers after it, in the order of their time.

    Returns:
        float64 of shape (number of blocks,): the e-process. A block takes one answer after the change; there are as
        many as the answers before it allow for. Empty where nothing is known of one side.
    """
    learn, compared = before[: len(before) // 4], before[len(before) // 4 :]
    beside = _widths(len(compared))[: len(after)]
    if not len(beside):
        return np.ones(0)
    ends = np.cumsum(beside).astype(np.int64)
    bad = np.concatenate([[0.0], np.cumsum(np.asarray(compared, dtype=np.float64))])
    starts = ends - beside.astype(np.int64)
    old, new = bad[ends] - bad[starts], np.asarray(after[: len(beside)], dtype=np.float64)
    # The share that a block is compared by is learnt from what came before that block.
    share = (_BAD + sum(learn) + bad[starts]) / (_ALL + len(learn) + starts)
    logs = np.stack([_log_ratio(share, odds, old, new, beside).cumsum() for odds in _ODDS])
    top = logs.max(axis=0)
    process: Process = np.exp(np.minimum(top + np.log(np.exp(logs - top).mean(axis=0)), 600.0))
    return process


def together(processes: Sequence[Process]) -> Process:
    """Several e-processes over the same blocks as one: their mean, which is an e-process as well."""
    longest = max((len(process) for process in processes), default=0)
    if not longest:
        return np.ones(0)
    mean: Process = np.mean([process if len(process) else np.ones(longest) for process in processes], axis=0)
    return mean


def sign_test(worse: int, better: int) -> float:
    """Probability of at least so many questions that turned worse, if worse and better were equally likely.

    McNemar's exact test, one-sided; 1.0 where nothing turned.
    """
    turned = worse + better
    if not turned:
        return 1.0
    ways, total = 1, 0
    for number in range(turned + 1):
        if number >= worse:
            total += ways
        ways = ways * (turned - number) // (number + 1)
    return float(total / 2**turned)


def _widths(compared: int) -> Process:
    """How many answers from before each block has; they are fixed before any answer is looked at."""
    wide = min(_WIDE_BLOCKS, compared // (2 * _WIDE))
    return np.concatenate([np.full(wide, float(_WIDE)), np.ones(compared - _WIDE * wide)])


def _log_ratio(share: Process, odds: float, old: Process, new: Process, beside: Process) -> Process:
    higher = odds * share / (1 - share + odds * share)
    common = (beside * share + higher) / (beside + 1)
    ratio: Process = (
        old * np.log(share / common)
        + (beside - old) * np.log((1 - share) / (1 - common))
        + new * np.log(higher / common)
        + (1 - new) * np.log((1 - higher) / (1 - common))
    )
    return ratio
