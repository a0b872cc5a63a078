"""The demo's issuer: its key file, and where it refuses to work."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support_service.adapters.embedded.issuer import LocalIssuer, LocalIssuerRefused, require_demo
from support_service.kit.clock import SystemClock


def issuer(path: Path) -> LocalIssuer:
    return LocalIssuer.from_file(path, audience="support-service", clock=SystemClock())


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "localhost", "::1", "[::1]"])
def test_the_demo_may_use_it_on_loopback(host: str) -> None:
    require_demo(demo=True, host=host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "", "shop.example", "localhost.evil.example"])  # noqa: S104
def test_it_refuses_to_be_reached_from_elsewhere(host: str) -> None:
    with pytest.raises(LocalIssuerRefused, match="loopback"):
        require_demo(demo=True, host=host)


def test_it_refuses_to_work_outside_the_demo() -> None:
    with pytest.raises(LocalIssuerRefused, match="OIDC_ISSUER"):
        require_demo(demo=False, host="127.0.0.1")


async def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "issuer.pem"
    first, second = issuer(path), issuer(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first._kid == second._kid
    assert [entry.name for entry in path.parent.iterdir()] == ["issuer.pem"]


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    path = tmp_path / "issuer.pem"
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: issuer(path)._kid, range(16)))
    assert len(set(made)) == 1


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "issuer.pem"
    issuer(path)
    path.chmod(0o640)
    with pytest.raises(LocalIssuerRefused, match="chmod 600"):
        issuer(path)


def test_a_file_that_is_no_key_of_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "issuer.pem"
    path.write_text("not a key")
    path.chmod(0o600)
    with pytest.raises(LocalIssuerRefused, match="remove it"):
        issuer(path)
