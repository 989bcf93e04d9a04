from django.urls import path

from tenants.behaviour.arriving.api import UploadCancel, UploadComplete, UploadPart
from tenants.behaviour.arriving.upload_api import UploadDetail, UploadList
from tenants.behaviour.asking.api import UploadStart
from tenants.behaviour.items.item_api import ItemDetail, ItemList
from tenants.behaviour.processing.rejected_api import RejectedRowsFile
from tenants.behaviour.streaming.batch_api import EventBatchDetail, EventBatchList
from tenants.behaviour.streaming.event_api import EventList
from tenants.behaviour.types.event_type_api import EventTypeList

urlpatterns = [
    path("v1/events", EventList.as_view(), name="events"),
    path("v1/event_types", EventTypeList.as_view(), name="event_types"),
    path("v1/event_batches", EventBatchList.as_view(), name="event_batches"),
    path("v1/event_batches/<str:batch_id>", EventBatchDetail.as_view(), name="event_batch"),
    path("v1/items", ItemList.as_view(), name="items"),
    path("v1/items/<path:item_id>", ItemDetail.as_view(), name="item"),
    path("v1/uploads", UploadList.as_view(), name="uploads"),
    path("v1/uploads/<str:upload_id>", UploadDetail.as_view(), name="upload"),
    path("v1/uploads/<str:upload_id>/parts/<int:offset>", UploadPart.as_view(), name="upload_part"),
    path("v1/uploads/<str:upload_id>/complete", UploadComplete.as_view(), name="upload_complete"),
    path("v1/uploads/<str:upload_id>/start", UploadStart.as_view(), name="upload_start"),
    path("v1/uploads/<str:upload_id>/cancel", UploadCancel.as_view(), name="upload_cancel"),
    path("v1/uploads/<str:upload_id>/rejected", RejectedRowsFile.as_view(), name="rejected_rows"),
]
