from django.apps import AppConfig


class TrackingConfig(AppConfig):
    name = "tenants.tracking"
    default_auto_field = "django.db.models.BigAutoField"
