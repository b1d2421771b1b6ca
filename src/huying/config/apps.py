from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class ConfigConfig(AppConfig):
    name = "huying.config"
    label = "config"

    def ready(self) -> None:
        from huying.config import schemas

        pre_migrate.connect(schemas.create)  # sent only for apps with models: no sender
        post_migrate.connect(schemas.create_jobs)
