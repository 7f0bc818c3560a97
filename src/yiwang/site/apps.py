from django.apps import AppConfig

from yiwang.site import starting


class SiteConfig(AppConfig):
    name = "yiwang.site"

    def ready(self) -> None:
        """The last app of the list."""
        starting.done()
