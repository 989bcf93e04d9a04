from django.urls import path

from tenants.consent.api import ConsentList
from tenants.consent.api_reading import ConsentStates
from tenants.consent.api_signals import SignalList

urlpatterns = [
    path("v1/consents", ConsentList.as_view(), name="consents"),
    path("v1/consents/state", ConsentStates.as_view(), name="consent_states"),
    path("v1/consents/signals", SignalList.as_view(), name="consent_signals"),
]
