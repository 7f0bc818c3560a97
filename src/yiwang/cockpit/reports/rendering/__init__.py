"""A document as DOCX and PDF; the web page is a template."""

from yiwang.cockpit.reports.rendering.docx import to_docx
from yiwang.cockpit.reports.rendering.pdf import to_pdf

__all__ = ["mark_of", "to_docx", "to_pdf"]


def mark_of(*, demo: bool, draft: bool) -> str:
    """What must stand on a paper that is not a real or not a final one."""
    return "　".join(word for word, wanted in (("演示数据，非真实统计", demo), ("草稿", draft)) if wanted)
