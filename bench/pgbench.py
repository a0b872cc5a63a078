"""pgbench in our place: the statements of one `POST /support/cases`, in their order, in one transaction, prepared.

They are the service's own texts, with pgbench's variables for their parameters, so that it writes the same rows to the same
indexes, and asks what ours has to ask: whether the key was used.
"""

import asyncio
import os
import re
import resource
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from support_service.adapters.embedded.postgres.programs import programs
from support_service.kit.sql import load_queries
from support_service.kit.together import Step, joined

_THREADS = 2
_SPARE_S = 60.0
_ORDER = "'bench-o-' || :id::text"
_CUSTOMER = "'bench-c-' || :id::text"
_KEY = "'bench-' || :id::text"
_TICKET = "('ffffffff' || lpad(to_hex(:id::bigint), 24, '0'))"
"""Greater than every other, each greater than the one before, as a new UUIDv7 is."""
_EVENT = f"""('{{"ticket_id":"' || {_TICKET} || '","customer_id":"bench-c-' || :id::text || '","order_id":"bench-o-' || :id::text
 || '","channel":"WEB","priority":"NORMAL","team": null,"linked_ticket_id": null}}')::jsonb"""
_VALUES: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("kit", "lock_key"): (f":principal || {_KEY}",),
    ("kit", "find_key"): (":principal::uuid", ":route", _KEY, "now() - interval '24 hours'"),
    ("sources", "claim"): (_ORDER, _CUSTOMER),
    ("directory", "ensure_customer"): (_CUSTOMER, "now()"),
    ("cases", "insert_first_message"): (
        "uuidv7()", f"{_TICKET}::uuid", "'CUSTOMER'", ":description", "now()", ":principal::uuid", "NULL",
    ),
    ("kit", "append_event"): ("uuidv7()", "'support.case.opened'", _TICKET, "1", _EVENT, "now()", ":request"),
    ("activity", "record"): ("now()", ":principal::uuid", "'case.opened'", f"{_TICKET}::uuid", "'{}'", ":request"),
    ("cases", "insert_ticket"): (
        f"{_TICKET}::uuid", _CUSTOMER, _ORDER, "'WEB'", f"'Where is ' || {_ORDER} || '?'", "'NORMAL'", "'OPEN'", "NULL", "NULL",
        "NULL", "NULL", ":principal::uuid", "now()", "NULL",
    ),
    ("cases", "insert_words_of_opened"): (
        f"'where is bench o c ' || {_ORDER} || ' ' || {_CUSTOMER}", "lower(:description)",
    ),
    ("cases", "opened"): (),
    ("kit", "record_key"): (
        ":principal::uuid", ":route", _KEY, "sha256(:request::bytea)", "201",
        f"""('{{"location":"/support/cases/' || {_TICKET} || '","etag":"\\"1\\""}}')::jsonb""", ":body::text::bytea", "now()",
    ),
}  # fmt: skip
"""What stands for each parameter of a statement, by its slice and name."""
_KEPT = {("cases", "insert_ticket"): "opened"}
"""The names by which later statements read the rows of earlier ones, where it is another than their own."""
_TRIPS = (
    (("kit", "lock_key"),),
    (("kit", "find_key"),),
    (
        ("sources", "claim"),
        ("directory", "ensure_customer"),
        ("cases", "insert_first_message"),
        ("kit", "append_event"),
        ("activity", "record"),
        ("cases", "insert_ticket"),
        ("cases", "insert_words_of_opened"),
        ("cases", "opened"),
    ),
    (("kit", "record_key"),),
)
"""The statements in their order; what the service sends together goes together."""


@dataclass(frozen=True, slots=True)
class Done:
    """What pgbench did."""

    transactions: int
    seconds: float
    client_cpu_s: float
    """Its own CPU time."""


def script() -> str:
    """One transaction, as pgbench reads it."""
    written = ["\\set n :n + 1", "\\set id :first + :n * :clients + :client_id", "BEGIN;"]
    for trip in _TRIPS:
        *before, last = ((step, load_queries(f"support_service.{step[0]}")[step[1]]) for step in trip)
        text = joined(
            tuple(Step(_KEPT.get(step, step[1]), query, len(_VALUES[step])) for step, query in before), last[1]
        )
        values = [value for step in trip for value in _VALUES[step]]
        text = re.sub(r"--[^\n]*", "", text).strip()
        written.append(re.sub(r"\$(\d+)", lambda match, values=values: f"({values[int(match[1]) - 1]})", text) + ";")  # type: ignore[misc]
    return "\n".join([*written, "COMMIT;", ""])


async def run(url: str, folder: Path, variables: Mapping[str, str], *, clients: int, seconds: float) -> Done:
    """Repeat the transaction for some seconds.

    Raises:
        RuntimeError: one of them failed, or pgbench did.
    """
    file = folder / "create.pgbench"
    file.write_text(script(), "utf-8")
    where = urlsplit(url)
    words = [programs() / "pgbench", "--no-vacuum", "--protocol=prepared", f"--client={clients}", f"--jobs={_THREADS}"]
    words += [f"--time={seconds:.0f}", f"--file={file}", f"--host={where.hostname}", f"--port={where.port}"]
    words += [f"--username={where.username}", f"--define=clients={clients}", "--define=n=0"]
    words += [f"--define={name}={value}" for name, value in variables.items()] + [where.path[1:]]
    before = _children_cpu_s()
    done = await asyncio.to_thread(
        subprocess.run,
        list(map(str, words)),
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds + _SPARE_S,
        env=os.environ | {"PGPASSWORD": where.password or ""},
    )
    return Done(told(done.stdout, done.stderr, done.returncode), seconds, _children_cpu_s() - before)


def told(output: str, errors: str, status: int) -> int:
    """How many transactions pgbench says that it did.

    Raises:
        RuntimeError: one of them failed, or pgbench did.
    """
    processed = re.search(r"transactions actually processed: (\d+)", output)
    failed = re.search(r"number of failed transactions: (\d+)", output)
    if status or processed is None or failed is None or int(failed[1]):
        raise RuntimeError(f"pgbench failed ({status}):\n{output[-1000:]}\n{errors[-2000:]}")
    return int(processed[1])


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
