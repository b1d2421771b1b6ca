"""Addresses of the room's pages."""

from django.urls import path

from huying.insight.pages import design, shell

urlpatterns = [
    path("sw.js", shell.service_worker, name="service_worker"),
    path("offline/", shell.offline, name="offline"),
    path("design/", design.design_system, name="design_system"),
]
