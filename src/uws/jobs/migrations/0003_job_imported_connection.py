from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0002_job_owner_status"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="imported_connection",
            field=models.JSONField(default=dict),
        ),
    ]
