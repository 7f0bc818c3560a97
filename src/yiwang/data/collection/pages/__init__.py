"""归集自己的页面：报送、数据包、来源、历史与回退、对账。列表由平台按声明生成。"""

from yiwang.data.collection.pages.delivery import DELIVERY_URLS
from yiwang.data.collection.pages.history import HISTORY_URLS
from yiwang.data.collection.pages.packages import PACKAGE_URLS
from yiwang.data.collection.pages.sources import SOURCE_URLS

URLS = (*DELIVERY_URLS, *PACKAGE_URLS, *HISTORY_URLS, *SOURCE_URLS)
