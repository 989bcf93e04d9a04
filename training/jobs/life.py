"""The life of a job: its states, and every move between two of them. Pure; the database holds the
same table against whoever would forget it (migration 0003).
"""

VALIDATING, QUEUED, RUNNING = "validating", "queued", "running"
PAUSING, PAUSED, CANCELLING = "pausing", "paused", "cancelling"
CANCELLED, SUCCEEDED, FAILED = "cancelled", "succeeded", "failed"
ENDED = (SUCCEEDED, FAILED, CANCELLED)
# What waits for its turn (a paused job may want its own back at any moment) or has it: at most so
# many of a tenant, see its plan.
WAITING, UNDER_WAY = (VALIDATING, QUEUED, PAUSED), (RUNNING, PAUSING, CANCELLING)

# State -> what may follow. A run that ends while it is asked to pause has ended; one that ends
# while it is asked to cancel is cancelled all the same, for that is what somebody was told. One
# that cannot go on until somebody makes room on the disk is paused without being asked.
MOVES: dict[str, tuple[str, ...]] = {
    VALIDATING: (QUEUED, FAILED, CANCELLED),
    QUEUED: (RUNNING, PAUSED, CANCELLED, FAILED),
    RUNNING: (QUEUED, PAUSING, PAUSED, CANCELLING, SUCCEEDED, FAILED),
    PAUSING: (PAUSED, CANCELLING, SUCCEEDED, FAILED),
    PAUSED: (QUEUED, CANCELLED),
    CANCELLING: (CANCELLED,),
    CANCELLED: (),
    SUCCEEDED: (),
    FAILED: (),
}
STATES = tuple(MOVES)

# What a person asks for -> state -> the state that follows at once. A missing state refuses.
ASKED: dict[str, dict[str, str]] = {
    "cancel": {
        VALIDATING: CANCELLED,
        QUEUED: CANCELLED,
        PAUSED: CANCELLED,
        RUNNING: CANCELLING,
        PAUSING: CANCELLING,
    },
    "pause": {QUEUED: PAUSED, RUNNING: PAUSING},
    "resume": {PAUSED: QUEUED},
}


def allowed(asked: str, state: str) -> bool:
    """Whether somebody may ask this of a job in this state."""
    return state in ASKED[asked]


def sql_moves() -> str:
    """The table as a list of SQL pairs, for the trigger that holds it."""
    pairs = [f"('{state}', '{after}')" for state, then in MOVES.items() for after in then]
    return ", ".join(pairs)
