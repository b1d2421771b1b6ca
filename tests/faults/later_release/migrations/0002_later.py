"""A column, filled row by row, and an index over it: in one transaction, as all of ours are."""

from django.db import migrations, models

STEPS = 20


def fill(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        for step in range(STEPS):
            cursor.execute(
                "UPDATE notices_notice SET later = 'filled' WHERE id %% %s = %s", [STEPS, step]
            )
            cursor.execute("SELECT pg_sleep(0.1)")


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_initial")]

    operations = [
        migrations.AddField("notice", "later", models.TextField(db_default="")),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunSQL(
            "CREATE INDEX notices_notice_later ON notices_notice (later)",
            "DROP INDEX notices_notice_later",
        ),
    ]
