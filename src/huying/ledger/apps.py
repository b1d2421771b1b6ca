from django.apps import AppConfig


class LedgerConfig(AppConfig):
    name = "huying.ledger"
    label = "ledger"
