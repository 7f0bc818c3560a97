"""演示：各部门的人员、单位表（真值保留）归一成人口库、法人库，六大库与一个主题库，业务对象落到系统。"""

from typing import Any

from yiwang.data.masters.demo.rows import TABLES
from yiwang.data.masters.models import BusinessObject, Library
from yiwang.data.masters.services import building, libraries, objects
from yiwang.data.masters.terms import Entity, LibraryKind
from yiwang.kernel.access.actors import SYSTEM
from yiwang.kernel.lake import engine, places
from yiwang.kernel.lake import services as lake
from yiwang.kernel.lake.models import LakeTable
from yiwang.kernel.orgs.models import Organisation

# Table → (title, organisation, key).
SOURCES = {
    "registered": ("户籍人口（省级返还）", "BUREAU", "证件号码"), "insured": ("社会保险参保人员", "LABOUR", "个人编号"),
    "health": ("居民健康档案", "HEALTH", "档案号"), "enterprises": ("企业登记信息", "MARKET", "统一社会信用代码"),
    "employers": ("社会保险参保单位", "LABOUR", "单位编号"), "permits": ("行政许可证照", "HOUSING", "许可证编号"),
    "penalties": ("行政处罚", "MARKET", "决定书文号"), "places": ("标准地址", "BUREAU", "地址编码"),
    "economy": ("统计年度指标", "BUREAU", ""),
}  # fmt: skip
PERSON = {
    "number": "cn_id", "accept": 0.95, "review": 0.3,
    "fields": [
        {"name": "证件号码", "title": "证件号码", "kind": "number"}, {"name": "姓名", "title": "姓名", "kind": "name"},
        {"name": "出生日期", "title": "出生日期", "kind": "date"}, {"name": "电话", "title": "电话", "kind": "phone"},
        {"name": "住址", "title": "住址", "kind": "address"},
    ],
    "sources": [
        {"alias": "registered", "title": "户籍人口", "table": "demo-registered", "seen": "登记日期", "truth": "真值",
         "priority": {"*": 1, "住址": 2},
         "fields": {"key": "证件号码", "证件号码": "cn_id_upgrade(half_width(证件号码))", "姓名": "norm_text(姓名)", "出生日期": "出生日期", "住址": "户籍地址"}},
        {"alias": "insured", "title": "参保人员", "table": "demo-insured", "seen": "经办日期", "truth": "真值",
         "priority": {"*": 2, "电话": 1},
         "fields": {"key": "个人编号", "证件号码": "coalesce(cn_id_upgrade(half_width(身份证)), norm_text(身份证))", "姓名": "norm_text(姓名)",
                    "出生日期": "substr(出生年月日, 1, 4) || '-' || substr(出生年月日, 5, 2) || '-' || substr(出生年月日, 7, 2)",
                    "电话": "norm_text(联系电话)"}},
        {"alias": "health", "title": "健康档案", "table": "demo-health", "seen": "建档日期", "truth": "真值",
         "priority": {"*": 3, "电话": 1, "住址": 1},
         "fields": {"key": "档案号", "证件号码": "coalesce(cn_id_upgrade(half_width(身份证件号码)), norm_text(身份证件号码))",
                    "姓名": "norm_text(居民姓名)", "电话": "norm_text(本人电话)", "住址": "现住址"}},
    ],
}  # fmt: skip
ENTERPRISE = {
    "number": "uscc", "accept": 0.95, "review": 0.3,
    "fields": [
        {"name": "信用代码", "title": "统一社会信用代码", "kind": "number"}, {"name": "名称", "title": "名称", "kind": "title"},
        {"name": "负责人", "title": "法定代表人", "kind": "name"}, {"name": "电话", "title": "电话", "kind": "phone"},
        {"name": "地址", "title": "地址", "kind": "text"}, {"name": "状态", "title": "登记状态", "kind": "text"},
    ],
    "sources": [
        {"alias": "enterprises", "title": "企业登记", "table": "demo-enterprises", "seen": "核准日期", "truth": "真值", "priority": {"*": 1},
         "fields": {"key": "统一社会信用代码", "信用代码": "upper(统一社会信用代码)", "名称": "norm_text(企业名称)", "负责人": "法定代表人",
                    "电话": "联系电话", "地址": "住所", "状态": "登记状态"}},
        {"alias": "employers", "title": "参保单位", "table": "demo-employers", "seen": "登记日期", "truth": "真值",
         "priority": {"*": 2, "电话": 1},
         "fields": {"key": "单位编号", "信用代码": "upper(信用代码)", "名称": "norm_text(单位名称)", "负责人": "负责人", "电话": "单位电话",
                    "地址": "单位地址"}},
    ],
}  # fmt: skip


