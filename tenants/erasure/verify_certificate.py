"""Check the certificate of an erasure, offline: python verify_certificate.py FILE [PUBLIC_KEY]

FILE is what was handed out, as JSON; PUBLIC_KEY the tenant's, 64 hexadecimal digits that you wrote
down before. Without it the key in the file is believed, which proves only that nothing was altered
since. Needs nothing but `cryptography`. Exit status 0: every signature holds.
"""

import base64
import hashlib
import json
import sys
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

CONTEXT = b"attune signature v1: certificate\x00"


def faults(document: dict[str, Any], pinned: str = "") -> list[str]:
    """What is wrong with a document, in words; [] for one that holds."""
    key = pinned or document["public_key"]
    found = ["the key is another than the one you gave"] if document["public_key"] != key else []
    statements = document["statements"]
    if not statements or statements[0]["kind"] != "certificate":
        return [*found, "there is no certificate in the file"]
    certificate = hashlib.sha256(statements[0]["text"].encode()).hexdigest()
    for number, one in enumerate(statements, start=1):
        told = json.loads(one["text"])
        try:
            signature = base64.b64decode(one["signature"])
            public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
            public.verify(signature, CONTEXT + one["text"].encode())
        except (InvalidSignature, ValueError):
            found.append(
                f"statement {number} ({one['kind']}) was altered, or another key signed it"
            )
            continue
        if told["kind"] != one["kind"] or told["erasure"] != document["erasure"]:
            found.append(f"statement {number} is of another kind or another erasure")
        if number > 1 and told["certificate_sha256"] != certificate:
            found.append(f"statement {number} ({one['kind']}) belongs to another certificate")
    return found


def main(words: list[str]) -> int:
    if len(words) not in (1, 2):
        print(__doc__)
        return 2
    with open(words[0], encoding="utf-8") as file:
        document = json.load(file)
    found = faults(document, *words[1:])
    for fault in found:
        print(f"FAULT: {fault}")
    if not found:
        kinds = ", ".join(one["kind"] for one in document["statements"])
        print(f"{document['erasure']}: every signature holds ({kinds})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
