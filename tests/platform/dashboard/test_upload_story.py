"""In a browser: a file whose tab was closed midway goes on where it was."""

from tenants.behaviour.models import Upload
from tests.platform.dashboard.test_story import Story, sign_in, story
from tests.tenants.behaviour.uploads import EVENTS_HEAD

__all__ = ["story"]
MIB = 1 << 20
FILE = f"{EVENTS_HEAD},note\n".encode() + b"".join(
    b"u1,i%d,view,2026-03-01T10:00:00Z,%s\n" % (n, b"x" * 50_000) for n in range(100)
)


def arrived(alice) -> list[tuple[int, str]]:
    with alice.scope:
        return [(row.bytes_received, row.state) for row in Upload.objects.order_by("id")]


def choose(story: Story, path: str) -> None:
    story.go("/data/")
    story.page.locator("input[type=file]").set_input_files(path)
    story.page.get_by_role("button", name="Upload").click()


def test_a_tab_that_was_closed_midway_loses_nothing(alice, story, settings, tmp_path):
    settings.UPLOAD_ROOT = tmp_path / "uploads"
    path = tmp_path / "mine.csv"
    path.write_bytes(FILE)
    sign_in(story, alice.owner.email)
    page, asked = story.page, []
    page.on("request", lambda request: asked.append(request.url))
    cut = f"/parts/{2 * MIB}/"
    page.route(f"**{cut}", lambda route: route.abort())
    with page.expect_event(
        "requestfailed", lambda one: cut in one.url
    ):  # until the next attempt nothing is under way
        choose(story, str(path))
    assert story.meanwhile(arrived, alice) == [(2 * MIB, "receiving")]
    page.unroute(f"**{cut}")
    asked.clear()
    choose(story, str(path))
    page.wait_for_url("**/data/uploads/upl_*/mapping/")
    assert story.meanwhile(arrived, alice) == [(len(FILE), "looking")]
    sent = [url.rpartition("/parts/")[2] for url in asked if "/parts/" in url]
    assert sent == [f"{2 * MIB}/", f"{4 * MIB}/"]
