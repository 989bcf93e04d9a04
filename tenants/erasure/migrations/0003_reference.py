from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("erasure", "0002_certificate")]

    operations = [
        migrations.AddField(
            model_name="erasure",
            name="reference",
            field=models.BinaryField(default=b""),
        ),
    ]
