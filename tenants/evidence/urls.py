from django.urls import path

from tenants.evidence.api import CheckpointList, EntryList, ExportContent, ExportDetail, ExportList

urlpatterns = [
    path("v1/audit/entries", EntryList.as_view(), name="audit_entries"),
    path("v1/audit/checkpoints", CheckpointList.as_view(), name="audit_checkpoints"),
    path("v1/audit/exports", ExportList.as_view(), name="audit_exports"),
    path("v1/audit/exports/<str:evidence_id>", ExportDetail.as_view(), name="audit_export"),
    path(
        "v1/audit/exports/<str:evidence_id>/content",
        ExportContent.as_view(),
        name="audit_export_content",
    ),
]
