from django.apps import AppConfig
from django.core.checks import register as register_check
from django.utils.module_loading import autodiscover_modules

from yiwang.kernel.registers.registry import check_registers


class RegistersConfig(AppConfig):
    name = "yiwang.kernel.registers"
    label = "registers"
    verbose_name = "台账"

    def ready(self) -> None:
        register_check(check_registers)
        autodiscover_modules("registers")
