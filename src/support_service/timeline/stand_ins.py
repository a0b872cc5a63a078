"""The pages that the services made while the lake was away or starting: stand-ins, until the lake makes them anew.

What is read often is made anew when it is read. What is read now and then would be shown once more as it is, half a
minute after the lake's return; so these pages are remembered, and taken back one by one, whoever reads whatever.
"""

from collections import OrderedDict
from datetime import datetime

from support_service.directory import Profile
from support_service.timeline.model import CaseKey

_MOST = 5_000


class StandIns:
    """Remembers them, the ones made first first; bounded."""

    def __init__(self) -> None:
        """There are none."""
        self._pages: OrderedDict[str, tuple[CaseKey, Profile, datetime]] = OrderedDict()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._pages)

    def note(self, key: CaseKey, profile: Profile, made_at: datetime) -> None:
        """The services made this page."""
        name = key.pages[profile]
        self._pages[name] = key, profile, made_at
        self._pages.move_to_end(name)
        if len(self._pages) > _MOST:
            self._pages.popitem(last=False)

    def take(self, made_before: datetime) -> tuple[CaseKey, Profile] | None:
        """The one that was made first, if it was before that; it is forgotten here."""
        key, profile, made_at = next(iter(self._pages.values()))
        if made_at >= made_before:
            return None
        del self._pages[key.pages[profile]]
        return key, profile
