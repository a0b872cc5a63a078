"""What must be true after a campaign of cases: everybody's account of what they were told agrees with the tables.

Nothing of the service's code. What clients asked for is known by texts that nothing else has.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from campaign.case_tables import CASE_TABLES
from campaign.history import Change, History, Look, Outcome, Said
from campaign.verdict import LOG, Verdict, hold_all, rows_of
from support_service.kit.database import Database

LOST_WITHIN_S = 5.0
"""Who looked at a case is known unless the process was killed within so many seconds: it writes them down every second."""

NOT_TOLD = frozenset({"support.case.closed"})
"""Types of the log that the stream does not tell: that the status changed, it does."""


async def judge(service: Database, history: History, verdict: Verdict) -> None:
    """Hold the tables to themselves, and what everybody was told to the tables."""
    await hold_all(service, {**LOG, **CASE_TABLES}, verdict)
    await _judge_said(service, history.said, verdict)
    await _judge_changes(service, history.changes, verdict)
    await _judge_posts(service, history.posts, verdict)
    await _judge_stream(service, history, verdict)
    await _judge_looks(service, history, verdict)
    verdict.hold("answers of 5xx but for 503", sum(n for s, n in history.statuses.items() if s > 499 and s != 503))  # noqa: PLR2004


async def _judge_said(service: Database, said: Sequence[Said], verdict: Verdict) -> None:
    """Each case and message that was asked for: once if it was acknowledged, never if refused, else once at most."""
    found: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for mark, ticket_id, conversation_id, number in await rows_of(
        service, "SELECT message, ticket_id::text, conversation_id::text, number FROM support_conversations"
    ):
        found[mark].append((ticket_id, conversation_id, number))
    asked = {one.mark: one for one in said}
    done = [one for one in said if one.outcome is Outcome.DONE]
    verdict.counts["cases acknowledged"] = sum(one.opens for one in done)
    verdict.counts["messages acknowledged"] = sum(not one.opens for one in done)
    verdict.counts["cases and messages refused"] = sum(one.outcome is Outcome.REFUSED for one in said)
    unknown = [one for one in said if one.outcome is Outcome.UNKNOWN]
    verdict.counts["cases and messages unanswered"] = len(unknown)
    verdict.counts["of them there after all"] = sum(one.mark in found for one in unknown)
    verdict.hold("acknowledged and lost", sum(one.mark not in found for one in done))
    verdict.hold("there more than once", sum(len(rows) > 1 for rows in found.values()))
    verdict.hold("there and asked for by nobody", sum(mark not in asked for mark in found))
    verdict.hold("refused and there", sum(one.mark in found for one in said if one.outcome is Outcome.REFUSED))
    verdict.hold(
        "answered as something else", sum(not _is_where_answered(one, found.get(one.mark, ())) for one in done)
    )


def _is_where_answered(said: Said, rows: Sequence[tuple[str, str, int]]) -> bool:
    if said.opens:
        return not rows or (said.ticket_id, 1) in {(ticket_id, number) for ticket_id, _, number in rows}
    return not rows or (said.ticket_id, said.conversation_id) in {row[:2] for row in rows}


async def _judge_changes(service: Database, changes: Sequence[Change], verdict: Verdict) -> None:
    """Each change is of the version it was asked for at, one of each version, and what a case is now is the last one's."""
    made = Counter(
        await rows_of(
            service,
            "SELECT subject, sequence - 1 FROM event_log WHERE type = 'support.case.updated' AND data->'fields' ? 'category'",
        )
    )
    by_version: dict[tuple[str, int], list[Change]] = defaultdict(list)
    for change in changes:
        by_version[change.ticket_id, change.version].append(change)
    done = [change for change in changes if change.outcome is Outcome.DONE]
    verdict.counts["changes acknowledged"] = len(done)
    verdict.hold("changes acknowledged and lost", sum(made[change.ticket_id, change.version] == 0 for change in done))
    verdict.hold("versions changed more than once", sum(count > 1 for count in made.values()))
    told = Counter((change.ticket_id, change.version) for change in done)
    verdict.hold("changes that overwrote another of the same version", sum(count > 1 for count in told.values()))
    possible = {at for at, asked in by_version.items() if any(one.outcome is not Outcome.REFUSED for one in asked)}
    verdict.hold("changes that nobody asked for", sum(at not in possible for at in made))
    newest = dict(sorted(made))
    wrong = 0
    for ticket_id, category in await rows_of(service, "SELECT ticket_id::text, category FROM support_tickets"):
        last = by_version[ticket_id, newest[ticket_id]] if ticket_id in newest else []
        marks = {one.mark for one in last if one.outcome is Outcome.DONE}
        marks = marks or {one.mark for one in last if one.outcome is Outcome.UNKNOWN}
        wrong += category not in marks if marks else category is not None
    verdict.hold("cases that are not as the last change left them", wrong)


