"""示范城市的归集。"""

from yiwang.data.collection.demo.building import build

__all__ = ["build"]
