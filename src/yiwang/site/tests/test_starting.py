"""What starting a process of the platform may cost: counted, not timed."""

import json
import subprocess
import sys

HEAVY = ("numpy", "scipy", "sklearn", "rjieba", "pypinyin", "duckdb", "pyarrow", "pyiceberg", "splink", "pandas")
START = """
import gc, json, sys
before = gc.get_threshold()
import django; django.setup()
import yiwang.site.urls
from yiwang.kernel.search.text import tokens
loaded = sorted(set(sys.modules) & set(json.loads(sys.argv[1])))
print(json.dumps([loaded, gc.get_threshold() == before, gc.get_freeze_count() > 100_000, tokens("路灯不亮")]))
"""


def test_网页进程不装载重的库_起来之后照常回收_用到时才装载():
    done = subprocess.run(
        [sys.executable, "-c", START, json.dumps(HEAVY)], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    loaded, as_before, frozen, words = json.loads(done.stdout)
    assert loaded == []
    assert as_before and frozen
    assert words == ["路", "灯不亮"]
