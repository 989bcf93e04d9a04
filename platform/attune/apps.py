from django.apps import AppConfig


class AttuneConfig(AppConfig):
    name = "attune"

    def ready(self) -> None:
        # Checks register, and shared tasks find their application, on import.
        from attune import celery, checks  # noqa: F401
