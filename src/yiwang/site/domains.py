"""The only list of domains. Adding one is one line here."""

DOMAINS: list[str] = [
]  # fmt: skip
