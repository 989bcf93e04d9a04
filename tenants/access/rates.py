"""How often a key and its tenant may ask: one clock in Redis for every process.

The generic cell rate algorithm (ITU-T I.371, as a virtual schedule): of each bucket one moment is
kept, the time at which it will be full again. It admits evenly, and tells the very moment from
which the next request is admitted, so that a process can refuse until then without asking Redis.

Only keys that were found valid are known here: a forged key counts against nobody.
"""

import time
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any
from uuid import UUID

import redis
from django.conf import settings

from tenants.accounts.queries import FoundKey
from tenants.accounts.tokens import PUBLIC
from tenants.isolation.names import shared_name

MOST_KNOWN = 10_000
BELIEVED = 60.0  # seconds for which a key's limits are believed before its view is asked again
PATIENCE = 0.25  # seconds: a request does not wait longer for Redis
LOUD = 1.0  # seconds for which a bucket that refused counts as asked for too much
APART = 2.0  # seconds without asking Redis after it did not answer
DAYS_KEPT = 40
# What is counted of each key; the meters of the same names are filled from it.
REQUESTS, REFUSED = "requests", "refused"
COUNTED = (REQUESTS, REFUSED)

# Buckets come as KEYS, each with its interval and its tolerance in seconds; behind them the hash
# of the day's counters, with the field of admitted and that of refused requests and what was
# counted of each without asking. Nothing is taken unless every bucket admits.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local buckets, wait, full = #KEYS - 1, 0, {}
for i = 1, buckets do
    local moment = math.max(tonumber(redis.call('GET', KEYS[i]) or now), now)
    moment = math.min(moment, now + ARGV[2 * i])  -- the limit may have been narrower before
    full[i] = moment + ARGV[2 * i - 1]
    wait = math.max(wait, full[i] - ARGV[2 * i] - now)
end
local answer = {wait > 0 and 0 or 1, tostring(wait)}
for i = 1, buckets do
    if wait > 0 then full[i] = full[i] - ARGV[2 * i - 1] end
    redis.call('SET', KEYS[i], string.format('%.6f', full[i]), 'PX',
        math.ceil((full[i] - now) * 1000) + 1000)
    answer[i + 2] = tostring(full[i] - now)
end
local counters, field = KEYS[buckets + 1], 2 * buckets + 1
for i, now_too in ipairs({wait <= 0 and 1 or 0, wait > 0 and 1 or 0}) do
    local amount = ARGV[field + 2 * i - 1] + now_too
    if amount > 0 then redis.call('HINCRBY', counters, ARGV[field + 2 * i - 2], amount) end
end
redis.call('EXPIRE', counters, ARGV[field + 4])
return answer
"""


@dataclass(frozen=True)
class Bucket:
    """`rate` requests a second on average, `burst` at once. `of` is "tenant" or "key"."""

    of: str
    name: str
    rate: float
    burst: int

    @property
    def interval(self) -> float:
        """Seconds that one request takes up."""
        return 1.0 / self.rate

    @property
    def tolerance(self) -> float:
        """Seconds of requests that may lie ahead of the clock."""
        return self.burst / self.rate


@dataclass(frozen=True)
class Caller:
    """A key that was found valid, as the limits see it."""

    key_id: UUID
    tenant_id: UUID
    buckets: tuple[Bucket, ...]
    at_once: int
    # Whose places it takes: public keys have their own, so that a browser holds no server up.
    lane: str = "own"


@dataclass(frozen=True)
class Verdict:
    """Whether a request is admitted, and what its headers say.

    `remaining` and `reset` are of the bucket that binds first; `wait` seconds until the next
    request is admitted, 0 when it is admitted now.
    """

    admitted: bool
    bucket: Bucket
    remaining: int
    reset: float
    wait: float

    def headers(self) -> dict[str, str]:
        """As OpenAI's API names them, and as draft-ietf-httpapi-ratelimit-headers-10 does."""
        window, full_in = max(1, round(self.bucket.tolerance)), max(0, round(self.reset + 0.5))
        return {
            "X-RateLimit-Limit-Requests": str(self.bucket.burst),
            "X-RateLimit-Remaining-Requests": str(self.remaining),
            "X-RateLimit-Reset-Requests": f"{self.reset:.3f}s",
            "RateLimit-Policy": f'"{self.bucket.of}";q={self.bucket.burst};w={window}',
            "RateLimit": f'"{self.bucket.of}";r={self.remaining};t={full_in}',
        }


