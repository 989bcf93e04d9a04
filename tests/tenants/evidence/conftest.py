"""Every root with a folder per tenant lies in a folder of the test."""

import pytest
from django.conf import settings as ours


@pytest.fixture(autouse=True)
def roots(settings, tmp_path):
    for root in ours.TENANT_ROOTS:
        setattr(settings, root, tmp_path / root.lower())
    return tmp_path
