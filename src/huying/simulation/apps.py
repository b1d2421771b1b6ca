from django.apps import AppConfig


class SimulationConfig(AppConfig):
    name = "huying.simulation"
    label = "simulation"
