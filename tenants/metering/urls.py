from django.urls import path

from tenants.metering.api import UsageDetail

urlpatterns = [path("v1/usage", UsageDetail.as_view(), name="usage")]
