"""asyncpg on its defaults: named statements with a cache, binary results, RESET ALL and friends on release."""

import asyncio
import io
import ssl
import time

import asyncpg

from contract import SECONDS, SESSIONS, TLS, ok


async def connect():
    context = False
    if TLS:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return await asyncpg.connect(ssl=context)


async def session(connection, deadline):
    steps = 0
    while time.monotonic() < deadline or steps == 0:
        assert await connection.fetchval("SELECT $1::int + 1", steps) == steps + 1
        async with connection.transaction():
            await connection.execute("INSERT INTO work_asyncpg VALUES ($1)", steps)
        steps += 1
    return steps


async def through_its_pool():
    """asyncpg's own pool resets a connection with several statements whenever it is given back."""
    connections = {}
    if TLS:
        connections["ssl"] = "require"
    async with asyncpg.create_pool(min_size=2, max_size=4, **connections) as pool:
        results = await asyncio.gather(*(pool.fetchval("SELECT $1::int", number) for number in range(40)))
        assert results == list(range(40))


async def main():
    connection = await connect()
    assert await connection.fetchval("SELECT 1") == 1
    ok("connect")
    statement = await connection.prepare("SELECT $1::int + 1")
    assert [await statement.fetchval(number) for number in range(10)] == list(range(1, 11))
    ok("prepared")
    await connection.execute("CREATE TABLE IF NOT EXISTS work_asyncpg (n int)")
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO work_asyncpg VALUES (-1)")
    await transaction.rollback()
    assert await connection.fetchval("SELECT count(*) FROM work_asyncpg WHERE n = -1") == 0
    ok("transaction")
    await connection.copy_records_to_table("work_asyncpg", records=[(number,) for number in range(1000)])
    out = io.BytesIO()
    await connection.copy_from_query("SELECT n FROM work_asyncpg", output=out)
    assert out.getvalue().count(b"\n") >= 1000
    ok("copy")
    try:
        await asyncio.wait_for(connection.execute("SELECT pg_sleep(60)"), 0.3)
        raise SystemExit("the query was not cancelled")
    except asyncio.TimeoutError:
        assert await connection.fetchval("SELECT 2") == 2
    ok("cancel")
    await connection.close()
    await through_its_pool()
    connections = [await connect() for _ in range(SESSIONS)]
    deadline = time.monotonic() + SECONDS
    steps = await asyncio.gather(*(session(connection, deadline) for connection in connections))
    assert min(steps) > 0
    for connection in connections:
        await connection.close()
    ok(f"sessions {SESSIONS}")


asyncio.run(main())
