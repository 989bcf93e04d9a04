from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("behaviour", "0015_mapping")]

    operations = [
        migrations.AddField("upload", "said_at", models.DateTimeField(null=True)),
    ]
