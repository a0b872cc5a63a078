"""What a signed address can be refused for."""

from support_service.kit.problems import Forbidden, InvalidInput, NotFound, Problem, TooLarge


class AddressRefused(Forbidden):
    """This address is not as it was signed, or its time is over."""


class UploadUnreadable(InvalidInput):
    """An upload is a multipart/form-data of the signed fields and then one file."""


class UploadTooLarge(TooLarge):
    """The file is larger than was signed."""


class UploadTooSmall(InvalidInput):
    """The file is smaller than was signed."""


class UploadTooSlow(Problem):
    """The upload took too long."""

    status = 408


class FileNotFound(NotFound):
    """There is no such file, or none any more."""
