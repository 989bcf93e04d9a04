"""How the web server logs a request (by its path, never its query, which may hold a person's id)
and what it bears of one before Django sees it. The command line says address, workers, threads.
"""

from gunicorn.glogging import Logger

from tenants.access.log_lines import MaskedFormatter

access_log_format = '%(t)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms %({x-request-id}o)s'


class MaskedLogger(Logger):
    """gunicorn's own lines go through the same formatter as the product's."""

    def setup(self, cfg):
        super().setup(cfg)
        for log, form in ((self.error_log, self.error_fmt), (self.access_log, self.access_fmt)):
            for handler in log.handlers:
                handler.setFormatter(MaskedFormatter(form))


logger_class = MaskedLogger

# No address of ours comes near these; a longer one is a mistake or an attack (answered 414, 431).
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# Seconds that an idle connection is kept for the next request: short, for it holds a socket.
keepalive = 5
# Seconds without a sign of life after which a worker process is killed. Threads answer beside its
# heartbeat, so a slow request is not cut; the database's and the client's time limits are.
timeout = 30
# Whether a proxy's word counts is one question with one answer: Django's TRUSTED_PROXY. gunicorn
# believes nobody: neither a scheme nor a path nor a script name from a header.
forwarded_allow_ips = ""
forwarder_headers = ""
# "X_Forwarded_Proto" would read like "X-Forwarded-Proto" to Django: such headers are dropped.
header_map = "drop"
