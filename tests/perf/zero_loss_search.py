# SPDX-License-Identifier: BSD-3-Clause
"""The search of RFC 2544 section 26.1: the highest rate at which not one packet is lost.

No generator is known here; whoever searches brings a function that makes one trial.
"""


def search(trial, low, high, precision, repeat=1):
    """Halve the interval between a rate that passed and one that did not.

    trial(rate) makes one trial and returns how many packets were lost. A rate passes when none was lost in
    each of `repeat` trials. Returns (rate, trials): the highest rate that passed, 0 if `low` did not,
    within `precision` (in the unit of the rates), and the list of (rate, lost) in the order made.
    """
    if not 0 < low <= high or precision <= 0 or repeat < 1:
        raise ValueError("wanted: 0 < low <= high, precision over 0, repeat from 1 up")
    trials = []

    def passes(rate):
        for _ in range(repeat):
            lost = trial(rate)
            trials.append((rate, lost))
            if lost != 0:
                return False
        return True

    if passes(high):
        return high, trials
    if not passes(low):
        return 0, trials
    while high - low > precision:
        middle = (low + high) / 2
        if passes(middle):
            low = middle
        else:
            high = middle
    return low, trials
