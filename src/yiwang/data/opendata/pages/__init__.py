"""开放门户、部门的申请页、DCAT 目录供稿。"""

from yiwang.data.opendata.pages import feed, officers, portal

URLS = (*portal.URLS, *officers.URLS, *feed.URLS)
