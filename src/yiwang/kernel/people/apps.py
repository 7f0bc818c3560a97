from django.apps import AppConfig
from django.core.checks import Tags, register

from yiwang.kernel.people.checks import every_url_has_a_requirement


class PeopleConfig(AppConfig):
    name = "yiwang.kernel.people"

    def ready(self) -> None:
        register(every_url_has_a_requirement, Tags.security, Tags.urls)
