"""Markdown of our own documents as a page: no raw HTML passes, and links between documents lead to their pages."""

import re
from collections.abc import Callable

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

_READER = MarkdownIt("commonmark", {"html": False}).enable("table")


def prose(text: str, address: Callable[[str], str]) -> SafeString:
    """The HTML of Markdown text; `address` turns the target of each link into its address here, "" into plain text."""
    tokens = _READER.parse(text)
    for token in tokens:
        _links(token.children or [], address)
        if token.type == "table_open":
            token.attrSet("class", "table")
    made: str = _READER.renderer.render(tokens, _READER.options, {})
    return mark_safe(made)  # noqa: S308 - raw HTML is escaped


def _links(tokens: list[Token], address: Callable[[str], str]) -> None:
    for token in tokens:
        if token.type == "link_open":
            token.attrSet("href", address(str(token.attrGet("href") or "")) or "#")


def heading(text: str) -> str:
    """The first heading of a document."""
    found = re.search(r"^# +(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else ""
