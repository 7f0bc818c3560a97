"""目录的公开动词。"""

from yiwang.data.catalog.services.categories import add_category, category_of_department, load_standard
from yiwang.data.catalog.services.facts import record_demand, record_load, record_quality, set_levels, settle_demand
from yiwang.data.catalog.services.resources import (
    discard_draft,
    index_entries,
    publish_versions,
    register,
    register_many,
    save_draft,
)

__all__ = ["add_category", "category_of_department", "discard_draft", "index_entries", "load_standard", "publish_versions",
           "record_demand", "record_load", "record_quality", "register", "register_many", "save_draft", "set_levels",
           "settle_demand"]  # fmt: skip
