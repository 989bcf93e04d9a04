"""Event types: the defaults, and what a tenant laid over them."""
