from django.urls import path

from tenants.consent.api import ConsentList

urlpatterns = [path("v1/consents", ConsentList.as_view(), name="consents")]
