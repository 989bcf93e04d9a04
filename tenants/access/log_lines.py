"""How a log line is written: one line, in UTC, without secrets and without who it is about.

The last wall, not the first: code does not log such values on purpose. It knows shapes (keys,
addresses, what the database quotes), so a bare word that happens to be a person's id passes.
Imports no Django: the web server's own lines use it too.
"""

import logging
import re
import time

from tenants.accounts.tokens import KINDS, LIVE, TEST
from tenants.masking.addresses import IN_LOGS

_KEY = rf"(ak_(?:{'|'.join(KINDS)})_(?:{LIVE}|{TEST})_)[0-9A-Za-z]+"
_QUOTED = r"(?:\"[^\"\n]*\"|'[^'\n]*')"
# What a line must hold for a shape to be looked for at all (in lower case; the search is dear, and
# most lines hold none), the shape, and what is left of it. In this order: an address in a URL is
# not a person's.
_MASKS = tuple(
    (hints, re.compile(shape), left)
    for hints, shape, left in (
        # API keys, cut ones too, so this is wider than `tokens.SCANNED`.
        (("ak_",), _KEY, r"\1…"),
        (("authorization",), r"(?i)(\bauthorization[\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+", r"\1…"),
        (("bearer", "basic"), r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}", r"\1…"),
        (("cookie",), r"(?i)(\b(?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)[^\"'\r\n]+", r"\1…"),
        # The password in a DSN: postgresql://user:pw@…, redis://:pw@…
        (("://",), r"(\b[a-z][a-z0-9+]*://[^\s:/@]*):[^\s@]*@", r"\1:…@"),
        (("passw", "secret", "token"),
         r"(?i)(\b(?:password|passwd|secret(?:_key)?|token)[\"']?\s*[:=]\s*[\"']?)[^\s\"',)}]+",
         r"\1…"),
        # The secret of an invitation's link, and of one that resets a password.
        (("/join/", "/reset/key/"), r"(/join/|/password/reset/key/)[^/\s\"']+", r"\1…"),
        # The query of a path or an address holds whom a request was about.
        (("?",), r"(/[\w.:%~/-]*)\?[^\s\"'<>]+", r"\1?…"),
        (("@",), IN_LOGS, "…@…"),
        # What PostgreSQL adds to an error quotes rows; so do some of its sentences.
        (("detail:", "context:", "query:", "statement:"),
         r"(?m)^(\s*(?:DETAIL|CONTEXT|QUERY|STATEMENT):).*$", r"\1 …"),
        (("line ",), r"(?m)^(\s*LINE \d+:).*\n\s*\^?", r"\1 …\n"),
        (("invalid ",), rf"(invalid (?:input|byte)[^\n]*?: ){_QUOTED}", r"\1…"),
        (("psycopg", "django.db"),
         rf"(?m)^((?:psycopg|django\.db)[\w.]*: [^\n]*?\b(?:value|syntax)\b[^\n]*?){_QUOTED}",
         r"\1…"),
    )
)  # fmt: skip
LONGEST = 1_000  # characters of a line
# A caller's line break must not begin a line of its own.
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if code != 9}


def masked(text: str) -> str:
    """`text` without what looks like a secret, an address, or a value of a row.

    Lines are cut first: a sender who chooses what stands in one must not choose how long we look.
    """
    lines = text.split("\n")
    text = "\n".join(line if len(line) <= LONGEST else f"{line[:LONGEST]}…" for line in lines)
    lower = text.lower()
    for hints, shape, left in _MASKS:
        for hint in hints:  # written out, for every line comes by here
            if hint in lower:
                text = shape.sub(left, text)
                break
    return text


class MaskedFormatter(logging.Formatter):
    """Masks the whole line, its traceback too: a filter would see the message alone."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The message on one line; the traceback is added behind it, line by line."""
        line = super().formatMessage(record)
        return line if line.isprintable() else line.translate(_CONTROLS)
