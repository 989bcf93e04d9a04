"""The one exception of the launcher: a fault that the person at the keyboard can put right."""


class Trouble(Exception):
    """Says in one line what is wrong and what to do; shown without a traceback, exit status 1."""
