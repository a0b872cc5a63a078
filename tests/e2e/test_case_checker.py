"""The checker of the campaign of cases: a history in order is one to it, and every loss and every double that is planted is found."""

import asyncio
import copy
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random

from campaign.case_checker import judge
from campaign.cases import UNFINISHED
from campaign.clients import Client
from campaign.history import Change, History, Life, Outcome, Said
from campaign.load import read_the_stream, receiving
from campaign.verdict import Verdict

from support.postgres import Server
from support.service import Person, RunningService, eventually, running_service
from support_service.kit.database import Database

MAY_CHANGE = "ALTER TABLE support_agent_activity DISABLE TRIGGER ALL; "
A_MESSAGE = "(SELECT conversation_id FROM support_conversations WHERE number = 2 ORDER BY 1 LIMIT 1)"
AN_EVENT = "(SELECT event_id FROM event_log ORDER BY position LIMIT 1)"
A_CASE = "(SELECT ticket_id FROM support_tickets WHERE status <> 'CLOSED' ORDER BY 1 LIMIT 1)"

IN_THE_TABLES = {
    "rows without a position": "UPDATE event_log SET position = NULL WHERE position = 1",
    "positions left out": "DELETE FROM event_log WHERE position = 2",
    "cursors behind": "UPDATE log_cursors SET position = position - 1 WHERE name = 'context'",
    "inversions within a subject": f"""
        UPDATE event_log SET sequence = 99 WHERE subject = {A_CASE}::text AND type = 'support.case.opened'""",
    "cases not opened once in the log": f"""
        INSERT INTO event_log (event_id, type, subject, sequence, data, occurred_at)
        SELECT gen_random_uuid(), type, subject, sequence, data, occurred_at FROM event_log
        WHERE subject = {A_CASE}::text AND type = 'support.case.opened'""",
    "messages not posted once in the log": f"DELETE FROM event_log WHERE data->>'conversation_id' = {A_MESSAGE}::text",
    "events of no case or message": f"UPDATE event_log SET subject = gen_random_uuid() WHERE event_id = {AN_EVENT}",
    "cases whose versions have gaps in the log": f"UPDATE support_tickets SET version = version + 1 WHERE ticket_id = {A_CASE}",
    "cases whose messages are not numbered from 1 on": f"""
        UPDATE support_conversations SET number = 99 WHERE conversation_id = {A_MESSAGE}""",
    "cases not opened once in the activity": f"""
        INSERT INTO support_agent_activity (occurred_at, agent_id, action, ticket_id)
        SELECT now(), gen_random_uuid(), 'case.opened', {A_CASE}""",
    "messages not posted once in the activity": f"""
        {MAY_CHANGE}
        DELETE FROM support_agent_activity WHERE detail->>'conversation_id' = {A_MESSAGE}::text""",
    "cases whose changes are not each in the activity once": f"""
        INSERT INTO support_agent_activity (occurred_at, agent_id, action, ticket_id)
        SELECT now(), gen_random_uuid(), 'case.changed', {A_CASE}""",
    "activity of no case or message": """
        INSERT INTO support_agent_activity (occurred_at, agent_id, action, ticket_id)
        SELECT now(), gen_random_uuid(), 'case.noted', gen_random_uuid()""",
    "live cases without the whole context of five sources": f"""
        DELETE FROM support_case_context WHERE ticket_id = {A_CASE} AND source = 'fraud'""",
    "closed cases whose context is still kept up": "UPDATE support_case_context SET live = true",
    "enrichments that are still due": """
        INSERT INTO due_work (kind, key, next_at) VALUES ('context.enrich', 'left', now())""",
    "events without one delivery for each webhook": f"""
        DELETE FROM support_webhook_deliveries WHERE event_id = {AN_EVENT}""",
    "deliveries that were not taken": f"""
        UPDATE support_webhook_deliveries SET status = 'PENDING' WHERE event_id = {AN_EVENT}""",
    "acknowledged and lost": f"DELETE FROM support_conversations WHERE conversation_id = {A_MESSAGE}",
    "there more than once": f"""
        INSERT INTO support_conversations (conversation_id, ticket_id, author_type, message, created_at, number, author_id)
        SELECT gen_random_uuid(), ticket_id, author_type, message, created_at, 99, author_id
        FROM support_conversations WHERE conversation_id = {A_MESSAGE}""",
    "there and asked for by nobody": f"""
        UPDATE support_conversations SET message = 'of nobody' WHERE conversation_id = {A_MESSAGE}""",
    "changes acknowledged and lost": """
        UPDATE event_log SET data = jsonb_set(data, '{fields}', '["tags"]') WHERE data->'fields' ? 'category'""",
    "versions changed more than once": """
        INSERT INTO event_log (event_id, type, subject, sequence, data, occurred_at)
        SELECT gen_random_uuid(), type, subject, sequence, data, occurred_at FROM event_log
        WHERE type = 'support.case.updated'""",
    "changes that nobody asked for": """
        UPDATE event_log SET sequence = sequence + 50 WHERE type = 'support.case.updated'""",
    "cases that are not as the last change left them": f"""
        UPDATE support_tickets SET category = 'mark of nobody' WHERE ticket_id = {A_CASE}""",
    "looks that were lost": f"""
        {MAY_CHANGE}
        DELETE FROM support_agent_activity WHERE action = 'case.viewed'""",
    "views recorded twice": """
        DROP INDEX support_agent_activity_views;
        INSERT INTO support_agent_activity (occurred_at, agent_id, action, ticket_id, minute)
        SELECT occurred_at, agent_id, action, ticket_id, minute FROM support_agent_activity WHERE action = 'case.viewed'""",
    "views recorded of nobody": f"""
        INSERT INTO support_agent_activity (occurred_at, agent_id, action, ticket_id, minute)
        SELECT now(), gen_random_uuid(), 'case.viewed', {A_CASE}, now()""",
}
"""What is found, and the damage that is done to the tables for it."""


