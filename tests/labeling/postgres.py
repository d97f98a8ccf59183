"""A real PostgreSQL for tests: made with initdb, started with pg_ctl, gone afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


@contextmanager
def server() -> Iterator[str]:
    """Its URL; skips the test where PostgreSQL isn't installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("needs PostgreSQL's initdb and pg_ctl (Debian: apt install postgresql)")
    # Beside pytest's folders, which no other user may enter.
    folder = Path(tempfile.mkdtemp(prefix="rangin-postgres-"))
    try:
        # PostgreSQL refuses to run as root; Debian's package brings a user for it.
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            user = _user()
            os.chown(folder, user.pw_uid, user.pw_gid)
            as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        port = _free_port()
        run = {"check": True, "capture_output": True, "timeout": 100, "cwd": folder, **as_user}
        data = folder / "data"
        start = [programs / "initdb", "-D", data, "-A", "trust", "-U", "rangin", "-E", "UTF8", "--no-sync"]
        subprocess.run(start, **run)
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        pg_ctl = [programs / "pg_ctl", "-D", data, "-w"]
        # A pipe would be kept open by the server that stays.
        quiet = {**run, "capture_output": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([*pg_ctl, "-l", folder / "log", "-o", options, "start"], **quiet)
        try:
            yield f"postgresql://rangin@127.0.0.1:{port}/postgres"
        finally:
            with suppress(subprocess.CalledProcessError):
                subprocess.run([*pg_ctl, "-m", "immediate", "stop"], **quiet)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    found = shutil.which("initdb")
    if found and shutil.which("pg_ctl"):
        return Path(found).parent
    places = [place for pattern in PLACES for place in Path("/").glob(pattern.lstrip("/"))]
    complete = [place for place in places if (place / "initdb").exists() and (place / "pg_ctl").exists()]
    return max(complete, default=None)


def _user() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("needs another user than root to run PostgreSQL as")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
