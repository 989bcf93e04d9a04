"""An upload may be fetched from an address."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0010_parts")]

    operations = [
        migrations.AddField("upload", "source", models.TextField(default="")),
        migrations.AddField("upload", "source_sealed", models.BinaryField(null=True)),
    ]
