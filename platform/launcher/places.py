"""Where things lie: the project, and all that a local run keeps. Creates nothing."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Places:
    """Absolute paths under one `var` folder."""

    var: Path
    root: Path = ROOT

    @property
    def secrets(self) -> Path:
        return self.var / "secrets.json"

    @property
    def ports(self) -> Path:
        return self.var / "ports.json"

    @property
    def demo(self) -> Path:
        return self.var / "demo.json"

    @property
    def postgres(self) -> Path:
        return self.var / "postgres"

    @property
    def redis(self) -> Path:
        return self.var / "redis"

    @property
    def run(self) -> Path:
        return self.var / "run"

    @property
    def lock(self) -> Path:
        return self.run / "up.lock"

    @property
    def log(self) -> Path:
        return self.var / "log"


LOCAL = Places(var=ROOT / "var")
