"""The meters: what is counted of a tenant's use. Imported by pages: needs no database."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Meter:
    """`limit` names the field of `plans.Plan` that a month's sum may not pass; "" for none.

    Meters with the same limit share it: together they may not pass it.
    """

    name: str
    unit: str
    limit: str = ""


REQUESTS = "requests"
REFUSED = "refused"
EVENTS = "events"
HELD = "held_events"
UPLOADED = "uploaded_bytes"
DEVICE = "device_seconds"

METERS = {
    meter.name: meter
    for meter in (
        Meter(REQUESTS, "requests"),
        Meter(REFUSED, "requests"),
        Meter(EVENTS, "events", "events_per_month"),
        # Of every row that began to wait for consent; once released it counts as stored as well.
        Meter(HELD, "events", "events_per_month"),
        Meter(UPLOADED, "bytes"),
        Meter(DEVICE, "seconds", "device_seconds_per_month"),
    )
}
