"""What can be refused about webhooks."""

from collections.abc import Mapping

from support_service.kit.addresses import AddressFault
from support_service.kit.problems import Conflict, InvalidInput, NotFound, PreconditionFailed

_WHY: Mapping[AddressFault, str] = {
    "malformed": "It must be one plain absolute URL of at most 2000 ASCII characters.",
    "scheme": "It must begin with https://.",
    "credentials": "It must not name a user; what proves who sends is the signature.",
    "fragment": "It must not have a part after #.",
    "host": "Its host must be a name in ASCII (punycode), or one IP address written in the usual way.",
    "port": "Its port must be the usual one, or 1024 and above.",
    "unresolved": "Its name leads nowhere right now.",
    "private": "It leads to an address that is not of the public internet.",
}


class WebhookNotFound(NotFound):
    """There is no such webhook."""


class DeliveryNotFound(NotFound):
    """There is no such delivery of this webhook, or none any more."""


class WebhookChanged(PreconditionFailed):
    """The webhook has changed since you read it."""


class TooManyWebhooks(Conflict):
    """There are as many webhooks as there may be."""


class WebhookOff(Conflict):
    """The webhook is switched off; switch it on first."""


class DeliveryUnderWay(Conflict):
    """It is being sent right now."""


class UrlRefused(InvalidInput):
    """Nothing is sent to this URL."""

    def __init__(self, fault: AddressFault) -> None:
        """Say why."""
        super().__init__(_WHY[fault], reason=fault)
