"""Addresses of the desk, of taking down, and of the auditor."""

from django.urls import path

from huying.cases.pages import audit, desk, desk_acts, desk_case, desk_map, erasing, intake

urlpatterns = [
    path("cases/<int:case_id>/", desk.case_link, name="case_link"),
    path("desk/", desk.desk, name="desk"),
    path("desk/queues/", desk.queues, name="desk_queues"),
    path("desk/new/", desk.news, name="desk_news"),
    path("desk/export.csv", desk.export, name="desk_export"),
    path("desk/map/", desk_map.desk_map, name="desk_map"),
    path("desk/map/grids.geojson", desk_map.grids, name="desk_map_grids"),
    path("desk/map/points.geojson", desk_map.points, name="desk_map_points"),
    path("desk/bulk/dispatch/", desk_acts.bulk_dispatch, name="desk_bulk_dispatch"),
    path("desk/bulk/merge/", desk_acts.merge, name="desk_merge"),
    path("desk/places/", intake.places, name="desk_places"),
    path("desk/intake/", intake.intake, name="intake"),
    path("desk/intake/help/", intake.intake_help, name="intake_help"),
    path("desk/intake/<str:code>/", intake.intake_receipt, name="intake_receipt"),
    path("desk/<int:case_id>/", desk_case.case, name="desk_case"),
    path("desk/<int:case_id>/news/", desk_case.news, name="desk_case_news"),
    path("desk/<int:case_id>/print/", desk_case.paper, name="desk_print"),
    path("desk/<int:case_id>/alert.json", desk_case.alert_chart, name="desk_alert"),
    path("desk/<int:case_id>/around.geojson", desk_case.around, name="desk_around"),
    path(
        "desk/<int:case_id>/around-points.geojson",
        desk_case.around_points,
        name="desk_around_points",
    ),
    path("desk/<int:case_id>/files/<int:attachment_id>/", desk_case.attachment, name="desk_file"),
    path("desk/<int:case_id>/do/<str:action>/", desk_acts.do, name="desk_do"),
    path("desk/<int:case_id>/reference/", desk_acts.reference, name="desk_reference"),
    path("desk/<int:case_id>/people/", desk_acts.people, name="desk_people"),
    path("desk/<int:case_id>/papers/", desk_acts.papers, name="desk_papers"),
    path("desk/<int:case_id>/rate/", desk_acts.rate, name="desk_rate"),
    path("desk/<int:case_id>/repeat/", desk_acts.repeat, name="desk_repeat"),
    path("desk/<int:case_id>/split/", desk_acts.split, name="desk_split"),
    path(
        "desk/<int:case_id>/reports/<int:report_id>/people/<int:person_id>/",
        desk_acts.reveal,
        name="desk_reveal",
    ),
    path("desk/erasing/", erasing.find, name="erase_find"),
    path("desk/erasing/<int:person_id>/", erasing.erase, name="erase_person"),
    path("audit/", audit.audit, name="audit"),
    path("audit/export.csv", audit.audit_export, name="audit_export"),
    path("audit/access/", audit.audit_access, name="audit_access"),
    path("audit/exports/", audit.audit_exports, name="audit_exports"),
    path("audit/ledger/", audit.audit_ledger, name="audit_ledger"),
    path("audit/cases/<int:case_id>/", audit.audit_case, name="audit_case"),
]
