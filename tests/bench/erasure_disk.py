"""What an operator does to a running product's disk: a copy of the database, and the documented
steps after which deleted rows are gone from its files (docs/erasure.md).
"""

import json
import os
import shutil
import time
from pathlib import Path

import psycopg
from redis import Redis

from launcher.ports import HOST

BACKUP_WAIT = 0.2


class Disk:
    """The folder of one `make up`."""

    def __init__(self, var: Path) -> None:
        self.var = var

    @property
    def data(self) -> Path:
        return self.var / "postgres"

    @property
    def redis_log(self) -> Path:
        return self.var / "redis" / "appendonly.aof"

    def admin(self) -> psycopg.Connection:
        """A session of the database's own administrator."""
        return psycopg.connect(
            host=HOST, port=self._port("postgres"), user="postgres", dbname="attune",
            password=self._secret("postgres_password"), autocommit=True,
        )  # fmt: skip

    def back_up(self, target: Path) -> None:
        """A base backup of the running server, by PostgreSQL's own calls."""
        with self.admin() as admin:
            admin.execute("select pg_backup_start('prove-erasure', true)")
            skipped = shutil.ignore_patterns("postmaster.pid", "postmaster.opts")
            shutil.copytree(self.data, target, ignore=skipped, copy_function=_copy)
            row = admin.execute("select labelfile from pg_backup_stop(false)").fetchone()
        assert row
        (target / "backup_label").write_text(row[0])
        for path in (self.data / "pg_wal").iterdir():  # what was written while it was copied
            if path.is_file():
                _copy(str(path), str(target / "pg_wal" / path.name))

    def restore(self, source: Path) -> None:
        """Put a backup in the place of the database of a stopped product."""
        owner = self.data.stat()
        shutil.rmtree(self.data)
        shutil.copytree(source, self.data)
        for path in [self.data, *self.data.rglob("*")]:
            os.lchown(path, owner.st_uid, owner.st_gid)
        self.data.chmod(0o700)

    def flush(self) -> None:
        """Let the files hold what the server knows."""
        with self.admin() as admin:
            admin.execute("checkpoint")

    def purge(self) -> None:
        """The steps of docs/erasure.md, then Redis."""
        with self.admin() as admin:
            admin.execute("alter system set wal_recycle = off")
            admin.execute("select pg_reload_conf()")
            admin.execute("analyze")
            admin.execute("vacuum full")
            admin.execute("vacuum full pg_statistic")
            admin.execute("checkpoint")
            for _ in range(len(list((self.data / "pg_wal").iterdir())) + 2):
                admin.execute("select pg_logical_emit_message(true, 'purge', '')")
                admin.execute("select pg_switch_wal()")
            admin.execute("checkpoint")
            admin.execute("checkpoint")
            admin.execute("alter system reset wal_recycle")
            admin.execute("select pg_reload_conf()")
        self._rewrite_redis()

    def _rewrite_redis(self) -> None:
        with self.redis() as redis:
            redis.bgrewriteaof()
            while redis.info("persistence")["aof_rewrite_in_progress"]:
                time.sleep(0.05)

    def redis(self) -> "Redis[bytes]":
        return Redis(host=HOST, port=self._port("redis"), password=self._secret("redis_password"))

    def _secret(self, name: str) -> str:
        return str(json.loads((self.var / "secrets.json").read_text())[name])

    def _port(self, name: str) -> int:
        return int(json.loads((self.var / "ports.json").read_text())[name])


def _copy(source: str, target: str) -> str:
    """A file that is removed while it is copied was not to be kept."""
    try:
        return str(shutil.copy2(source, target))
    except FileNotFoundError:
        return target
