"""A register that only tests know: every feature of a declaration once."""