def _said(history: History, **wanted: object) -> Said:
    return next(one for one in history.said if all(getattr(one, name) == value for name, value in wanted.items()))


def _also_done(history: History) -> None:
    done = next(change for change in history.changes if change.outcome is Outcome.DONE)
    history.changes.append(Change(done.ticket_id, done.version, "another mark", Outcome.DONE))


IN_WHAT_WAS_TOLD: dict[str, Callable[[History], object]] = {
    "refused and there": lambda history: setattr(_said(history, opens=False), "outcome", Outcome.REFUSED),
    "answered as something else": lambda history: setattr(_said(history, opens=True), "ticket_id", "another"),
    "changes that overwrote another of the same version": _also_done,
    "events that were not posted": lambda history: history.posts.__delitem__(slice(5)),
    "posts of no event": lambda history: history.posts.append(("another", b"{}")),
    "ids with more than one body": lambda history: history.posts.append((history.posts[0][0], b"{}")),
    "events that the stream did not tell": lambda history: history.told.pop(),
    "events told that are not in the log": lambda history: history.told.append(9_999),
    "events told again or out of order": lambda history: history.told.append(history.told[-1]),
    "gaps told of": lambda history: setattr(history, "gaps", 1),
    "answers of 5xx but for 503": lambda history: history.statuses.update({500: 1}),
}
"""What is found, and how somebody's account is changed for it."""


async def test_a_history_in_order_is_right_and_every_loss_and_double_is_found(
    postgres: Server, migrated_template: str, tmp_path: Path
) -> None:
    history = History()
    async with postgres.database(template=migrated_template) as dsns, postgres.database() as shop:
        async with running_service(dsns, shop.owner, tmp_path, webhooks_private_networks="127.0.0.1/32") as service:
            await a_day(service, history)
        name = dsns.owner.rpartition("/")[2]
        right = await judged(postgres, name, history)
        assert right.wrong == []
        found: dict[str, list[str]] = defaultdict(list)
        for what, damage in IN_THE_TABLES.items():
            found[what] = (await judged(postgres, name, history, damage)).wrong
        for what, change in IN_WHAT_WAS_TOLD.items():
            told = copy.deepcopy(history)
            change(told)
            found[what] = (await judged(postgres, name, told)).wrong
        told = copy.deepcopy(history)
        told.lives = [Life(look.url, look.began, look.ended + 1) for look in history.looks]
        assert (await judged(postgres, name, told, IN_THE_TABLES["looks that were lost"])).wrong == []
    missed = [what for what, wrong in found.items() if not any(line.startswith(f"{what}: ") for line in wrong)]
    assert missed == []
    told_only = {"cases and messages unanswered", "of them there after all"}
    assert {what for what, count in right.counts.items() if count == 0} - found.keys() == told_only


async def a_day(service: RunningService, history: History) -> None:
    """Some of everything, worked off to its end."""
    agent = Client([service.person("AGENT")], history, Random(1))
    async with receiving(Random(1)) as receiver:
        supervisor: Person = service.person("SUPERVISOR")
        assert (await supervisor.ask("POST", "/support/webhooks", {"url": receiver.url})).status == 201
        reading = asyncio.create_task(read_the_stream([supervisor], history, Random(1)))
        await agent.sign_in()
        for status in ("PENDING", "ON_HOLD", "CLOSED"):
            said = await agent.open_case()
            await agent.reply(said.ticket_id)
            await agent.post(said.ticket_id, on_behalf_of_customer=True)
            await agent.change(said.ticket_id, status=status)
        await agent.reply(agent.cases[-1])  # refused, as it is closed
        await agent.post(agent.cases[-1], on_behalf_of_customer=True)  # opens another case

        async def settled() -> bool:
            async with service.worker.database.connection() as connection:
                row = await connection.fetchrow(UNFINISHED)
            assert row is not None
            unfinished, newest = row
            return unfinished == 0 and bool(receiver.got) and history.told[-1:] == [newest]

        await eventually(settled, within_s=30)
        reading.cancel()
        history.posts = [(got.event_id, got.body) for got in receiver.got]


async def judged(postgres: Server, name: str, history: History, damage: str = "") -> Verdict:
    """The verdict on a copy of a database to which this was done."""
    verdict = Verdict()
    async with postgres.database(template=name) as dsns:
        database = Database(dsns.owner, name="test-judge", max_size=1)
        async with database.connection() as connection:
            if damage:
                await connection.execute(f"SET session_replication_role = replica; {damage}")
        await judge(database, history, verdict)
        await database.close()
    return verdict
