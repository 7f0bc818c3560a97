"""How quantities are written: in threes with a comma, where the framework's own Chinese writes none (GB/T 15835)."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
