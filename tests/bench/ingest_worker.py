"""The process that the benchmark of ingest measures: `python -m tests.bench.ingest_worker`, a line
`TENANT UPLOAD` on standard input for each upload that waits; a line of JSON comes back.

It runs the product's own worker function for that upload and nothing else. `peak_mb` is the most
memory that the process has held so far, libraries included.
"""

import json
import os
import re
import sys
import time
from pathlib import Path
from uuid import UUID

PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "attune.settings")
    import django

    django.setup()
    from tenants.behaviour.processing import ingest
    from tenants.work import queue

    print("ready", flush=True)
    for line in sys.stdin:
        tenant, upload = map(UUID, line.split())
        lease = queue.take("upload", tenant_id=tenant, object_id=upload)
        assert lease, "the upload does not wait"
        begun, cpu = time.perf_counter(), time.process_time()
        ingest.run(lease)
        told = {
            "seconds": time.perf_counter() - begun,
            "cpu_seconds": time.process_time() - cpu,
            "peak_mb": peak_mb(),
        }
        print(json.dumps(told), flush=True)


def peak_mb() -> float:
    """Megabytes (10^6 bytes) of physical memory held at most."""
    found = PEAK.search(Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


if __name__ == "__main__":
    main()
