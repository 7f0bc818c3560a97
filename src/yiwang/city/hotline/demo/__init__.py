"""热线的演示数据：全部经由服务生成。"""

from yiwang.city.hotline.demo.city import build

__all__ = ["build"]
