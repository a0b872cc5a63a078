"""pgbench in our place: that it is told the service's own statements, and that nothing it says of a failure is overheard."""

import re

import pytest
from bench import pgbench

_SAID = "number of transactions actually processed: 812\nnumber of failed transactions: 0 (0.000%)\n"


def test_a_transaction_is_told_whole_with_every_parameter_a_value() -> None:
    script = pgbench.script()
    assert script.index("BEGIN;") < script.index("INSERT INTO support_tickets") < script.index("COMMIT;")
    written = re.findall(r"INSERT INTO (\w+)", script)
    assert sorted(written) == [
        "event_log",
        "idempotency_keys",
        "order_subjects",
        "support_agent_activity",
        "support_case_search",
        "support_conversations",
        "support_customers",
        "support_tickets",
    ]
    assert not re.search(r"\$\d", script)
    assert "--" not in script


def test_a_string_holds_nothing_that_pgbench_would_take_for_a_variable() -> None:
    """It looks for them inside of quotes, too."""
    known = {
        "n",
        "id",
        "first",
        "clients",
        "client_id",
        "ticket_id",
        "principal",
        "route",
        "request",
        "description",
        "body",
    }
    assert set(re.findall(r"(?<!:):(\w+)", pgbench.script())) <= known


def test_what_was_done_is_counted() -> None:
    assert pgbench.told(_SAID, "", 0) == 812


@pytest.mark.parametrize(
    ("output", "status"),
    [(_SAID, 2), (_SAID.replace("transactions: 0", "transactions: 3"), 0), ("connection refused", 0)],
)
def test_a_failure_is_never_a_result(output: str, status: int) -> None:
    with pytest.raises(RuntimeError, match="pgbench failed"):
        pgbench.told(output, "", status)
