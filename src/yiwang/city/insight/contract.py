"""给保管诉求的领域：登记自己为研判的来源，并以这些形状交出诉求。研判不知道诉求人是谁，也没有别的门可问。"""

from yiwang.city.insight.queries import Group, Message, Place, Source, Trouble, register_source

__all__ = ["Group", "Message", "Place", "Source", "Trouble", "register_source"]
