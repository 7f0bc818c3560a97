"""Invented persons and enterprises as departments would hold them, with the truth kept. Runs in the engine process.

Nobody in these rows exists: identity numbers have a valid check digit (GB 11643-1999) over an area code that is not
given out, codes of organisations a valid one (GB 32100-2015) over serial numbers.
"""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from yiwang.kernel.lake.process.task import Task

SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜"
GIVEN = "明华建国秀英志强晓丽文博雨桐海燕永刚思远佳宁立新春梅俊杰雅琴振东子涵浩然欣怡"
STREETS = ("望江街道解放路", "青枫街道人民路", "柳荫街道和平巷", "石桥街道工业路", "南湖街道湖滨路", "河西街道滨河路")
TRADES = ("建筑", "餐饮", "物流", "科技", "商贸", "食品", "机电", "园林", "医药", "文化传媒")
BRANDS = (
    "瑞丰",
    "恒泰",
    "宏远",
    "鑫盛",
    "华联",
    "金桥",
    "嘉禾",
    "永信",
    "博雅",
    "天成",
    "德和",
    "通达",
    "正源",
    "利民",
)
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
CHECKS = {10: "X", 11: "0"}
JUNK_PHONE = "13800000000"
PEOPLE, FIRMS, SEED = 600, 260, 20260307
TABLES: dict[str, list[str]] = {
    "registered": ["证件号码", "姓名", "性别", "出生日期", "户籍地址", "登记日期", "真值"],
    "insured": ["个人编号", "身份证", "姓名", "出生年月日", "联系电话", "参保状态", "单位名称", "经办日期", "真值"],
    "health": ["档案号", "身份证件号码", "居民姓名", "出生日期", "本人电话", "现住址", "建档日期", "真值"],
    "enterprises": ["统一社会信用代码", "企业名称", "法定代表人", "联系电话", "住所", "登记状态", "核准日期", "真值"],
    "employers": ["单位编号", "信用代码", "单位名称", "负责人", "单位电话", "单位地址", "登记日期", "真值"],
    "permits": ["许可证编号", "持证单位代码", "许可事项", "有效期至"],
    "penalties": ["决定书文号", "当事人代码", "违法行为", "罚款金额", "决定日期"],
    "places": ["地址编码", "街道", "标准地址"],
    "economy": ["年度", "指标", "数值", "计量单位"],
}


def identity(birth: date, serial: int) -> str:
    body = f"119901{birth:%Y%m%d}{serial:03}"
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(body))
    return body + "10X98765432"[total % 11]


def organisation(serial: int) -> str:
    """The inner nine characters are an organisation code with its own check character (GB 11714)."""
    code = f"MA{serial:06}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    order = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    rest = 11 - sum(order.index(sign) * weight for sign, weight in zip(code, weights, strict=True)) % 11
    body = f"91110101{code}{CHECKS.get(rest, str(rest))}"
    total = sum(ALPHABET.index(sign) * 3**place for place, sign in enumerate(body))
    return body + ALPHABET[(31 - total % 31) % 31]