async def _judge_posts(service: Database, posts: Sequence[tuple[str, bytes]], verdict: Verdict) -> None:
    """Receivers got each event at least once, the same under the same id each time, and nothing else."""
    logged = {event_id for (event_id,) in await rows_of(service, "SELECT event_id::text FROM event_log")}
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for event_id, body in posts:
        bodies[event_id].add(body)
    verdict.counts["posts to the receiver"] = len(posts)
    verdict.counts["of them sent again"] = len(posts) - len(bodies)
    verdict.hold("events that were not posted", len(logged - bodies.keys()))
    verdict.hold("posts of no event", len(bodies.keys() - logged))
    verdict.hold("ids with more than one body", sum(len(one) > 1 for one in bodies.values()))


async def _judge_stream(service: Database, history: History, verdict: Verdict) -> None:
    """A reader of the stream who resumed it was told each event once, in the log's order."""
    logged = {
        position
        for position, type_ in await rows_of(service, "SELECT position, type FROM event_log")
        if type_ not in NOT_TOLD
    }
    told = history.told
    verdict.counts["events of the stream"] = len(told)
    verdict.counts["resumptions of the stream"] = history.resumed
    verdict.hold("events that the stream did not tell", len(logged - set(told)))
    verdict.hold("events told that are not in the log", len(set(told) - logged))
    verdict.hold("events told again or out of order", sum(a >= b for a, b in pairwise(told)))
    verdict.hold("gaps told of", history.gaps)


async def _judge_looks(service: Database, history: History, verdict: Verdict) -> None:
    """Who looked at a case stands in the activity, once a minute; unless the process died too soon after."""
    viewed = Counter(
        await rows_of(
            service,
            "SELECT agent_id::text, ticket_id::text, minute FROM support_agent_activity WHERE action = 'case.viewed'",
        )
    )
    safe = [look for look in history.looks if not _may_be_lost(look, history)]
    verdict.counts["looks at cases"] = len(history.looks)
    verdict.counts["of them by a process that lived on"] = len(safe)
    verdict.hold("looks that were lost", sum(not _recorded(look, viewed) for look in safe))
    verdict.hold("views recorded twice", sum(count > 1 for count in viewed.values()))
    looked = {(look.agent_id, look.ticket_id) for look in history.looks}
    verdict.hold("views recorded of nobody", sum((agent, ticket) not in looked for agent, ticket, _ in viewed))


def _may_be_lost(look: Look, history: History) -> bool:
    return any(
        life.url == look.url and life.began <= look.ended and look.began <= life.ended <= look.ended + LOST_WITHIN_S
        for life in history.lives
    )


def _recorded(look: Look, viewed: Mapping[tuple[str, str, datetime], int]) -> bool:
    minutes = {datetime.fromtimestamp(at // 60 * 60, UTC) for at in (look.began, look.ended)}
    return any((look.agent_id, look.ticket_id, minute) in viewed for minute in minutes)
