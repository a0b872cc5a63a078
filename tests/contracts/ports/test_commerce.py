"""What every client of the shop's services does, however they misbehave."""

import asyncio
import gzip
import json
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from support_service.adapters.rest import RestCommerce
from support_service.ports.commerce import Commerce, CommerceError

LARGEST = 100_000


class Services:
    """Services that do what their path says, and remember who asked."""

    def __init__(self) -> None:
        self.asked: list[web.Request] = []
        self.inside = 0
        self.most_inside = 0
        self.release = asyncio.Event()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        name = request.match_info["name"].rstrip("?")
        if name.isdigit():
            return web.json_response({}, status=int(name), headers={"location": "/orders/echo"})
        if name == "hang":
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            await self.release.wait()
            self.inside -= 1
            return web.json_response({})
        if name == "drop":
            assert request.transport is not None
            request.transport.close()
        if name == "cut":
            response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "100"})
            await response.prepare(request)
            await response.write(b'{"items": [')
            assert request.transport is not None
            request.transport.close()
            return response
        return self._body(request, name)

    def _body(self, request: web.Request, name: str) -> web.Response:
        kind = "application/json"
        bodies = {
            "echo": json.dumps({"query": dict(request.query), "path": request.raw_path}).encode(),
            "problem": b"{}",
            "html": b"<html></html>",
            "broken": b'{"items": [',
            "nan": b'{"score": NaN}',
            "deep": b"[" * 50_000 + b"]" * 50_000,
            "zipped": gzip.compress(b"[" + b"0," * 1_000_000 + b"0]"),
            "large": b'"' + b"x" * LARGEST + b'"',
            "drop": b"",
        }
        if name in {"html", "problem"}:
            kind = {"html": "text/html", "problem": "application/vnd.shop+json"}[name]
        headers = {"content-encoding": "gzip"} if name == "zipped" else {}
        return web.Response(body=bodies[name], content_type=kind, headers=headers)


class CommerceBehaviour:
    """A subclass provides `commerce`: one call to a service at once, two wait, 100 kB an answer, the token `a-token`."""

    @pytest.fixture
    async def services(self) -> Services:
        return Services()

    @pytest.fixture
    async def base_url(self, services: Services) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/{service}/{name}", services.answer)
        app.router.add_get("/{service}/customers/{name}", services.answer)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")
            services.release.set()

    async def reason(self, commerce: Commerce, path: str, *, service: str = "orders", deadline_s: float = 5) -> str:
        with pytest.raises(CommerceError) as raised:
            await commerce.get(service, path, {}, deadline_s=deadline_s)
        assert raised.value.service == service
        return raised.value.reason

    async def test_a_json_document_is_given_back_and_the_token_and_query_arrive(
        self, commerce: Commerce, services: Services
    ) -> None:
        query = {"order_ids": "a,b", "customer_id": "c 1&limit=9"}
        answer = await commerce.get("orders", "echo", query, deadline_s=5)
        assert isinstance(answer, dict)
        assert answer["query"] == query
        assert services.asked[0].headers["authorization"] == "Bearer a-token"

    async def test_a_percent_encoded_segment_stays_one_segment(self, commerce: Commerce, services: Services) -> None:
        answer = await commerce.get("orders", "customers/echo%3F", {"a": "b"}, deadline_s=5)
        assert isinstance(answer, dict)
        assert answer["path"] == "/orders/customers/echo%3F?a=b"

    @pytest.mark.parametrize("path", ["..", "customers/..", "customers//x", "./echo", "", "customers/%2e%2E"])
    async def test_a_path_that_would_name_something_else_is_not_asked_for(
        self, commerce: Commerce, services: Services, path: str
    ) -> None:
        assert await self.reason(commerce, path) == "rejected"
        assert services.asked == []

    @pytest.mark.parametrize(
        ("path", "reason"),
        [
            ("401", "refused"),
            ("403", "refused"),
            ("404", "missing"),
            ("422", "rejected"),
            ("302", "rejected"),
            ("204", "rejected"),
            ("500", "unavailable"),
            ("503", "unavailable"),
            ("drop", "unavailable"),
            ("cut", "unavailable"),
            ("html", "malformed"),
            ("broken", "malformed"),
            ("nan", "malformed"),
            ("deep", "malformed"),
            ("zipped", "malformed"),
            ("large", "limit"),
        ],
    )
    async def test_every_other_answer_has_its_reason(self, commerce: Commerce, path: str, reason: str) -> None:
        assert await self.reason(commerce, path) == reason

    async def test_a_redirect_is_not_followed(self, commerce: Commerce, services: Services) -> None:
        await self.reason(commerce, "307")
        assert [request.path for request in services.asked] == ["/orders/307"]

    async def test_json_by_another_name_is_json(self, commerce: Commerce) -> None:
        assert await commerce.get("orders", "problem", {}, deadline_s=5) == {}

    async def test_a_service_that_hangs_costs_the_deadline_and_no_more(self, commerce: Commerce) -> None:
        started = time.perf_counter()
        assert await self.reason(commerce, "hang", deadline_s=0.2) == "timeout"
        assert time.perf_counter() - started < 0.5

    async def test_calls_past_the_bulkhead_wait_then_are_refused_and_other_services_are_not_held_up(
        self, commerce: Commerce, services: Services
    ) -> None:
        calls = [asyncio.create_task(commerce.get("orders", "hang", {}, deadline_s=5)) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert await self.reason(commerce, "hang") == "busy"
        assert await commerce.get("payments", "echo", {}, deadline_s=1)
        services.release.set()
        assert await asyncio.gather(*calls) == [{}, {}, {}]
        assert services.most_inside == 1

    async def test_callers_that_gave_up_leave_their_place(self, commerce: Commerce, services: Services) -> None:
        reasons = Counter([await self.reason(commerce, "hang", deadline_s=0.05) for _ in range(5)])
        assert reasons == {"timeout": 5}
        services.release.set()
        assert await commerce.get("orders", "echo", {}, deadline_s=1)

    async def test_a_service_without_an_address_is_unavailable(self, commerce: Commerce) -> None:
        assert await self.reason(commerce, "echo", service="returns") == "unavailable"


class TestRestCommerce(CommerceBehaviour):
    @pytest.fixture
    async def commerce(self, base_url: str) -> AsyncIterator[RestCommerce]:
        base_urls = {name: f"{base_url}/{name}" for name in ("orders", "payments")}
        commerce = RestCommerce(base_urls, token="a-token", in_flight=1, waiting=2, largest_body=LARGEST)
        yield commerce
        await commerce.close()

    async def test_nobody_listening_is_unavailable(self, commerce: RestCommerce) -> None:
        gone = RestCommerce({"orders": "http://127.0.0.1:9/orders"})
        assert await self.reason(gone, "echo") == "unavailable"
        await gone.close()

    async def test_an_address_that_is_none_is_unavailable_too(self) -> None:
        commerce = RestCommerce({"orders": "nonsense"})
        assert await self.reason(commerce, "echo") == "unavailable"
        await commerce.close()
