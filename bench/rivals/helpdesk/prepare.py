"""Make django-helpdesk's tables and fill them: `python prepare.py TICKETS MESSAGES TEXT`; says what the benchmark needs as JSON."""

import json
import sys

import django


def main(tickets: int, messages: int, text: str) -> None:
    """So many tickets, each with so many follow-ups, and a member of staff with a token."""
    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from helpdesk.models import FollowUp, Queue, Ticket
    from rest_framework.authtoken.models import Token

    call_command("migrate", verbosity=0)
    user = get_user_model().objects.create(username="bench", is_staff=True, is_superuser=True)
    token = Token.objects.create(user=user)
    queue = Queue.objects.create(title="bench", slug="bench")
    made = Ticket.objects.bulk_create(
        (Ticket(title=f"Where is order {n}?", queue=queue, description=text) for n in range(tickets)), batch_size=1000
    )
    followups = (
        FollowUp(ticket=ticket, title="Comment", comment=text, public=True, user=user)
        for ticket in made
        for _ in range(messages)
    )
    FollowUp.objects.bulk_create(followups, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    sys.stdout.write(json.dumps({"token": token.key, "queue": queue.pk, "tickets": [ticket.pk for ticket in made]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
