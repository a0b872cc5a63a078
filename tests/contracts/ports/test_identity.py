"""What every identity holds to: one suite, run against tokens of a real issuer over HTTP and of the local issuer alike."""

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from support.forgeries import FORGERIES, Target
from support.issuer import AUDIENCE, SigningKey, ec_key, rsa_key, running_issuer
from support_service.adapters.embedded.issuer import ALGORITHM, ISSUER, LocalIssuer
from support_service.adapters.oidc import IssuerKeys, TokenVerifier
from support_service.kit.clock import SystemClock
from support_service.ports.identity import Identity, InvalidToken

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA")


@dataclass(frozen=True)
class Case:
    """An identity, and the issuer that it trusts."""

    identity: Identity
    target: Target

    async def fault(self, token: str) -> str:
        with pytest.raises(InvalidToken) as refused:
            await self.identity.verify(token)
        return refused.value.reason


@pytest.fixture(params=["oidc", "oidc-es256", "local"])
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    if request.param == "local":
        local = LocalIssuer.from_file(tmp_path / "key.pem", audience=AUDIENCE, clock=SystemClock())
        verifier = TokenVerifier(local, issuer=ISSUER, audience=AUDIENCE, algorithms=ALGORITHMS)
        header = jwt.get_unverified_header(local.token(subject="s", name="n", email="e", roles=(), teams=()))
        yield Case(verifier, Target(ISSUER, SigningKey(header["kid"], ALGORITHM, local._key)))
        return
    key = rsa_key("first") if request.param == "oidc" else ec_key("first")
    async with running_issuer(key) as issuer:
        keys = IssuerKeys(issuer.url, SystemClock())
        verifier = TokenVerifier(keys, issuer=issuer.url, audience=AUDIENCE, algorithms=ALGORITHMS)
        yield Case(verifier, Target(issuer.url, key))
        await verifier.close()


async def test_a_good_token_gives_its_claims(case: Case) -> None:
    told = await case.identity.verify(case.target.token(name=" Linh ", email="linh@example.com", teams=["orders"]))
    assert (told.issuer, told.subject, told.name, told.email) == (
        case.target.issuer,
        "someone",
        "Linh",
        "linh@example.com",
    )
    assert told.claims["teams"] == ["orders"]
    assert timedelta(seconds=290) < told.expires_at - datetime.now(UTC) <= timedelta(seconds=300)


async def test_a_token_may_name_several_audiences_and_be_typed_as_rfc_9068_says(case: Case) -> None:
    token = case.target.key.sign(case.target.claims(aud=["other", AUDIENCE]), typ="at+jwt")
    assert (await case.identity.verify(token)).subject == "someone"


async def test_a_clock_that_is_a_little_off_is_borne(case: Case) -> None:
    now = int(datetime.now(UTC).timestamp())
    assert (await case.identity.verify(case.target.token(exp=now - 3))).subject == "someone"
    assert (await case.identity.verify(case.target.token(nbf=now + 3, iat=now + 3))).subject == "someone"


NAN, INFINITY = float("nan"), float("inf")
ODD_TIMES: tuple[object, ...] = ("0", "x", NAN, INFINITY, [], {}, True, None)


def _claiming(name: str, told: object) -> Callable[[Target], dict[str, Any]]:
    return lambda _: {name: told}


