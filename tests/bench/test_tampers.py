"""The proof by tampering, in small."""

from tests.bench import tampers


def test_s29_s30_random_tampering_is_always_found_and_the_line_named(db, settings, tmp_path):
    """Acceptance statements 29 and 30, by the verifier that ships in the export."""
    settings.EXPORT_ROOT = tmp_path
    assert tampers.run(400, seed=29) == {
        "tampers": 400, "tampers_undetected": 0, "wrong_line_named": 0,
    }  # fmt: skip
