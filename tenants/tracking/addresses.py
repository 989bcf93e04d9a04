"""Where Segment's libraries send. Only names; settings read them before there are models."""

# The library for Java writes a slash at the end, those of phones and browsers one letter.
BATCHES = ("batch", "import", "import/", "b")
CALLS = ("track", "page", "screen", "identify", "group", "alias")
PATHS = frozenset(f"/v1/{name}" for name in (*BATCHES, *CALLS, *(call[0] for call in CALLS)))
