"""A tenant's own texts are shown as texts, whatever they hold."""

from django.template.loader import render_to_string
from django.urls import reverse

from dashboard.charts.chart import Chart, figure
from tenants.accounts.keys import create_key
from tenants.behaviour.arriving.accepting import accept_upload

EVIL = "</script><script>alert(1)</script>'\"><img src=x onerror=alert(1)>"


def test_names_of_files_keys_and_tenants_are_escaped(alice):
    with alice.scope:
        upload = accept_upload(kind="events", name=EVIL, chunks=[b"x"], actor=alice.actor)
        create_key(name=EVIL, scopes=["events:read"], actor=alice.actor)
        alice.tenant.name = EVIL
        alice.tenant.save()
    client = alice.browser()
    for path in ("/", "/data/", reverse("dashboard:upload", args=[upload.public_id]), "/keys/"):
        page = client.get(path).content.decode()
        assert "<script>alert" not in page and "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in client.get("/keys/").content.decode()


def test_text_in_a_charts_json_cannot_end_its_element():
    chart = Chart("c", figure([{"name": EVIL}]), EVIL, [EVIL], [[EVIL]], key=[(1, EVIL)])
    html = render_to_string("design/chart.html", {"chart": chart})
    assert html.count("<script") == 1 and html.count("</script>") == 1
    assert "<img" not in html
