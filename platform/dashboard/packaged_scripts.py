"""A static files finder that serves plotly's script out of the installed package: 4.8 MB that need
not lie in the project. Only this one file of the package is reachable."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage

URL_PATH = "plotly/plotly.min.js"


def _folder() -> Path:
    spec = find_spec("plotly")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package plotly is not installed; run `make install`")
    return Path(spec.origin).parent / "package_data"


class PackagedScripts(BaseFinder):
    """Finds `plotly/plotly.min.js`."""

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        found = str(_folder() / "plotly.min.js") if path == URL_PATH else None
        if find_all:
            return [found] if found else []
        return found

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, FileSystemStorage]]:
        """What `collectstatic` copies."""
        storage = FileSystemStorage(location=_folder())
        storage.prefix = "plotly"  # type: ignore[attr-defined]
        yield "plotly.min.js", storage
