import pytest

from dashboard.small_groups import Part, few, hidden, part_of


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0"), (1, "<10"), (9, "<10"), (10, "10"), (12345, "12,345")]
)
def test_s37_groups_of_one_to_nine_are_not_counted_aloud(count, shown):
    assert few(count) == shown


def test_a_number_about_one_to_nine_subjects_is_hidden():
    assert [count for count in range(12) if hidden(count)] == list(range(1, 10))


def test_a_part_is_exact_when_it_and_the_rest_are_large():
    assert part_of(30, 40) == Part("30", 0.75)


def test_a_small_part_is_hidden_even_when_it_is_empty():
    assert part_of(9, 100) == Part("<10", None)
    assert part_of(0, 100) == Part("<10", None)


def test_s37_a_part_whose_rest_is_small_is_hidden_with_it():
    assert part_of(95, 100) == Part(">90", None)
    assert part_of(100, 100) == Part(">90", None)


def test_nobody_of_nobody_is_nobody():
    assert part_of(0, 0) == Part("0", None)
