from django.apps import AppConfig


class MovingConfig(AppConfig):
    name = "uws.moving"
    label = "moving"
    default_auto_field = "django.db.models.BigAutoField"
