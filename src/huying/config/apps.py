from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class ConfigConfig(AppConfig):
    name = "huying.config"
    label = "config"

    def ready(self) -> None:
        from huying.config import schemas

        pre_migrate.connect(schemas.create, sender=self)
        post_migrate.connect(schemas.create_jobs, sender=self)
