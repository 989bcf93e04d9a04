"""How the web server logs a request: by its path, never its query, which may hold a person's id."""

access_log_format = '%(t)s "%(m)s %(U)s" %(s)s %(B)s bytes %(M)s ms %({x-request-id}o)s'
