"""The glossary in the documentation is what the code says, and every concept has one name."""

from yiwang.site.glossary import doubled, glossary, nameless
from yiwang.site.localdb import ROOT
from yiwang.site.manifests import manifests


def test_名词清单与代码一致() -> None:
    written = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    assert written == glossary(manifests()), "声明变了：请运行 .venv/bin/python -m yiwang.site document"


def test_每个概念都有中文名称() -> None:
    assert nameless() == []


def test_一个名称只指一个概念() -> None:
    assert doubled() == []
