"""The script for a shop's pages: where it is served, and how a page embeds it."""

from collections.abc import MutableMapping

PATH = "tracking/attune.js"


def open_to_pages(headers: MutableMapping[str, str], path: str, url: str) -> None:
    """A hook of WhiteNoise: other sites may load this one file. It is the same for everybody."""
    if url.endswith(PATH):
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        headers["Access-Control-Allow-Origin"] = "*"


def embedding(address: str, key: str) -> str:
    """What a shop puts into its pages. `address`: that of the script, absolute."""
    return f"""<script defer src="{address}" data-key="{key}"></script>
<script>
  // Call tell(true) once the visitor has agreed, tell(false) when they refuse or withdraw.
  window.attuneConsent = (tell) => yourConsentBanner.onChoice((agreed) => tell(agreed));
</script>
<main data-attune-page="ITEM_ID">
  <button data-attune-item="ITEM_ID" data-attune-event="add_to_cart">Add to cart</button>
</main>"""
