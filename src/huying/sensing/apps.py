from django.apps import AppConfig


class SensingConfig(AppConfig):
    name = "huying.sensing"
    label = "sensing"
