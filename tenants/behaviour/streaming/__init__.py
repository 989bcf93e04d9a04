"""Events as they happen: one request from its body to the record of what became of it."""
