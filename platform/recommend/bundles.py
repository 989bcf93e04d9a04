"""Published bundles held in this process: loaded once, checked on load, dropped by bytes.

Which version serves is asked of the database at every request, so a swap counts from the next
answer on; this cache only saves the loading.
"""

from collections import OrderedDict
from threading import Lock
from uuid import UUID

from training.engine.bundle import Bundle
from training.jobs.artifacts import path_of

MOST_BYTES = 2 << 30


class BundleCache:
    """Bundles by (tenant, manifest hash), the least recently used first to go."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._held: OrderedDict[tuple[UUID, bytes], Bundle] = OrderedDict()
        self._loading: dict[tuple[UUID, bytes], Lock] = {}
        self._lock = Lock()

    def get(self, tenant_id: UUID, digest: bytes) -> Bundle:
        """The bundle; the engine's error when its files are damaged."""
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
                bundle = Bundle.load(path_of(tenant_id, digest))
                with self._lock:
                    self._held[name] = bundle
                    self._shrink()
        with self._lock:
            self._loading.pop(name, None)
        # Ours, whatever another load has pushed out of the cache meanwhile.
        return bundle

    def _shrink(self) -> None:
        """Always keeps the newest, however large it is."""
        while len(self._held) > 1 and self._bytes() > self._most_bytes:
            self._held.popitem(last=False)

    def _bytes(self) -> int:
        return sum(bundle.nbytes for bundle in self._held.values())


BUNDLES = BundleCache()
