"""Addresses of the room's pages."""

from django.urls import path

from huying.insight.pages import design, health, leader, shell

urlpatterns = [
    path("sw.js", shell.service_worker, name="service_worker"),
    path("offline/", shell.offline, name="offline"),
    path("design/", design.design_system, name="design_system"),
    path("leader/", leader.morning, name="leader"),
    path("leader/supervise/<int:case_id>/", leader.supervise, name="leader_supervise"),
    path("command/", leader.command, name="command"),
    path("command/grids.geojson", leader.grids, name="command_grids"),
    path("command/alerts.geojson", leader.alerts, name="command_alerts"),
    path("command/air.json", leader.air, name="command_air"),
    path("health/", health.health, name="health"),
]
