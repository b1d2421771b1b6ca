"""Addresses of the pages of reports and cases."""

from django.urls import path

from huying.cases.pages import desk_urls, receipt, resident, work, work_report

urlpatterns = [
    # Residents: no account.
    path("", resident.home, name="home"),
    path("services/", resident.services, name="services"),
    path("report/", resident.report, name="report"),
    path("report/before/", resident.before_sending, name="report_before"),
    path("progress/", receipt.find, name="progress"),
    path("r/<str:code>/", receipt.show, name="receipt"),
    path("r/<str:code>/rate/", receipt.rate, name="receipt_rate"),
    path("r/<str:code>/follow-up/", receipt.follow_up, name="receipt_follow_up"),
    path("r/<str:code>/add/", receipt.supplement, name="receipt_add"),
    path("r/<str:code>/withdraw/", receipt.withdraw, name="receipt_withdraw"),
    path("r/<str:code>/files/<int:attachment_id>/", receipt.attachment, name="receipt_file"),
    # Grid workers: signed in, on the telephone.
    path("work/", work.tasks, name="work"),
    path("work/done/", work.done, name="work_done"),
    path("work/report/", work_report.report, name="work_report"),
    path("work/<int:case_id>/", work.task, name="work_task"),
    path("work/<int:case_id>/do/<str:action>/", work.do, name="work_do"),
    path("work/<int:case_id>/around.geojson", work.around, name="work_around"),
    path("work/<int:case_id>/place.geojson", work.place, name="work_place"),
    path("work/<int:case_id>/files/<int:attachment_id>/", work.attachment, name="work_file"),
    # The desk, taking down, the auditor.
    *desk_urls.urlpatterns,
]
