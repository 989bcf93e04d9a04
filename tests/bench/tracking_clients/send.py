"""Sends COUNT events with segment-analytics-python, nothing of it changed but the host.

    send.py HOST KEY COUNT PEOPLE

Each is of an item of its own, so that whoever counts them knows which came. Prints how many were
handed to the library and how many it gave up.
"""

import json
import sys
import time

from segment.analytics.client import Client


def main(host: str, key: str, count: int, people: int) -> None:
    lost: list[object] = []
    client = Client(key, host=host, on_error=lambda error, batch: lost.extend(batch))
    for number in range(count):
        event = (f"u{number % people}", "Product Viewed", {"product_id": f"python-{number}"})
        while not client.track(*event)[0]:  # its queue is full
            time.sleep(0.05)
    client.shutdown()
    print(json.dumps({"sent": count, "given_up": len(lost)}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
