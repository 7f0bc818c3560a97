from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class RegistersConfig(AppConfig):
    name = "yiwang.kernel.registers"
    label = "registers"
    verbose_name = "台账"

    def ready(self) -> None:
        autodiscover_modules("registry", "registers")
