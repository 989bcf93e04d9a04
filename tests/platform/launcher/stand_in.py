"""A stand-in for the product, started like `make up` but with small programs in its table.

`python stand_in.py VAR`: the real launcher, database and broker; a set-up step that notes its
environment; a web server that answers /healthz; a worker that leaves its work to a grandchild.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from launcher.places import Places
from launcher.process import Process
from launcher.table import Plan
from launcher.up import main

NOTE = "import json, os, sys; json.dump(dict(os.environ), open(sys.argv[1], 'w'))"
WEB = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/healthz' else 404)
        self.end_headers()
HTTPServer(('127.0.0.1', int(sys.argv[1])), Health).serve_forever()
"""
WORKER = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(1000)'])
open(sys.argv[1], 'w').write(str(child.pid))
time.sleep(1000)
"""


def plan(*, port: int, var: Path, env: Mapping[str, str], setup_env: Mapping[str, str]) -> Plan:
    """Programs in place of manage.py, granian and celery."""

    def python(name: str, code: str, *words: str, env: Mapping[str, str]) -> Process:
        return Process(
            name=name, argv=(sys.executable, "-S", "-c", code, *words), env=env, grace=5.0
        )

    step = env.get("STAND_IN_STEP", NOTE)
    return Plan(
        steps=(python("step", step, str(var / "step.json"), env=setup_env),),
        serving=(
            python("web", WEB, str(port), env=env),
            python("worker", WORKER, str(var / "grandchild"), env=env),
            python(
                "note", NOTE + "; import time; time.sleep(1000)", str(var / "note.json"), env=env
            ),
        ),
    )


if __name__ == "__main__":
    sys.exit(main(Places(var=Path(sys.argv[1])), plan))
