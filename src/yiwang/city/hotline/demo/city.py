"""The hotline of the demonstration city as a whole."""

from yiwang.city.hotline.demo import stages
from yiwang.city.hotline.demo.building import Builder
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services.intake import register_many


def build() -> list[tuple[str, str, str]]:
    """Train, receive, walk, leave some on the way. Does nothing the second time."""
    if Request.objects.exists():
        return []
    builder = Builder()
    builder.train()
    made = builder.intakes()
    requests = register_many(builder.actor("dispatcher"), [intake for _, intake in made])
    for request, (theme, _) in zip(requests, made, strict=True):
        builder.live(request, theme)
    stages.build(builder)
    return []
