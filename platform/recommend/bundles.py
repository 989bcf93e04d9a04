"""Published bundles held in this process: loaded once, checked on load, dropped by bytes.

Which version serves is asked of the database at every request, so a swap counts from the next
answer on; this cache only saves the loading.
"""

import logging
import time
from collections import OrderedDict
from threading import Lock
from uuid import UUID

from tenants.access.turns import TURNS
from tenants.isolation.depot import is_shared
from training.engine.bundle import Bundle
from training.engine.sealed import Damaged
from training.jobs.artifacts import UNREADABLE, path_of, reading

logger = logging.getLogger(__name__)
MOST_BYTES = 2 << 30
# How long one that cannot be read is not tried again: each try reads or brings all of it.
PAUSE_SECONDS = 30.0


class BundleUnreadable(Exception):
    """The files of a version are damaged, gone, or out of reach of this machine."""


class BundleCache:
    """Bundles by (tenant, manifest hash), the least recently used first to go."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[tuple[UUID, bytes], Bundle] = OrderedDict()
        self._loading: dict[tuple[UUID, bytes], Lock] = {}
        self._failed: dict[tuple[UUID, bytes], float] = {}
        self._lock = Lock()

    def get(self, tenant_id: UUID, digest: bytes) -> Bundle:
        """The bundle; BundleUnreadable, which the log explains once for a while."""
        name = (tenant_id, digest)
        with self._lock:
            if name in self._held:
                self._held.move_to_end(name)
                return self._held[name]
            loading = self._loading.setdefault(name, Lock())
        with loading:  # one thread loads, the others wait for it
            with self._lock:
                bundle = self._held.get(name)
            if bundle is None:
                bundle = self._load(tenant_id, digest)
                with self._lock:
                    self._held[name] = bundle
                    self._shrink()
        with self._lock:
            self._loading.pop(name, None)
        # Ours, whatever another load has pushed out of the cache meanwhile.
        return bundle

    def can_read(self, tenant_id: UUID, digest: bytes) -> bool:
        """Whether a request to this process would be answered from the bundle now. What this
        machine would have to bring first counts as readable until a request has failed.
        """
        name = (tenant_id, digest)
        if name not in self._held and not path_of(tenant_id, digest).is_dir() and is_shared():
            return time.monotonic() >= self._failed.get(name, 0.0)
        try:
            self.get(tenant_id, digest)
        except BundleUnreadable:
            return False
        return True

    def _load(self, tenant_id: UUID, digest: bytes) -> Bundle:
        name = (tenant_id, digest)
        if time.monotonic() < self._failed.get(name, 0.0):
            raise BundleUnreadable(digest.hex())
        try:
            # It is read whole and may have to be brought: nobody's turn waits for that.
            with TURNS.apart(), reading(tenant_id, digest) as folder:
                bundle = Bundle.load(folder, verify=False)  # checked just now
        except (*UNREADABLE, Damaged) as error:
            self._failed[name] = time.monotonic() + PAUSE_SECONDS
            logger.exception("bundle %s of tenant %s cannot be read", digest.hex(), tenant_id)
            raise BundleUnreadable(digest.hex()) from error
        self._failed.pop(name, None)
        return bundle

    def _shrink(self) -> None:
        """Always keeps the newest, however large it is."""
        while len(self._held) > 1 and self._bytes() > self._most_bytes:
            self._held.popitem(last=False)

    def _bytes(self) -> int:
        return sum(bundle.nbytes for bundle in self._held.values())


BUNDLES = BundleCache()
