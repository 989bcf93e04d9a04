from django.urls import path

from tenants.rights import api

ONE = "v1/rights_requests/<str:request_id>"
urlpatterns = [
    path("v1/rights_requests", api.RightsRequestList.as_view(), name="rights_requests"),
    path(ONE, api.RightsRequestDetail.as_view(), name="rights_request"),
    path(f"{ONE}/acknowledge", api.RightsRequestAcknowledge.as_view(), name="acknowledge"),
    path(f"{ONE}/verify", api.RightsRequestVerify.as_view(), name="verify"),
    path(f"{ONE}/extend", api.RightsRequestExtend.as_view(), name="extend"),
    path(f"{ONE}/refuse", api.RightsRequestRefuse.as_view(), name="refuse"),
    path(f"{ONE}/complete", api.RightsRequestComplete.as_view(), name="complete"),
    path(f"{ONE}/corrections", api.RightsRequestCorrections.as_view(), name="corrections"),
    path(f"{ONE}/export", api.RightsRequestExport.as_view(), name="rights_export"),
]
