from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_view

from tenants.tracking.addresses import BATCHES
from tenants.tracking.api import SAYS, MessageBatch, Tracking, view_of

unlisted = extend_schema_view(post=extend_schema(exclude=True))


def also(view: type[Tracking]) -> type[Tracking]:
    """The view under another address, which the document does not repeat."""
    return unlisted(type(view.__name__, (view,), {}))


VIEWS = {kind: view_of(kind) for kind in SAYS}
urlpatterns = [
    path("v1/batch", MessageBatch.as_view(), name="track_batch"),
    *(path(f"v1/{name}", also(MessageBatch).as_view()) for name in BATCHES[1:]),
    *(path(f"v1/{kind}", view.as_view(), name=f"track_{kind}") for kind, view in VIEWS.items()),
    *(path(f"v1/{kind[0]}", also(view).as_view()) for kind, view in VIEWS.items()),
]
