"""Collecting garbage while a process starts: hundreds of thousands of objects are made, and all of them stay.

Looking among them for what could go is a quarter of the processor time of starting any process of the platform.
"""

import gc

USUAL = gc.get_threshold()
RARE = (100_000, 50, 100)


def begin() -> None:
    """Look rarely. The settings say so: nothing of the platform is imported before them."""
    if gc.get_threshold() == USUAL:
        gc.set_threshold(*RARE)


def done() -> None:
    """All apps are there: never look at them again, and at what comes as often as before."""
    if gc.get_threshold() == RARE:
        gc.freeze()
        gc.set_threshold(*USUAL)
