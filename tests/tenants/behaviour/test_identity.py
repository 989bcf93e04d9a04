"""The keyed hash by which two events are the same act."""

from behaviour_files import clean, event_file, event_line

from tenants.behaviour.landing.identity import identities

KEY = b"k" * 32
# These stand in databases: a change here makes every stored event new.
PINNED = ["9c380cc0f0ae985044421bae3450f1c6", "3e865ab95f0bd542233dd9fdb0957627"]


def hashes(*lines, key=KEY):
    """The identity of each line; every line is cleaned alone, as if sent in a file of its own."""
    return [identities(clean(event_file(line)).rows, key)[0] for line in lines]


def test_the_identity_never_changes():
    assert hashes(event_line(), event_line(event="e1")) == PINNED


def test_the_same_act_sent_twice_is_one():
    first, again, elsewhere = hashes(
        event_line(type="purchase", price="2", quantity="3"),
        event_line(type="purchase", value="6.0", quantity="3.0"),
        event_line(type="buy", price="2", quantity="3", time="2024-05-01T12:00:00+02:00"),
    )
    assert first == again == elsewhere


def test_what_differs_is_another_act():
    lines = (
        event_line(),
        event_line(user="u2"),
        event_line(item="i2"),
        event_line(type="click"),
        event_line(time="2024-05-01T10:00:01Z"),
        event_line(value="1"),
        event_line(value="0"),
        event_line(quantity="1"),
        event_line(order="o"),
        event_line(event="o"),
    )
    assert len(set(hashes(*lines))) == len(lines)


def test_rows_hashed_together_have_the_hashes_that_each_has_alone():
    lines = [event_line(event="e1"), event_line(), event_line(user="u2", value="0.1")]
    assert identities(clean(event_file(*lines)).rows, KEY) == hashes(*lines)


def test_an_event_id_decides_alone():
    assert len(set(hashes(event_line(event="e"), event_line(event="e", user="u2")))) == 1


def test_another_key_gives_another_identity():
    assert hashes(event_line()) != hashes(event_line(), key=b"other")


def test_identities_agree_with_the_duplicates_within_a_file():
    lines = [event_line(user=f"u{n % 3}", event="e" if n % 4 == 0 else "") for n in range(20)]
    kept = clean(event_file(*lines)).rows
    assert len(set(identities(kept, KEY))) == kept.height == len(set(hashes(*lines)))
