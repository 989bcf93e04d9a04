"""A shop that has what a training needs, made once for the tests of a file."""

import pytest

from tenants.behaviour.arriving.accepting import accept_upload
from tenants.behaviour.models import Upload
from tenants.work.run import run_waiting
from tests import shop
from tests.business import Business, make_business
from tests.stocked import archive


@pytest.fixture(scope="module")
def stocked(made_once: None) -> Business:
    """A shop with everybody's consent and purchases."""
    business = make_business("Stocked")
    archive(business)
    with business.scope:
        for kind, content in (
            (Upload.CONSENTS, shop.consents()),
            (Upload.EVENTS, shop.purchases()),
        ):
            accept_upload(kind=kind, name="file.csv", chunks=[content], actor=business.actor)
            run_waiting("default")
    return business