def _plain(table: str, *names: str, **more: Any) -> dict[str, Any]:
    return {
        "alias": table,
        "title": SOURCES[table][0],
        "table": f"demo-{table}",
        "fields": {name: name for name in names},
        **more,
    }


def _outputs(*names: str, **computed: str) -> list[dict[str, str]]:
    return [
        *({"name": name} for name in names),
        *({"name": name, "expression": text} for name, text in computed.items()),
    ]


LEGAL = {"alias": "legal", "title": "法人库", "table": "masters-legal",
         "fields": {"主记录号": "uid", "信用代码": "信用代码", "名称": "名称", "状态": "状态"}}  # fmt: skip
JOINS: dict[str, dict[str, Any]] = {
    "space": {"sources": [_plain("places", "地址编码", "街道", "标准地址")], "fields": _outputs("地址编码", "街道", "标准地址"), "key": ["地址编码"]},
    "licence": {"sources": [_plain("permits", "许可证编号", "持证单位代码", "许可事项", "有效期至"),
                            {**LEGAL, "join": "left", "on": "持证单位代码 = 信用代码"}],
                "fields": _outputs("许可证编号", "许可事项", "有效期至", "信用代码", "名称", 失效="date_or_null(有效期至) < today()"),
                "key": ["许可证编号"]},
    "credit": {"sources": [_plain("penalties", "决定书文号", "当事人代码", "违法行为", "罚款金额", "决定日期"),
                           {**LEGAL, "join": "left", "on": "当事人代码 = 信用代码"}],
               "fields": _outputs("决定书文号", "违法行为", "决定日期", "信用代码", "名称", 罚款="number_or_null(罚款金额)"), "key": ["决定书文号"]},
    "macro": {"sources": [_plain("economy", "年度", "指标", "数值", "计量单位")],
              "fields": _outputs("年度", "指标", "计量单位", 数值="number_or_null(数值)"), "key": ["年度", "指标"]},
    "employment": {"sources": [{"alias": "population", "title": "人口库", "table": "masters-population",
                                "fields": {"主记录号": "uid", "证件号码": "证件号码", "姓名": "姓名", "出生日期": "出生日期"}},
                               {"alias": "insured", "title": "参保人员", "table": "demo-insured", "join": "inner", "on": "证件号码 = 参保证件",
                                "fields": {"个人编号": "个人编号", "参保证件": "cn_id_upgrade(half_width(身份证))", "参保状态": "参保状态",
                                           "单位名称": "单位名称"}}],
                   "fields": _outputs("个人编号", "主记录号", "姓名", "参保状态", "单位名称",
                                      年龄="years_between(date_or_null(出生日期), today())"), "key": ["个人编号"]},
}  # fmt: skip
LIBRARIES = (
    ("population", "人口库", LibraryKind.POPULATION, Entity.PERSON), ("legal", "法人库", LibraryKind.LEGAL, Entity.ENTERPRISE),
    ("space", "空间地址库", LibraryKind.SPACE, Entity.NONE), ("licence", "电子证照库", LibraryKind.LICENCE, Entity.NONE),
    ("credit", "信用库", LibraryKind.CREDIT, Entity.NONE), ("macro", "宏观经济库", LibraryKind.MACRO, Entity.NONE),
    ("employment", "就业参保主题库", LibraryKind.SUBJECT, Entity.NONE),
)  # fmt: skip
SYSTEMS = (
    ("SYS-01", "人口管理信息系统", "BUREAU"), ("SYS-02", "社会保险信息系统", "LABOUR"), ("SYS-03", "全民健康信息平台", "HEALTH"),
    ("SYS-04", "市场监管综合业务系统", "MARKET"), ("SYS-05", "住建审批系统", "HOUSING"),
)  # fmt: skip
# Code, name, category, organisation, then the carriers: (system, table, fields); without one the object is not mapped.
OBJECTS = (
    ("OBJ-001", "自然人", "主体", "BUREAU", (("SYS-01", "demo-registered", ""), ("SYS-03", "demo-health", "居民姓名、身份证件号码"))),
    ("OBJ-002", "法人", "主体", "MARKET", (("SYS-04", "demo-enterprises", ""),)),
    ("OBJ-003", "参保登记", "事件", "LABOUR", (("SYS-02", "demo-insured", "个人编号、参保状态"),)),
    ("OBJ-004", "参保单位", "主体", "LABOUR", (("SYS-02", "demo-employers", ""),)),
    ("OBJ-005", "行政许可", "证照", "HOUSING", (("SYS-05", "demo-permits", ""),)),
    ("OBJ-006", "行政处罚", "事件", "MARKET", (("SYS-04", "demo-penalties", ""),)),
    ("OBJ-007", "标准地址", "空间", "BUREAU", (("SYS-01", "demo-places", ""),)), ("OBJ-008", "房屋", "物", "HOUSING", ()),
    ("OBJ-009", "车辆", "物", "BUREAU", ()), ("OBJ-010", "不动产权利", "权利", "HOUSING", ()),
)  # fmt: skip


