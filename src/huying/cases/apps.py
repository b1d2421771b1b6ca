"""Cases: what the county must answer for."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy


class CasesConfig(AppConfig):
    name = "huying.cases"
    label = "cases"
    verbose_name = gettext_lazy("事项")

    def ready(self) -> None:
        from huying.cases import subscribers  # noqa: F401 - models must be loaded first

        post_migrate.connect(_put_in_place, sender=self, dispatch_uid="cases.setup")


def _put_in_place(**_kwargs: Any) -> None:
    """After a migration: the dictionary where there is none yet, the procedures' texts."""
    from huying.cases import actions
    from huying.cases.models import Category

    if not Category.objects.exists():
        actions.load_categories()
    actions.register_procedures()
