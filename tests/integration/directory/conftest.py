"""An issuer over HTTP, somebody else beside it, a clock moved by hand, and a verifier that trusts the first."""

from collections.abc import AsyncIterator

import pytest

from support.clocks import HandClock
from support.issuer import AUDIENCE, Issuer
from support_service.adapters.oidc import IssuerKeys, TokenVerifier


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def verifier(issuer: Issuer, clock: HandClock) -> AsyncIterator[TokenVerifier]:
    algorithms = ("RS256", "PS256", "ES256", "EdDSA")
    keys = IssuerKeys(issuer.url, clock)
    made = TokenVerifier(keys, issuer=issuer.url, audience=AUDIENCE, algorithms=algorithms)
    yield made
    await made.close()
