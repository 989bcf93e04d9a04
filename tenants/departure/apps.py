from django.apps import AppConfig


class DepartureConfig(AppConfig):
    name = "tenants.departure"
    default_auto_field = "django.db.models.BigAutoField"
