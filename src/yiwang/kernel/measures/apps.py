from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class MeasuresConfig(AppConfig):
    name = "yiwang.kernel.measures"
    label = "measures"
    verbose_name = "指标"

    def ready(self) -> None:
        """Every app may declare its figures in a `measures` module."""
        autodiscover_modules("measures")
