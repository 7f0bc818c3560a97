from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class FlowConfig(AppConfig):
    name = "yiwang.kernel.flow"
    label = "flow"
    verbose_name = "流程"

    def ready(self) -> None:
        """Every app may declare its kinds of cases in a `kinds` module."""
        autodiscover_modules("kinds")
