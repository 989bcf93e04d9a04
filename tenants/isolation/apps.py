from django.apps import AppConfig


class IsolationConfig(AppConfig):
    name = "tenants.isolation"
    default_auto_field = "django.db.models.BigAutoField"