def _organisation(code: str) -> Organisation:
    return Organisation.objects.get(code=code)


def sources() -> None:
    """The departments' sheets in the lake, once."""
    missing = [
        name for name in SOURCES if not LakeTable.objects.filter(name=f"demo-{name}", current__isnull=False).exists()
    ]
    if not missing:
        return
    with places.work_folder() as folder:
        engine.run("yiwang.data.masters.demo.rows:write", {}, folder=folder)
        for name in missing:
            title, owner, key = SOURCES[name]
            columns = [{"name": each, "title": each, "type": "text"} for each in TABLES[name]]
            table = lake.ensure_table(
                SYSTEM, f"demo-{name}", title, columns, [key] if key else [], organisation=_organisation(owner)
            )
            staged = lake.stage(SYSTEM, table, folder / f"{name}.parquet", "replace", {"demo": True})
            lake.publish(SYSTEM, staged, "演示数据")


def base_libraries() -> None:
    bureau = _organisation("BUREAU")
    designs = {"population": PERSON, "legal": ENTERPRISE, **JOINS}
    for code, name, kind, entity in LIBRARIES:
        library = Library.objects.filter(code=code).first() or libraries.create_library(
            SYSTEM, code=code, name=name, kind=kind, entity=entity, organisation_id=bureau.pk, is_demo=True,
            description="演示数据，由程序生成，不对应任何真实的人和单位。",
        )  # fmt: skip
        if not library.designs.exists():
            libraries.publish_design(SYSTEM, libraries.draft_design(SYSTEM, library.pk, designs[code], "首版").pk)
        if library.rows == 0:
            building.build(SYSTEM, library.pk)


def business_objects() -> None:
    systems = {
        code: objects.add_system(SYSTEM, code=code, name=name, organisation_id=_organisation(owner).pk, is_demo=True)
        for code, name, owner in SYSTEMS
    }
    for code, name, category, owner, carriers in OBJECTS:
        made: BusinessObject = objects.add_object(
            SYSTEM, code=code, name=name, category=category, organisation_id=_organisation(owner).pk, is_demo=True
        )
        for system, table, fields in carriers:
            objects.carry(
                SYSTEM, {"subject": made, "system": systems[system], "table": table, "fields": fields}, is_demo=True
            )


def build() -> list[tuple[str, str, str]]:
    """Does nothing the second time."""
    if Library.objects.filter(code="employment", rows__gt=0).exists():
        return []
    sources()
    base_libraries()
    business_objects()
    return [("数据", "基础库与主题库", f"{Library.objects.count()} 个库")]
