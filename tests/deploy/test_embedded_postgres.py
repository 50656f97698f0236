"""The embedded PostgreSQL: it comes back from a crash, it is nobody else's, and it leaves nothing behind."""

import asyncio
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from deploy.embedded import EmbeddedError
from deploy.embedded.ports import free_port
from deploy.embedded.postgres import EmbeddedPostgres, _working_in

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "a folder with blanks" / "pg", durable=False)
    server.start()
    yield server
    server.stop()


async def sql(server: EmbeddedPostgres, statement: str, database: str = "postgres") -> object:
    connection = await asyncpg.connect(server.url(database))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_committed_rows_survive_kill_9_with_work_in_flight(server: EmbeddedPostgres) -> None:
    port = server.port
    await sql(server, "create table kept (n int)")
    await sql(server, "insert into kept values (1)")
    busy = await asyncpg.connect(server.url("postgres"))
    transaction = busy.transaction()
    await transaction.start()
    await busy.execute("insert into kept values (2)")
    sleeping = asyncio.create_task(busy.execute("select pg_sleep(60)"))
    await asyncio.sleep(0.1)

    server.kill()
    server.start()

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await sleeping
    assert server.port == port
    assert await sql(server, "select array_agg(n) from kept") == [1]


async def test_a_crash_leaves_no_process_of_it_and_what_was_committed(server: EmbeddedPostgres) -> None:
    await sql(server, "create table crashed as select 8 as n")
    connection = await asyncpg.connect(server.url("postgres"))  # a backend of its own

    server.crash()

    assert _working_in(server._data) == []
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("select 1")
    server.start()
    assert await sql(server, "select n from crashed") == 8


async def test_starts_although_the_stale_lock_names_a_living_process(server: EmbeddedPostgres) -> None:
    server.kill()
    lock = server._data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")

    server.start()

    assert await sql(server, "select 1") == 1


async def test_a_second_object_on_a_folder_in_use_says_so(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deploy.embedded.postgres._STOP_TIMEOUT_S", 0.1)
    with pytest.raises(EmbeddedError, match="in use by the PostgreSQL server with process id"):
        EmbeddedPostgres(server._folder).start()
    assert await sql(server, "select 1") == 1


async def test_data_is_there_after_stop_and_start_of_another_object(server: EmbeddedPostgres) -> None:
    server.create_database("with-dash and blank")
    server.create_database("with-dash and blank")
    await sql(server, "create table kept as select 7 as n", "with-dash and blank")
    server.stop()
    again = EmbeddedPostgres(server._folder, durable=False)
    again.start()
    try:
        assert await sql(again, "select n from kept", "with-dash and blank") == 7
    finally:
        again.stop()


async def test_asks_for_a_password_and_listens_on_loopback_only(server: EmbeddedPostgres) -> None:
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host="127.0.0.1", port=server.port, user="roam", password="guess", database="postgres")
    assert await sql(server, "show listen_addresses") == "127.0.0.1"
    assert stat.S_IMODE((server._folder / "password").stat().st_mode) == 0o600


@as_root
async def test_runs_as_nobody_where_namespaces_are_forbidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROAM_NO_USER_NAMESPACE", "1")
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server = EmbeddedPostgres(private / "pg", durable=False)
    server.start()
    try:
        assert server.pid is not None
        assert psutil.Process(server.pid).uids().real != 0
        server.kill()
        server.start()
        assert await sql(server, "select 1") == 1
    finally:
        server.stop()

    monkeypatch.delenv("ROAM_NO_USER_NAMESPACE")
    server.start()  # the same folder, with namespaces again
    try:
        assert await sql(server, "select 1") == 1
    finally:
        server.stop()


def test_a_port_that_was_asked_for_is_not_changed_silently(tmp_path: Path, server: EmbeddedPostgres) -> None:
    other = EmbeddedPostgres(tmp_path / "other", server.port)
    with pytest.raises(EmbeddedError, match="Address already in use"):
        other.start()


def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from deploy.embedded.postgres import EmbeddedPostgres\n"
        f"s = EmbeddedPostgres(Path({str(tmp_path / 'pg')!r}), {free_port()}, durable=False)\n"
        "s.start(); print(s.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        server = psutil.Process(int(parent.stdout.readline()))
        everything = [server, *server.children(recursive=True)]
        parent.kill()
    assert_all_end(everything)


def assert_all_end(processes: list[psutil.Process], *, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while left := [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
