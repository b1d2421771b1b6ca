"""Addresses of the directory's pages."""

from django.urls import path

from huying.directory.pages import account, maps, signing_in

urlpatterns = [
    path("sign-in/", signing_in.sign_in, name="sign_in"),
    path("sign-in/second-factor/", signing_in.second_factor, name="sign_in_second_factor"),
    path("sign-in/demo/<str:role>/", signing_in.demo_sign_in, name="demo_sign_in"),
    path("sign-out/", signing_in.sign_out, name="sign_out"),
    path("start/", signing_in.start, name="start"),
    path("account/", account.account, name="account"),
    path("account/confirm/", account.confirm, name="account_confirm"),
    path("account/password/", account.password, name="account_password"),
    path("account/second-factor/", account.second_factor, name="account_second_factor"),
    path("account/sessions/<int:sign_in_id>/end/", account.end_session, name="account_end_session"),
    path(
        "account/sign-out-everywhere/",
        account.sign_out_everywhere,
        name="account_sign_out_everywhere",
    ),
    path("grids.geojson", maps.grids, name="grids_geojson"),
    path("places/at/", maps.place, name="place_at"),
]
