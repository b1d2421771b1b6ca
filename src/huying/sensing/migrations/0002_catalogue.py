"""The properties Huying ships with, and the default rule: see `rules/catalogue.py`."""

from django.db import migrations
from django.utils import timezone

from huying.sensing.rules.catalogue import PROPERTIES, PROPERTY_FIELDS, RULE


def seed(apps, schema_editor):
    Property = apps.get_model("sensing", "Property")
    Property.objects.bulk_create(
        Property(**dict(zip(PROPERTY_FIELDS, row, strict=True)), is_listed=True)
        for row in PROPERTIES
    )
    rule = apps.get_model("sensing", "AlertRule").objects.create(
        property=Property.objects.get(code="a34004"), **RULE
    )
    apps.get_model("sensing", "AlertRuleVersion").objects.create(
        rule=rule,
        version=1,
        body={**RULE, "property_code": "a34004", "device_mns": []},
        changed_at=timezone.now(),
        changed_by="system:migration",
        note="随系统提供",
    )
    apps.get_model("sensing", "RegistryEdition").objects.create(id=1, number=1)


class Migration(migrations.Migration):
    dependencies = [("sensing", "0001_initial")]
    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
