"""The queue of what was acknowledged and waits to be landed, and the task that is its doorbell."""

STREAMS, LAND = "streams", "streams.land"
