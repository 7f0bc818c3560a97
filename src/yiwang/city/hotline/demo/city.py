"""The hotline of the demonstration city as a whole."""

from datetime import timedelta

from django.utils import timezone

from yiwang.city.hotline.demo import stages
from yiwang.city.hotline.demo.building import DAYS, Builder
from yiwang.city.hotline.models import Request
from yiwang.city.hotline.services import insight
from yiwang.city.hotline.services.intake import register_many


def build() -> list[tuple[str, str, str]]:
    """Train, receive, walk, leave some on the way; then look for repeats and hot topics. Does nothing the second time."""
    if Request.objects.exists():
        return []
    builder = Builder()
    builder.train()
    made = builder.intakes()
    requests = register_many(builder.actor("dispatcher"), [intake for _, intake in made])
    for request, (theme, _) in zip(requests, made, strict=True):
        builder.live(request, theme)
    manager = builder.actor("manager")
    insight.find_repeats(manager, Request.objects.all())
    today = timezone.localdate()
    insight.compute_topics(manager, today - timedelta(days=DAYS), today)
    stages.build(builder)
    return []
