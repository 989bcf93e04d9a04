"""What is done for every tenant once in a while; settings list the functions."""

import logging

from django.conf import settings
from django.utils.module_loading import import_string

from tenants.isolation.models import standing
from tenants.work.away import is_away

logger = logging.getLogger(__name__)


def run_all() -> None:
    """Call every duty for every tenant; one tenant's trouble does not stop the others. An error of
    the database goes on to the caller once it is away: it would be all the others' as well."""
    duties = [import_string(dotted) for dotted in settings.TENANT_DUTIES]
    for tenant_id in standing():
        for duty in duties:
            try:
                duty(tenant_id)
            except Exception as error:  # whatever broke, the other tenants' duties must be done
                if is_away(error):
                    raise
                logger.exception("duty %s of tenant %s", duty.__name__, tenant_id)
