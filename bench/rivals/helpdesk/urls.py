"""django-helpdesk's routes, and its tickets once more with one fault mended."""

from django.db.models import QuerySet
from django.urls import include, path
from helpdesk.models import Ticket
from helpdesk.user import HelpdeskUser
from helpdesk.views.api import TicketViewSet
from rest_framework.routers import DefaultRouter


class MendedTickets(TicketViewSet):
    """Theirs reads every ticket there is, one by one, before it looks for the one that is asked for; this one does not."""

    def get_queryset(self) -> QuerySet[Ticket]:
        """All tickets in sight, unread."""
        return HelpdeskUser(self.request.user).accessible_tickets()


router = DefaultRouter()
router.register(r"tickets", MendedTickets, basename="mended")

urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk")), path("mended/", include(router.urls))]
