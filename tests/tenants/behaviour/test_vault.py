"""Upload files at rest: sealed in pieces that cannot be cut, reordered or swapped."""

import hashlib
from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag

from tenants.behaviour.arriving import vault
from tenants.errors import AppError
from tenants.isolation.vault import PIECE, SEALED_PIECE

SIZES = [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 2 * PIECE + 7]


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path
    return tmp_path


def content(size: int) -> bytes:
    return bytes(n % 251 for n in range(min(size, 1000))).ljust(size, b"z")


@pytest.mark.parametrize("size", SIZES)
def test_a_file_comes_out_as_it_went_in(size):
    tenant, upload, plain = uuid4(), uuid4(), content(size)
    chunks = [plain[i : i + 300_000] for i in range(0, size, 300_000)]
    assert vault.store(tenant, upload, chunks)[0] == size
    assert vault.opened(tenant, upload).read() == plain


def test_only_its_own_user_may_look_into_the_folder(folder):
    tenant, upload = uuid4(), uuid4()
    vault.store(tenant, upload, [b"x"])
    assert (folder / str(tenant)).stat().st_mode & 0o777 == 0o700


@pytest.fixture
def sealed():
    """A file of three pieces: its tenant, its upload, its path."""
    tenant, upload = uuid4(), uuid4()
    vault.store(tenant, upload, [content(2 * PIECE + 7)])
    return tenant, upload, vault.path_of(tenant, upload)


ONE, TWO = SEALED_PIECE, 2 * SEALED_PIECE
TAMPERED = {
    "a flipped bit": lambda raw: raw[:100] + bytes([raw[100] ^ 1]) + raw[101:],
    "cut after a piece": lambda raw: raw[:TWO],
    "cut in a piece": lambda raw: raw[:-1],
    "pieces exchanged": lambda raw: raw[ONE:TWO] + raw[:ONE] + raw[TWO:],
    "a piece twice": lambda raw: raw[:ONE] + raw[:ONE] + raw[TWO:],
    "something appended": lambda raw: raw + b"x",
}


@pytest.mark.parametrize("how", TAMPERED)
def test_what_was_tampered_with_does_not_open(sealed, how):
    tenant, upload, path = sealed
    path.write_bytes(TAMPERED[how](path.read_bytes()))
    with pytest.raises(InvalidTag):
        vault.opened(tenant, upload).read()
    with pytest.raises(InvalidTag):
        vault.digest(tenant, upload)


def test_an_end_that_is_missing_is_known_before_anything_is_read(sealed):
    tenant, upload, path = sealed
    for cut in (
        path.read_bytes()[:TWO],
        path.read_bytes()[:ONE],
        path.read_bytes()[: ONE + 5],
        b"",
    ):
        path.write_bytes(cut)
        with pytest.raises(InvalidTag):
            vault.opened(tenant, upload)


def test_any_place_of_a_file_can_be_read_and_one_piece_of_it_is_open(sealed):
    tenant, upload, _ = sealed
    plain, file = content(2 * PIECE + 7), vault.opened(tenant, upload)
    assert (file.seek(0, 2), file.read(1)) == (len(plain), b"")
    for place, size in ((2 * PIECE - 3, 8), (5, 20), (PIECE - 1, PIECE + 2), (len(plain) - 4, 99)):
        assert (file.seek(place), file.read(size)) == (place, plain[place : place + size])
        assert file.tell() == min(place + size, len(plain))
    assert len(file.raw._open[1]) <= PIECE
    assert vault.digest(tenant, upload) == hashlib.sha256(plain).digest()


def test_a_file_opens_for_its_own_tenant_and_upload_alone(sealed):
    tenant, upload, path = sealed
    for place in (vault.path_of(uuid4(), upload), vault.path_of(tenant, uuid4())):
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(path.read_bytes())
        from uuid import UUID

        with pytest.raises(InvalidTag):
            vault.opened(UUID(place.parent.name), UUID(place.name))


def test_a_file_above_the_limit_is_refused_and_not_kept(settings, folder):
    settings.UPLOAD_LIMIT_BYTES = 1 << 20
    tenant, upload = uuid4(), uuid4()
    with pytest.raises(AppError) as refused:
        vault.store(tenant, upload, iter([b"x" * (1 << 20), b"x"]))
    assert (refused.value.code, refused.value.param) == ("file_too_large", "file")
    assert not vault.path_of(tenant, upload).exists()


def test_a_sender_that_breaks_off_leaves_no_file(folder):
    def chunks():
        yield b"x" * 10
        raise ConnectionError

    tenant, upload = uuid4(), uuid4()
    with pytest.raises(ConnectionError):
        vault.store(tenant, upload, chunks())
    assert not vault.path_of(tenant, upload).exists()


def test_a_destroyed_file_is_gone_and_destroying_it_again_is_no_fault(sealed):
    tenant, upload, path = sealed
    for _ in range(2):
        vault.destroy(tenant, upload)
        assert not path.exists()
    with pytest.raises(FileNotFoundError):
        vault.opened(tenant, upload)
