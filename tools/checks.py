"""The platform's own rules, read from the syntax tree; what ruff, mypy and import-linter can't say.

Usage: checks.py [ROOT]. One line a problem, exit 1 when there is any.
"""

import ast
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from source import WINGS, Module, Problem, modules, tracked

MODULE_LINES, FUNCTION_LINES, TEMPLATES = 500, 60, 6
# (rooms of the kernel, most lines that are not blank); tests and migrations are not counted.
BUDGETS = (
    (("flow", "clocks"), 5350),
    (("registers", "pages", "ui"), 6320),
    (("lake",), 4550),
    (("tables",), 1300),
    ((), 25730),
)
DOMAIN_LINES = 1500
# Domains that hold more than one system, with their own budget (docs/adr/0006-budgets.md).
LARGER = {
    ("city", "hotline"): 3600, ("data", "sharing"): 3880, ("data", "governance"): 4025, ("data", "collection"): 3510,
    ("data", "catalog"): 2340, ("data", "opendata"): 2300, ("data", "protection"): 2110, ("data", "masters"): 2850,
}  # fmt: skip
ROOMS = {
    "domain", "terms", "models", "queries", "flows", "services", "measures", "contract", "registers", "pages", "api",
    "gateway", "jobs", "demo", "templates", "static", "migrations", "tests", "README.md", "__init__",
}  # fmt: skip
WRITES = {"bulk_create", "bulk_update", "get_or_create", "update_or_create"}
WRITING_ROOMS = {"services", "demo"}
# The kernel's writers that are no officer's verb, with the reason each is apart from services.
WRITERS = {
    "kernel/flow/work": "the engine's unit of work, which its services run",
    "kernel/flow/numbers": "issues document numbers inside the engine's unit of work",
    "kernel/flow/publishing": "publishes declared definitions when the platform is prepared",
    "kernel/flow/outbox": "marks what the worker has delivered",
    "kernel/flow/timing": "keeps the seats' cached due dates when a calendar moves them",
    "kernel/clocks/timers": "claims and fires timers in the worker",
    "kernel/oidc/codes": "gives and takes codes and tokens between machines, where no person acts",
    "kernel/people/middleware": "keeps the session's last-seen time",
    "kernel/jobs/worker": "keeps the worker's heartbeat",
    "data/sharing/gateway": "audits and counts calls in a process of its own",
    "kernel/bulk/copying": "what services write many rows with, as they do with bulk_create",
}
# Kernel rooms whose services only ever run inside another verb, which has the actor, or in the worker.
MACHINERY = {"clocks", "ledger", "jobs", "messages", "keys"}
# Other public service functions without an actor, with the reason.
ACTORLESS = {
    "kernel/files/services:sweep": "the worker's own act",
    "kernel/files/services:renew_keys": "the worker's own act",
    "kernel/files/services:tidy": "the worker's own act",
    "kernel/lake/services:sweep": "the worker's own act",
    "kernel/measures/services:digest_of": "pure: neither reads nor writes",
    "kernel/measures/services:seal_digest": "pure: neither reads nor writes",
    "kernel/measures/services:publish_definitions": "records declared definitions when the platform is prepared",
    "kernel/people/services:authenticate": "nobody acts before this has answered",
    "kernel/people/services:sign_in": "makes the actor",
    "kernel/people/services:touch": "the middleware's own act",
    "kernel/people/services:tidy": "the worker's own act",
    "cockpit/reports/services:publish_specs": "records declared templates when the platform is prepared",
    "cockpit/reports/services:digest_of": "pure: neither reads nor writes",
    "office/appraisal/services:on_appeal": "reacts to an engine event, which carries the actor",
}
UNSAFE_CALLS = {"mark_safe", "SafeString", "SafeText"}
UNSAFE_TEMPLATE = re.compile(r"\|\s*safe(seq)?\b|{%\s*autoescape\s+off")
SIGNALS = ("django.dispatch", "django.db.models.signals")
SIZE_WAIVER = re.compile(r"noqa:[^#\n]*\b(C901|PLR0915|PLC0415)\b")
SQL_WRITE = re.compile(r"\s*(INSERT|UPDATE|DELETE|TRUNCATE)\b", re.IGNORECASE)
# Pieces, so that this file does not contain what it refuses.
BANNED = tuple(
    (re.compile(pattern), what)
    for pattern, what in (
        (r"(?<![\w.])/wo" + r"rk/", "本机路径"),
        (r"/ro" + r"ot/\.", "本机路径"),
        (r"(?:pypi|python" + r"hosted)\.org|npm" + r"js\.(?:org|com)|deb\.deb" + r"ian\.org", "软件源主机名"),
        (r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", "未完成标记"),
    )
)
LOCKS = {"uv.lock", "package-lock.json"}

Rule = Callable[[Module], Iterator[Problem]]


def chain(node: ast.AST) -> list[str]:
    """Names along a call chain: `Post.objects.filter(x).update` → [Post, objects, filter, update]."""
    names: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            return [*([node.id] if isinstance(node, ast.Name) else []), *reversed(names)]


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def local_imports(module: Module) -> Iterator[Problem]:
    spans = [(each.lineno, each.end_lineno or each.lineno, each.name) for each in functions(module)]
    for node in module.nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in [name for first, last, name in spans if first <= node.lineno <= last][-1:]:
                yield module.problem(node, f"函数 {name} 内有 import：移到模块顶部，循环依赖要拆开")
    for node in module.nodes:
        if isinstance(node, ast.Name | ast.Attribute) and chain(node)[-1:] == ["TYPE_CHECKING"]:
            yield module.problem(node, "不用 TYPE_CHECKING 掩盖循环依赖")


def sizes(module: Module) -> Iterator[Problem]:
    if module.is_test or module.is_migration:
        return
    if module.lines > MODULE_LINES:
        yield Problem(module.name, module.lines, f"模块 {module.lines} 行，上限 {MODULE_LINES}：改成同名文件夹")
    for function in functions(module):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        if length > FUNCTION_LINES:
            yield module.problem(function, f"函数 {function.name} {length} 行，上限 {FUNCTION_LINES}：拆成两个")
    for number, line in enumerate(module.text.splitlines(), 1):
        if SIZE_WAIVER.search(line):
            yield Problem(module.name, number, "不得用 noqa 豁免复杂度、长度与局部导入")


def is_write(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    name, names = call.func.attr, chain(call.func)
    if name in WRITES or names[:2] == ["copying", "insert"]:
        return True
    if name in ("save", "delete"):
        return not call.args
    if name in ("create", "update", "acreate", "aupdate"):
        return "objects" in names or "_default_manager" in names or (name == "update" and "filter" in names)
    if name in ("execute", "executemany") and call.args:
        first = call.args[0]
        return isinstance(first, ast.Constant) and isinstance(first.value, str) and bool(SQL_WRITE.match(first.value))
    return False


def writes(module: Module) -> Iterator[Problem]:
    if not module.parts or module.is_test or module.is_migration or module.parts[0] == "site":
        return
    if module.room in WRITING_ROOMS or "/".join(module.parts[:3]) in WRITERS:
        return
    for node in module.nodes:
        if isinstance(node, ast.Call) and is_write(node):
            yield module.problem(node, f"只有 services 可以写库：{'.'.join(chain(node.func))}(…)")


def offered_by_folder(module: Module) -> set[str] | None:
    """The verbs that `services/__init__.py` offers; None when services is one module."""
    door = module.path.parent / "__init__.py"
    if len(module.parts) < 4 or not door.exists():
        return None
    offers = [node for node in ast.parse(door.read_text(encoding="utf-8")).body if isinstance(node, ast.ImportFrom)]
    return {alias.asname or alias.name for node in offers for alias in node.names}


def actor_first(module: Module) -> Iterator[Problem]:
    if module.room != "services" or module.is_test:
        return
    if module.parts[0] == "kernel" and module.parts[1] in MACHINERY:
        return
    offered = offered_by_folder(module)
    for node in module.tree.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        if offered is not None and node.name not in offered:
            continue
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        if names[:1] != ["actor"] and f"{'/'.join(module.parts[:3])}:{node.name}" not in ACTORLESS:
            yield module.problem(node, f"公开动词 {node.name} 的第一个参数必须是 actor")


def unsafe_markup(module: Module) -> Iterator[Problem]:
    if module.parts[:2] == ("kernel", "ui") or module.is_test:
        return
    for node in module.nodes:
        if isinstance(node, ast.Call) and chain(node.func)[-1:] and chain(node.func)[-1] in UNSAFE_CALLS:
            yield module.problem(node, f"{chain(node.func)[-1]}(…) 只许出现在 kernel/ui")


def signals(module: Module) -> Iterator[Problem]:
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(SIGNALS):
            yield module.problem(node, "不用 Django 信号：反应写进 on_event 或服务")


def unscoped_reads(module: Module) -> Iterator[Problem]:
    if module.domain is None or module.room not in ("pages", "api", "registers"):
        return
    for node in module.nodes:
        if isinstance(node, ast.Attribute) and node.attr in ("objects", "_default_manager"):
            yield module.problem(node, "页面与接口经 queries 读数（按操作人范围），不直接用 objects")


def is_field(call: ast.Call) -> bool:
    last = chain(call.func)[-1:] or [""]
    return last[0].endswith(("Field", "ForeignKey")) and last[0] != "Field"


def verbose_names(module: Module) -> Iterator[Problem]:
    """Officers read field labels; a relation's first argument is its target, so it needs the keyword."""
    if module.room != "models" or module.is_test:
        return
    for owner in module.nodes:
        if not isinstance(owner, ast.ClassDef):
            continue
        for node in owner.body:
            call = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            if not isinstance(call, ast.Call) or not is_field(call):
                continue
            name = chain(call.func)[-1]
            named = any(keyword.arg == "verbose_name" for keyword in call.keywords)
            relation = name in ("ForeignKey", "OneToOneField", "ManyToManyField", "ArrayField", "GeneratedField")
            if not named and (relation or not call.args):
                yield module.problem(
                    node, f"字段 {owner.name}.{ast.unparse(node).split('=')[0].strip()} 没有中文 verbose_name"
                )


def imported(module: Module) -> Iterator[tuple[ast.AST, str]]:
    """Every module a module imports, absolute; `from a import b` counts as a.b."""
    package = list(module.path.relative_to(module.root / "src").with_suffix("").parts) if module.parts else []
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node, f"{start}.{alias.name}"


def doors(module: Module) -> Iterator[Problem]:
    """A domain sees another only through its contract; the cockpit reads measures and contracts."""
    layer = module.parts[:1]
    if layer not in (("cockpit",), ("standards",), ("kernel",)) and module.domain is None:
        return
    open_rooms = {"contract", "measures"} if layer == ("cockpit",) else {"contract"}
    if module.is_test:
        return
    for node, name in imported(module):
        parts = name.split(".")
        if parts[0] != "yiwang" or len(parts) < 3 or parts[1] not in WINGS or tuple(parts[1:3]) == module.domain:
            continue
        if len(parts) < 4 or parts[3] not in open_rooms:
            yield module.problem(node, f"{name}：别的领域只能经它的 contract.py 使用")


RULES: tuple[Rule, ...] = (
    local_imports, sizes, writes, actor_first, unsafe_markup, signals, unscoped_reads, verbose_names, doors,
)  # fmt: skip


def room_names(root: Path) -> Iterator[Problem]:
    for folder in domain_folders(root):
        for entry in sorted(folder.iterdir()):
            name = entry.stem if entry.suffix == ".py" else entry.name
            if name not in ROOMS and name != "__pycache__":
                yield Problem(entry.relative_to(root).as_posix(), 1, "领域里没有这个房间；可用的房间见 CONTRIBUTING.md")
        if not (folder / "README.md").exists():
            yield Problem(folder.relative_to(root).as_posix(), 1, "缺 README.md（名词·依据·流程·指标）")
        pages = list(folder.glob("templates/**/*.html"))
        if len(pages) > TEMPLATES:
            yield Problem(folder.relative_to(root).as_posix(), 1, f"{len(pages)} 个模板，上限 {TEMPLATES}")


def domain_folders(root: Path) -> Iterator[Path]:
    for wing in WINGS:
        for folder in sorted((root / "src" / "yiwang" / wing).glob("*/")):
            if (folder / "__init__.py").exists() and folder.name != "tests":
                yield folder


def budgets(found: Iterable[Module]) -> Iterator[Problem]:
    kernel: Counter[str] = Counter()
    domains: dict[tuple[str, str], int] = defaultdict(int)
    for module in found:
        if module.is_test or module.is_migration:
            continue
        if module.parts[:1] == ("kernel",) and len(module.parts) > 1:
            kernel[module.parts[1]] += module.filled_lines
        elif module.domain:
            domains[module.domain] += module.filled_lines
    for rooms, most in BUDGETS:
        total = sum(kernel[room] for room in rooms) if rooms else kernel.total()
        if total > most:
            yield Problem("src/yiwang/kernel", 1, f"{'+'.join(rooms) or 'kernel'} {total} 行，预算 {most}")
    for (wing, code), total in domains.items():
        most = LARGER.get((wing, code), DOMAIN_LINES)
        if total > most:
            yield Problem(f"src/yiwang/{wing}/{code}", 1, f"领域 {total} 行，预算 {most}")


def texts(root: Path) -> Iterator[Problem]:
    for path in tracked(root):
        name = path.relative_to(root).as_posix()
        if path.name in LOCKS:
            continue
        outside_ui = path.suffix == ".html" and not name.startswith("src/yiwang/kernel/ui/")
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            for pattern, what in BANNED:
                if pattern.search(line):
                    yield Problem(name, number, f"{what}不得出现在仓库里")
            if outside_ui and UNSAFE_TEMPLATE.search(line):
                yield Problem(name, number, "模板里的 |safe 与 autoescape off 只许出现在 kernel/ui")


def unreadable(module: Module) -> Iterator[Problem]:
    try:
        ast.parse(module.text, module.name)
    except SyntaxError as error:
        yield Problem(module.name, error.lineno or 1, f"语法错误：{error.msg}")


def problems(root: Path) -> list[Problem]:
    found = list(modules(root))
    broken = [problem for module in found for problem in unreadable(module)]
    if broken:
        return broken
    listed = [problem for module in found for rule in RULES for problem in rule(module)]
    return sorted({*listed, *room_names(root), *budgets(found), *texts(root)})


if __name__ == "__main__":
    refused = problems(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
    for one in refused:
        sys.stdout.write(f"{one}\n")
    sys.exit(bool(refused))