class Invention:
    """One deterministic town."""

    def __init__(self) -> None:
        self.dice = random.Random(SEED)  # noqa: S311 - invented data
        pick = self.dice
        self.people: list[dict[str, Any]] = []
        for number in range(PEOPLE):
            birth = date(1945, 1, 1) + timedelta(days=pick.randrange(20000))
            self.people.append({
                "truth": f"P{number}", "number": identity(birth, number % 1000), "birth": birth,
                "name": pick.choice(SURNAMES) + "".join(pick.sample(GIVEN, pick.choice((1, 2, 2, 2)))),
                "sex": "男" if int(f"{number % 1000:03}"[-1]) % 2 else "女", "phone": f"139{pick.randrange(10**8):08}",
                "address": f"{pick.choice(STREETS)}{pick.randrange(1, 200)}号{pick.randrange(1, 30)}室",
            })  # fmt: skip
        self.firms: list[dict[str, Any]] = []
        for number in range(FIRMS):
            brand = pick.choice(BRANDS) + pick.choice(BRANDS)
            self.firms.append({
                "truth": f"E{number}", "code": organisation(number + 1), "name": f"示例市{brand}{pick.choice(TRADES)}有限公司",
                "head": pick.choice(self.people)["name"], "phone": f"0990-{pick.randrange(10**6, 10**7)}",
                "address": f"{pick.choice(STREETS)}{pick.randrange(1, 300)}号",
            })  # fmt: skip

    def day(self, first: int, last: int) -> str:
        start = date(first, 1, 1)
        return (start + timedelta(days=self.dice.randrange((date(last, 12, 31) - start).days))).isoformat()

    def typo(self, text: str) -> str:
        place = self.dice.randrange(1, len(text))
        return text[:place] + self.dice.choice(GIVEN) + text[place + 1 :]

    def number(self, number: str, missing: float, wrong: float) -> str:
        """As departments write it: absent, mistyped, in the old 15 digits, full width, or right."""
        chance = self.dice.random()
        if chance < missing:
            return ""
        if chance < missing + wrong:
            place = self.dice.randrange(14, 17)
            return number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
        if chance > 0.9 and number[6:8] == "19":
            return number[:6] + number[8:17]
        return number.translate({48 + digit: 0xFF10 + digit for digit in range(10)}) if chance > 0.87 else number

    def registered(self) -> Iterator[tuple[Any, ...]]:
        for each in self.people[:550]:
            yield (
                each["number"],
                each["name"],
                each["sex"],
                each["birth"].isoformat(),
                each["address"],
                self.day(2018, 2024),
                each["truth"],
            )

    def insured(self) -> Iterator[tuple[Any, ...]]:
        for index, each in enumerate(self.dice.sample(self.people, 430)):
            name = self.typo(each["name"]) if self.dice.random() < 0.05 else each["name"]
            phone = each["phone"] if self.dice.random() > 0.1 else JUNK_PHONE
            yield (f"S{index:05}", self.number(each["number"], 0.08, 0.04), name, f"{each['birth']:%Y%m%d}", phone,
                   self.dice.choice(("参保缴费", "参保缴费", "暂停缴费")), self.dice.choice(self.firms)["name"], self.day(2023, 2026), each["truth"])  # fmt: skip

    def health(self) -> Iterator[tuple[Any, ...]]:
        for index, each in enumerate(self.dice.sample(self.people, 400)):
            name = self.typo(each["name"]) if self.dice.random() < 0.03 else each["name"]
            phone = each["phone"] if self.dice.random() > 0.2 else JUNK_PHONE
            moved = self.dice.random() < 0.15
            address = f"{self.dice.choice(STREETS)}{self.dice.randrange(1, 200)}号" if moved else each["address"]
            yield (f"H{index:05}", self.number(each["number"], 0.25, 0.03), name, f"{each['birth'].year}年{each['birth'].month}月{each['birth'].day}日",
                   phone, address, self.day(2020, 2025), each["truth"])  # fmt: skip

    def enterprises(self) -> Iterator[tuple[Any, ...]]:
        for each in self.firms[:250]:
            yield (each["code"], each["name"], each["head"], each["phone"], each["address"], self.dice.choice(("在业", "在业", "在业", "注销")),
                   self.day(2015, 2025), each["truth"])  # fmt: skip

    def employers(self) -> Iterator[tuple[Any, ...]]:
        for index, each in enumerate(self.dice.sample(self.firms, 200)):
            code = (
                "" if self.dice.random() < 0.12 else each["code"].lower() if self.dice.random() < 0.1 else each["code"]
            )
            name = each["name"].replace("有限公司", "有限责任公司") if self.dice.random() < 0.1 else each["name"]
            head = self.dice.choice(self.people)["name"] if self.dice.random() < 0.1 else each["head"]
            yield (
                f"D{index:04}",
                code,
                name,
                head,
                each["phone"],
                each["address"],
                self.day(2019, 2026),
                each["truth"],
            )

    def permits(self) -> Iterator[tuple[Any, ...]]:
        for index, each in enumerate(self.dice.sample(self.firms, 90)):
            yield (
                f"示施字{index:04}",
                each["code"],
                self.dice.choice(("建筑施工许可", "食品经营许可", "道路运输经营许可")),
                self.day(2026, 2030),
            )

    def penalties(self) -> Iterator[tuple[Any, ...]]:
        for index, each in enumerate(self.dice.choices(self.firms, k=40)):
            yield (f"示罚〔2025〕{index + 1}号", each["code"], self.dice.choice(("未按规定公示年报", "占道经营", "超范围经营")),
                   str(self.dice.randrange(1, 50) * 1000), self.day(2025, 2025))  # fmt: skip

    def places(self) -> Iterator[tuple[Any, ...]]:
        for index, street in enumerate(STREETS):
            for door in range(1, 41):
                yield (f"A{index}{door:04}", street[:4], f"示例市示例区{street}{door * 5}号")

    def economy(self) -> Iterator[tuple[Any, ...]]:
        for year in range(2020, 2026):
            for name, unit, base in (
                ("地区生产总值", "亿元", 400),
                ("规上工业增加值", "亿元", 120),
                ("城镇新增就业", "人", 9000),
            ):
                yield (str(year), name, str(base + (year - 2020) * base // 15), unit)


def write(task: Task) -> dict[str, int]:
    """One Parquet file of text columns a table; table → rows."""
    town = Invention()
    return {
        name: task.write(f"{name}.parquet", [{"name": each, "type": "text"} for each in columns], getattr(town, name)())
        for name, columns in TABLES.items()
    }
