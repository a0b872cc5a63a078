"""TLS to Trino: the authority that is named is trusted, and nobody else."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from tools.stack.certificates import self_signed

from support_service.adapters.trino import SignIn, TrinoClient, TrinoError


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path / "trino.pem", "127.0.0.1")


@pytest.fixture
async def url(certificate: Path) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer t"
        return web.json_response({"id": "q", "columns": [], "data": [[1]]})

    app = web.Application()
    app.router.add_post("/v1/statement", answer)
    secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    secure.load_cert_chain(certificate)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure).start()
    yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_the_authority_that_is_named_is_trusted(url: str, certificate: Path) -> None:
    client = TrinoClient(url, sign_in=SignIn(token="t", ca_file=certificate))
    assert (await client.query("SELECT 1", deadline_s=5)).rows == [[1]]
    await client.close()


async def test_a_server_that_nobody_trusted_vouches_for_is_told_nothing(url: str) -> None:
    client = TrinoClient(url, sign_in=SignIn(token="t"))
    with pytest.raises(TrinoError, match="UNREACHABLE: ClientConnectorCertificateError"):
        await client.query("SELECT 1", deadline_s=5)
    await client.close()
