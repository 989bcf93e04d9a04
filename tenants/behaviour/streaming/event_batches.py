"""The records of streamed requests as a stream that is sealed in batches."""

from tenants.audit.streams import TableStream
from tenants.behaviour.models import EventBatch

stream = TableStream("event_batches", EventBatch)
