from django.apps import AppConfig


class SubjectsConfig(AppConfig):
    name = "tenants.subjects"
    default_auto_field = "django.db.models.BigAutoField"
