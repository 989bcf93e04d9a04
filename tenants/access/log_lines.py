"""Paths as a log line may hold them: the secret of a link is left out of an address. Pure text."""

import logging
import re

# Invitations, and links to a new password: whoever reads one could use it.
_LINK = re.compile(r"(/join/|/password/reset/key/)[^/\s\"']+")


def without_links(text: str) -> str:
    """The text with `…` in place of the secret part of each link in it."""
    return _LINK.sub(r"\1…", text)


class LinkFilter(logging.Filter):
    """Leaves secrets of links out of records, whichever argument they stand in."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.msg, str):
            record.msg = without_links(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(
                without_links(each) if isinstance(each, str) else each for each in record.args
            )
        return True
