"""A file that waits until a person says how it is read: proposals, first rows, a dry run."""
