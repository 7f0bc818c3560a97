"""目录的公开动词。"""

from yiwang.data.catalog.services.categories import add_category, category_of_department, load_standard
from yiwang.data.catalog.services.exchange import import_entries
from yiwang.data.catalog.services.facts import (
    mark_synced,
    record_demand,
    record_load,
    record_quality,
    record_return,
    set_levels,
    settle_demand,
)
from yiwang.data.catalog.services.resources import (
    discard_draft,
    index_entries,
    publish_versions,
    register,
    register_many,
    save_draft,
)
from yiwang.data.catalog.services.review import submit, submit_online

__all__ = ["add_category", "category_of_department", "discard_draft", "import_entries", "index_entries", "load_standard",
           "mark_synced", "publish_versions", "record_demand", "record_load", "record_quality", "record_return", "register", "register_many",
           "save_draft", "set_levels", "settle_demand", "submit", "submit_online"]  # fmt: skip
