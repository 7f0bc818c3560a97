"""Run the named benchmarks, or all, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SUPPORT = {"__init__", "__main__", "gateway_peer", "peers", "people", "report", "scratch"}


def main(names: list[str]) -> int:
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in SUPPORT)
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"没有名为 {'、'.join(unknown)} 的基准；现有：{'、'.join(known)}。")
        return 2
    failed = [
        name
        for name in names or known
        if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode
    ]
    if failed:
        print(f"未达标或出错：{'、'.join(failed)}")
    return 1 if failed else 0


sys.exit(main(sys.argv[1:]))
