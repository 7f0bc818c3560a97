"""The only list of domains. Adding one is one line here."""

DOMAINS: list[str] = [
    "yiwang.data.catalog",
    "yiwang.data.census",
    "yiwang.data.sharing",
    "yiwang.data.protection",
    "yiwang.data.opendata",
    "yiwang.data.governance",
    "yiwang.data.collection",
    "yiwang.data.masters",
    "yiwang.office.appraisal",
    "yiwang.city.command",
    "yiwang.city.hotline",
    "yiwang.city.insight",
    "yiwang.cockpit.reports",
]
