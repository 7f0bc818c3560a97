from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AccessConfig(AppConfig):
    name = "yiwang.kernel.access"

    def ready(self) -> None:
        """Every app may declare what permissions are given on in its `resources` module."""
        autodiscover_modules("resources")
