"""What happens to cases, told to whoever follows: the event log as CloudEvents on a broker.

Owns nothing. It follows the log with a cursor of its own, so an event leaves at least once and in the order of its case.
"""

from support_service.publishing.service import PUBLISHED_AT_ONCE, Publishing

__all__ = ["PUBLISHED_AT_ONCE", "Publishing"]