CLAIMS: dict[str, tuple[Callable[[Target], dict[str, Any]], set[str]]] = {
    **{f"without {name}": (_claiming(name, None), {"claims"}) for name in ("exp", "iss", "aud", "sub")},
    "over": (lambda _: {"exp": 1_000_000_000}, {"expired"}),
    "over before there was time": (lambda _: {"exp": -1}, {"expired"}),
    "over at zero": (lambda _: {"exp": 0}, {"expired"}),
    **{f"exp {told!r}": (_claiming("exp", told), {"claims", "malformed", "expired"})
       for told in ("soon", "4000000000", "4000000000.5", " 4e9 ", True, [4_000_000_000], {"at": 4_000_000_000}, NAN,
                    INFINITY, 1e300, 10**30, 253_402_300_800)},
    "not yet": (lambda _: {"nbf": 4_000_000_000}, {"immature"}),
    "of the future": (lambda _: {"iat": 4_000_000_000}, {"immature"}),
    **{f"{name} {told!r}": (_claiming(name, told), {"claims", "malformed"})
       for name in ("nbf", "iat") for told in ODD_TIMES},
    "iss of somebody else": (lambda _: {"iss": "https://evil.example"}, {"issuer"}),
    "iss with a slash more": (lambda t: {"iss": t.issuer + "/"}, {"issuer"}),
    "iss with a dot more": (lambda t: {"iss": t.issuer + ".evil.example"}, {"issuer"}),
    "iss with a path more": (lambda t: {"iss": t.issuer + "/../evil"}, {"issuer"}),
    "iss in capitals": (lambda t: {"iss": t.issuer.upper()}, {"issuer"}),
    "iss of another scheme": (lambda t: {"iss": "https" + t.issuer.partition(":")[2]}, {"issuer"}),
    "iss with a space": (lambda t: {"iss": t.issuer + " "}, {"issuer"}),
    "iss that begins like it": (lambda t: {"iss": t.issuer[:-1]}, {"issuer"}),
    "iss that is a list": (lambda t: {"iss": [t.issuer]}, {"issuer", "malformed", "claims"}),
    **{f"aud {told!r}": (_claiming("aud", told), {"audience", "claims"})
       for told in ("another-service", "support", "support-service-2", "SUPPORT-SERVICE", "support-service ",
                    "other support-service", ["other"], ["support", "service"], [], "", {"support-service": 1},
                    [["support-service"]], ["support-service", 7], 7, True)},
    **{f"sub {told!r:.20}": (_claiming("sub", told), {"claims"})
       for told in ("", 7, True, ["someone"], {"sub": "someone"}, "a\x00b", "a\ud800b", "s" * 256)},
}  # fmt: skip


@pytest.mark.parametrize("name", CLAIMS)
async def test_a_claim_that_is_missing_or_wrong_is_refused(case: Case, name: str) -> None:
    members, faults = CLAIMS[name]
    assert await case.fault(case.target.saying(**members(case.target))) in faults


async def test_times_may_have_fractions_and_an_end_far_away(case: Case) -> None:
    for exp in (time.time() + 60.5, 4_000_000_000, 253_402_300_799):
        assert (await case.identity.verify(case.target.saying(exp=exp))).subject == "someone"


async def test_of_a_claim_that_is_told_twice_the_last_counts_as_rfc_7519_allows(case: Case) -> None:
    claims = case.target.claims()
    twice = json.dumps(claims)[:-1] + ', "sub": "last", "aud": "another-service"}'
    assert await case.fault(case.target.signed(twice)) == "audience"
    twice = json.dumps(claims)[:-1] + ', "sub": "last"}'
    assert (await case.identity.verify(case.target.signed(twice))).subject == "last"


async def test_of_a_header_that_is_told_twice_what_is_looked_at_is_what_counts(case: Case) -> None:
    header = json.dumps(case.target.header())
    for twice in (f'{{"alg": "none", {header[1:]}', f'{header[:-1]}, "alg": "none"}}'):
        token = case.target.signed(json.dumps(case.target.claims()), twice).rpartition(".")[0] + "."
        assert await case.fault(token) in {"signature", "algorithm", "malformed"}


async def test_nothing_is_said_of_the_claims_of_a_token_that_is_not_signed(case: Case) -> None:
    for members in ({"exp": 1}, {"aud": "other"}, {"iss": "other"}, {"sub": None}, {"nbf": 4_000_000_000}):
        good = case.target.token().rpartition(".")[2]
        forged = f"{case.target.saying(**members).rpartition('.')[0]}.{good}"
        assert await case.fault(forged) == "signature"


async def test_what_people_read_is_kept_readable_and_short(case: Case) -> None:
    told = await case.identity.verify(case.target.saying(name="a\x00\ud800b " * 100, email=["a@b.example"]))
    assert told.name is not None
    assert told.name.encode()[:3] == b"ab "
    assert len(told.name) <= 200
    assert told.email is None


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_token_is_refused(case: Case, name: str) -> None:
    forge, faults = FORGERIES[name]
    assert await case.fault(forge(case.target)) in faults
    assert (await case.identity.verify(case.target.token())).subject == "someone"


@pytest.mark.parametrize("token", ["", "é.é.é", "\ud800"])
async def test_what_no_header_can_hold_is_refused_all_the_same(case: Case, token: str) -> None:
    assert await case.fault(token) == "malformed"


async def test_a_token_without_a_key_id_is_verified_with_the_only_key_there_is(case: Case) -> None:
    token = jwt.encode(case.target.claims(), case.target.key.private, algorithm=case.target.key.algorithm)
    assert (await case.identity.verify(token)).subject == "someone"
