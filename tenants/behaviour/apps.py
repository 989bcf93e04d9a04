from django.apps import AppConfig


class BehaviourConfig(AppConfig):
    name = "tenants.behaviour"
    default_auto_field = "django.db.models.BigAutoField"