def caller_of(key: FoundKey) -> Caller:
    """The buckets of a key: its tenant's, and its own when it has one.

    A public key always has one, half of its tenant's at most: whoever takes it out of a page must
    not be able to use up what the tenant's own systems need.
    """
    limits, own = key.limits, key.requests_per_second
    public = key.kind == PUBLIC
    if public:
        own = min(own or limits.requests_per_second, limits.requests_per_second / 2)
    name = shared_name("rate", key.tenant_id)
    buckets = [Bucket("tenant", name, limits.requests_per_second, limits.burst)]
    if own is not None:
        name = shared_name("rate", key.tenant_id, key.id)
        buckets.append(Bucket("key", name, own, max(1, round(own))))
    if public:
        return Caller(key.id, key.tenant_id, tuple(buckets), max(1, limits.at_once // 2), PUBLIC)
    return Caller(key.id, key.tenant_id, tuple(buckets), limits.at_once)


class Rates:
    """The limits as one process keeps them. Safe with threads."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        )
        self._take = self._redis.register_script(TAKE)
        self._lock = Lock()
        self._known: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        # Until when the buckets of a key are known to be empty, and the verdict that says so.
        self._closed: dict[bytes, tuple[float, Verdict]] = {}
        # Requests that were answered or refused without asking Redis: told at the next question.
        self._untold: Counter[tuple[UUID, str]] = Counter()
        self._full: dict[str, float] = {}
        # When each bucket refused last.
        self._refused: dict[str, float] = {}
        self._apart_until = 0.0

    def learn(self, digest: bytes, caller: Caller) -> None:
        """Remember a valid key by its hash, with the limits that it has now."""
        with self._lock:
            _, before = self._known.get(digest, (0.0, None))
            if before != caller:  # other limits: what was refused under the old ones may pass now
                self._closed.pop(digest, None)
            self._known[digest] = (time.monotonic() + BELIEVED, caller)
            self._known.move_to_end(digest)
            while len(self._known) > MOST_KNOWN:
                forgotten, _ = self._known.popitem(last=False)
                self._closed.pop(forgotten, None)

    def unlearn(self, digest: bytes) -> None:
        """Forget a key that is valid no more: from now on it is refused for what it is."""
        with self._lock:
            self._known.pop(digest, None)
            self._closed.pop(digest, None)

    def known(self, digest: bytes) -> Caller | None:
        """The caller behind a hash, when its limits were learnt a while ago at most."""
        until, caller = self._known.get(digest, (0.0, None))
        return caller if until > time.monotonic() else None

    def take(self, digest: bytes, caller: Caller) -> Verdict:
        """Take one request from every bucket of the key, or none; counts it either way."""
        refused = self.refusal(digest, caller)
        if refused:
            return refused
        verdict, free_in = self._ask(caller)
        if not verdict.admitted:
            self._note_loud(verdict.bucket)
        if free_in > 0:
            self._closed[digest] = (time.monotonic() + free_in, verdict)
        else:
            self._closed.pop(digest, None)
        return verdict

    def refusal(self, digest: bytes, caller: Caller) -> Verdict | None:
        """The refusal of a key whose buckets are known to be empty, without asking anybody."""
        closed = self._closed.get(digest)
        left = closed[0] - time.monotonic() if closed else 0.0
        if closed is None or left <= 0:
            return None
        self._note_loud(closed[1].bucket)
        self._count(caller, REFUSED)
        return Verdict(False, closed[1].bucket, 0, closed[1].reset, left)

    def is_loud(self, caller: Caller) -> bool:
        """Whether one of its buckets has just refused: it asks for more than its limits."""
        since = time.monotonic() - LOUD
        return any(self._refused.get(bucket.name, 0.0) > since for bucket in caller.buckets)

    def _note_loud(self, bucket: Bucket) -> None:
        if len(self._refused) >= MOST_KNOWN:
            self._refused.clear()  # who is still loud says so again at once
        self._refused[bucket.name] = time.monotonic()

    def note_refused(self, caller: Caller, *, loud: bool = True) -> None:
        """Count a request that found no place. `loud`: whether it says that its tenant asks too
        much; parallel uploads do not.
        """
        if loud:
            self._note_loud(caller.buckets[-1])
        self._count(caller, REFUSED)

    def counted(self, tenant_id: UUID, day: date) -> dict[tuple[str, UUID], int]:
        """A day's requests by what became of them and by key; empty when Redis is away."""
        try:
            found: Any = self._redis.hgetall(counters_name(tenant_id, day.isoformat()))
        except redis.RedisError:
            return {}
        split = {tuple(name.decode().split(":")): int(n) for name, n in found.items()}
        return {(what, UUID(key)): n for (what, key), n in split.items()}

    def _ask(self, caller: Caller) -> tuple[Verdict, float]:
        """The verdict, and after how many seconds the next request will be admitted."""
        if time.monotonic() >= self._apart_until:
            with self._lock:
                untold = {each: self._untold.pop((caller.key_id, each), 0) for each in COUNTED}
            try:
                admitted, wait, *ahead = self._take(*_words(caller, untold))
                return _verdict(caller, bool(admitted), float(wait), list(map(float, ahead)))
            except redis.RedisError:
                for each, amount in untold.items():
                    self._count(caller, each, amount)
                self._apart_until = time.monotonic() + APART
        verdict, free_in = self._ask_alone(caller)
        self._count(caller, REQUESTS if verdict.admitted else REFUSED)
        return verdict, free_in

    def _count(self, caller: Caller, what: str, amount: int = 1) -> None:
        with self._lock:
            self._untold[caller.key_id, what] += amount

    def _ask_alone(self, caller: Caller) -> tuple[Verdict, float]:
        """Without Redis each process keeps the limits by itself: kinder, but never without end."""
        now = time.monotonic()
        with self._lock:
            full = [
                min(max(self._full.get(b.name, now), now), now + b.tolerance)
                for b in caller.buckets
            ]
            wait = max(
                max(moment + b.interval - b.tolerance - now, 0.0)
                for moment, b in zip(full, caller.buckets, strict=True)
            )
            if wait <= 0:
                full = [m + b.interval for m, b in zip(full, caller.buckets, strict=True)]
            self._full |= {b.name: m for m, b in zip(full, caller.buckets, strict=True)}
        return _verdict(caller, wait <= 0, wait, [moment - now for moment in full])


def _words(caller: Caller, untold: dict[str, int]) -> tuple[list[str], list[Any]]:
    """KEYS and ARGV of the script."""
    day = datetime.now(UTC).date()
    names = [bucket.name for bucket in caller.buckets]
    paces = [number for b in caller.buckets for number in (b.interval, b.tolerance)]
    fields = [word for each in COUNTED for word in (f"{each}:{caller.key_id}", untold[each])]
    return (
        [*names, counters_name(caller.tenant_id, day.isoformat())],
        [*paces, *fields, DAYS_KEPT * 86_400],
    )


def counters_name(tenant_id: UUID, day: str) -> str:
    """The Redis hash of a tenant's requests on one day: "requests:KEY" and "refused:KEY"."""
    return shared_name("usage", tenant_id, day)


def _verdict(
    caller: Caller, admitted: bool, wait: float, ahead: list[float]
) -> tuple[Verdict, float]:
    """`ahead`: seconds by which each bucket's moment lies ahead of the clock now."""
    left = [
        (int((b.tolerance - lead) / b.interval + 1e-6), lead, b)
        for lead, b in zip(ahead, caller.buckets, strict=True)
    ]
    remaining, reset, bucket = min(left, key=lambda each: (each[0], -each[1]))
    free_in = max(
        lead + b.interval - b.tolerance for lead, b in zip(ahead, caller.buckets, strict=True)
    )
    return Verdict(admitted, bucket, max(remaining, 0), max(reset, 0.0), wait), free_in


RATES = Rates(settings.REDIS_URL)
