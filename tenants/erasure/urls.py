from django.urls import path

from tenants.erasure.api import ErasureCertificate, ErasureDetail

ONE = "v1/erasures/<str:erasure_id>"

urlpatterns = [
    path(ONE, ErasureDetail.as_view(), name="erasure"),
    path(f"{ONE}/certificate", ErasureCertificate.as_view(), name="erasure-certificate"),
]
