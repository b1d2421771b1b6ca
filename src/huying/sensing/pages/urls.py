"""Addresses of the pages of sensing."""

from django.urls import path

from huying.sensing.pages import properties, quarantine, rules, stations

urlpatterns = [
    path("sensing/", stations.index, name="sensing"),
    path("sensing/alerts/", stations.alerts, name="sensing_alerts"),
    path("sensing/devices/new/", stations.register, name="sensing_register"),
    path("sensing/devices/<str:mn>/", stations.device, name="sensing_device"),
    path("sensing/devices/<str:mn>/edit/", stations.edit, name="sensing_device_edit"),
    path("sensing/properties/", properties.index, name="sensing_properties"),
    path("sensing/properties/<str:code>/", properties.edit, name="sensing_property"),
    path("sensing/devices/<str:mn>/chart.json", stations.chart, name="sensing_chart"),
    path("sensing/devices/<str:mn>/maintenance/", stations.maintenance, name="sensing_window"),
    path("sensing/rules/", rules.index, name="sensing_rules"),
    path("sensing/rules/new/", rules.edit, name="sensing_rule_new"),
    path("sensing/rules/<str:code>/", rules.edit, name="sensing_rule"),
    path("sensing/quarantine/", quarantine.index, name="sensing_quarantine"),
    path("sensing/quarantine/replay/", quarantine.replay, name="sensing_replay"),
    path("sensing/quarantine/dismiss/", quarantine.dismiss, name="sensing_dismiss"),
]
