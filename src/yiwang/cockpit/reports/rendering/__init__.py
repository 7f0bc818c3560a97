"""A document as DOCX and PDF; the web page is a template."""

from yiwang.cockpit.reports.rendering.docx import to_docx
from yiwang.cockpit.reports.rendering.pdf import to_pdf

__all__ = ["to_docx", "to_pdf"]
