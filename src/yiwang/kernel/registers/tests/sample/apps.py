from django.apps import AppConfig


class SampleConfig(AppConfig):
    name = "yiwang.kernel.registers.tests.sample"
    label = "registers_sample"
