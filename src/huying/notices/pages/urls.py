"""Addresses of the pages of notices."""

from django.urls import path

from huying.notices.pages import inbox, operate, preferences

urlpatterns = [
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/<int:notice_id>/", inbox.open_notice, name="open_notice"),
    path("inbox/read-all/", inbox.read_all, name="inbox_read_all"),
    path("inbox/preferences/", preferences.preferences, name="inbox_preferences"),
    path(
        "inbox/preferences/addresses/<int:address_id>/remove/",
        preferences.remove_address,
        name="inbox_remove_address",
    ),
    path("notices/dead-letters/", operate.dead_letters, name="dead_letters"),
    path("notices/dead-letters/resend/", operate.resend, name="resend_dead_letters"),
    path("notices/addresses/", operate.addresses, name="notice_addresses"),
    path(
        "notices/addresses/<int:address_id>/remove/",
        operate.remove_address,
        name="remove_notice_address",
    ),
]
