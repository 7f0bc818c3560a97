"""热线自己的页面；列表、表单、工单页由平台按声明生成。"""

from yiwang.city.hotline.pages.desk import DESK_URLS
from yiwang.city.hotline.pages.public import PUBLIC_URLS
from yiwang.city.hotline.pages.requests import REQUEST_URLS
from yiwang.city.hotline.pages.triage import TRIAGE_URLS

URLS = (*DESK_URLS, *PUBLIC_URLS, *REQUEST_URLS, *TRIAGE_URLS)
