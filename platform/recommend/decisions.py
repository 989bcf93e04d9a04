"""The decision log as a stream that is sealed in batches."""

from recommend.models import Decision
from tenants.audit.streams import TableStream

stream = TableStream("decisions", Decision)
