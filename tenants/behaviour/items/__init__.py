"""The catalogue, told one request at a time."""
