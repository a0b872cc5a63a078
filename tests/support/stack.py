"""The run's real components: started when a test first asks, once for all xdist workers, ended with the run.

They are our own (`tools.stack`), in a temporary folder, quick to start. Trino reaches each of its databases through a proxy
that a test may cut; Kafka has a listener behind one, too. SUPPORT_TEST_STACK names the folder of a running stack to use
instead, which is left running:

    make stack SET="trino.proxied=yes trino.quick=yes kafka.proxied=yes kafka.secured=yes postgres.durable=no"; SUPPORT_TEST_STACK=.stack make test

A test that hurts a component (kills it, cuts a proxy) asks for the fixture `alone`: no other test uses one meanwhile, and
what it broke is mended after it.

Where SUPPORT_REQUIRE_COMPONENTS is set they are provisioned first; elsewhere a test whose component is not, is skipped.
"""

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # not at run time: every test run loads this plugin, few start a component
    from tools.stack import Proxies, Running

GIVEN_STACK = "SUPPORT_TEST_STACK"
_OWNER = "SUPPORT_TEST_STACK_OWNER"
_SETTINGS = {"postgres.durable": "no", "trino.proxied": "yes", "trino.quick": "yes"}
_SETTINGS |= {"kafka.proxied": "yes", "kafka.secured": "yes"}


class SharedStack:
    """The components that all tests of this run share."""

    def __init__(self, folder: Path) -> None:
        """Start nothing."""
        from tools.stack import Stack

        self._stack = Stack(folder, settings=_SETTINGS)

    def __getitem__(self, name: str) -> "Running":
        """A component, started if it is not; the test is skipped when it cannot be had."""
        from tools.stack import Missing, NotProvisioned
        from tools.stack.processes import Process

        try:
            if not os.environ.get("SUPPORT_REQUIRE_COMPONENTS"):
                self._stack.refuse_unprovisioned(name)
            owner = Process.of(int(os.environ[_OWNER])) if _OWNER in os.environ else None
            if owner is not None and not self._stack.folder.exists():
                self._stack.guard(owner)
            self._stack.up(name)
        except (Missing, NotProvisioned) as reason:
            pytest.skip(str(reason))
        return self._stack[name]

    def mend(self) -> None:
        """Let everything that was ever started run again, and pass everything."""
        from tools.stack import Proxies

        names = [one.name for one in self._stack.status()]
        for name in names:
            self._stack[name].resume()
        self._stack.up(*names)
        if "toxiproxy" in names:
            Proxies(self._stack["toxiproxy"].url).heal()


def pytest_configure(config: pytest.Config) -> None:
    """The run's first process names the folder and, in the end, ends what stands in it."""
    if hasattr(config, "workerinput") or config.option.collectonly or GIVEN_STACK in os.environ:
        return
    folder = Path(tempfile.gettempdir(), f"support-stack-{secrets.token_hex(6)}")
    os.environ.update({GIVEN_STACK: str(folder), _OWNER: str(os.getpid())})
    config.add_cleanup(lambda: _end(folder))


def _end(folder: Path) -> None:
    del os.environ[GIVEN_STACK], os.environ[_OWNER]
    if folder.exists():
        from tools.stack import Stack

        Stack(folder).down(erase=True)
    folder.with_name(f"{folder.name}.lock").unlink(missing_ok=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's time is its own: it does not start before its components are there, which have deadlines themselves."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(60, func_only=True))


@pytest.fixture(autouse=True)
def _among_the_others(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests use the components side by side, but for one that is alone with them."""
    if "stack" not in request.fixturenames:
        yield
        return
    with Path(f"{os.environ[GIVEN_STACK]}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX if "alone" in request.fixturenames else fcntl.LOCK_SH)
        yield


@pytest.fixture
def alone(_among_the_others: None, stack: SharedStack) -> Iterator[None]:
    """This test may hurt the components."""
    yield
    stack.mend()


@pytest.fixture(scope="session")
def stack() -> SharedStack:
    """The run's components by name; one is started when it is first asked for."""
    return SharedStack(Path(os.environ[GIVEN_STACK]))


@pytest.fixture(scope="session")
def redis(stack: SharedStack) -> "Running":
    """The run's Redis; `url` is where."""
    return stack["redis"]


@pytest.fixture(scope="session")
def trino(stack: SharedStack) -> "Running":
    """The run's Trino over the databases of the shop's services (`stack["postgres"]["shop_orders"]` is one's URL)."""
    return stack["trino"]


@pytest.fixture(scope="session")
def kafka(stack: SharedStack) -> "Running":
    """The run's Kafka; `bootstrap` is its address; `proxied` and `secured` are of other listeners (`tools.stack.components.kafka`)."""
    return stack["kafka"]


@pytest.fixture(scope="session")
def proxies(stack: SharedStack) -> "Proxies":
    """The run's Toxiproxy; a proxy bears the name of the catalog that Trino reaches through it."""
    from tools.stack import Proxies

    return Proxies(stack["toxiproxy"].url)
