"""The workers that run jobs, and what they run them on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0004_api")]

    operations = [
        migrations.CreateModel(
            name="Device",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("worker", models.TextField(unique=True)),
                ("owner", models.TextField()),
                ("host", models.TextField()),
                ("device", models.TextField()),
                ("model", models.TextField(default="")),
                ("slots", models.IntegerField()),
                ("last_seen", models.DateTimeField()),
            ],
        ),
    ]
