"""The functions of the rule language that follow a published standard; importing this registers them."""

from yiwang.kernel.lake import basics
from yiwang.standards.functions import contacts, divisions, organisations, persons, writing

__all__ = ["basics", "contacts", "divisions", "organisations", "persons", "writing"]
