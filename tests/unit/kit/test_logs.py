"""Logs: JSON with the bound ids, and no message of an exception, for it may quote a customer."""

import io
import json
import logging
import sys

import pytest

from support_service.kit import logs


@pytest.fixture(autouse=True)
def _json_logs() -> None:
    logs.configure(log_format="json", level="info")


def lines(capture: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capture.readouterr().err.splitlines()]


def test_ids_bound_around_a_line_are_on_it_and_not_on_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format="json", level="info")
    with logs.bound(ticket_id="t-1", agent_id=None):
        logs.get_logger("test").info("inside")
    logs.get_logger("test").info("outside")
    inside, outside = lines(capsys)
    assert inside["ticket_id"] == "t-1"
    assert "agent_id" not in inside
    assert "ticket_id" not in outside


def test_an_exception_is_logged_by_class_and_frame_without_its_message(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format="json", level="info")
    try:
        int("Key (email)=(jane@example.com) already exists")
    except ValueError:
        logs.get_logger("test").exception("failed")
        logging.getLogger("somebody.elses").exception("failed too")
    ours, theirs = lines(capsys)
    for line in (ours, theirs):
        assert line["error"] == ["builtins.ValueError"]
        assert "jane" not in json.dumps(line)
        assert str(line["frames"]).count("test_logs.py") == 1


def test_standard_library_records_come_out_in_the_same_shape(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format="json", level="info")
    with logs.bound(request_id="r-1"):
        logging.getLogger("somebody.elses").warning("said %s", "this")
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["request_id"]) == ("said this", "warning", "r-1")


def test_a_line_below_the_level_is_not_written_and_the_level_may_change(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(log_format="json", level="info")
    logger = logs.get_logger("test")
    logger.debug("too small")
    logger.info("wanted")
    logs.configure(log_format="json", level="error")
    logger.warning("too small now")
    logger.error("still wanted")
    assert [line["event"] for line in lines(capsys)] == ["wanted", "still wanted"]


def test_a_line_that_nobody_can_be_told_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = io.StringIO()
    monkeypatch.setattr(sys, "stderr", gone)
    logs.configure(log_format="json", level="info")
    gone.close()
    logs.get_logger("test").info("into the void")
