"""Fixtures for every test, and the rule that a check which must run is never skipped."""

import gc
import os
from collections.abc import Generator

import pytest

from support_service.kit import logs

pytest_plugins = ["support.issuer", "support.postgres", "support.stack"]

# As long as nobody configures logs an error is drawn with all that its frames hold: a second of everybody's loop.
logs.configure(log_format="console", level="info")


def pytest_collection_finish() -> None:
    """Never look for garbage among the tests themselves: that takes 0.2 s of an idle machine, in the middle of a test."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where SUPPORT_REQUIRE_COMPONENTS is set a skipped test is a failed one: what it needed is missing."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("SUPPORT_REQUIRE_COMPONENTS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and SUPPORT_REQUIRE_COMPONENTS forbids it: {report.longreprtext}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a module that skips itself while it is imported."""
    report = yield
    if report.skipped and os.environ.get("SUPPORT_REQUIRE_COMPONENTS"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and SUPPORT_REQUIRE_COMPONENTS forbids it: {report.longrepr}"
    return report
