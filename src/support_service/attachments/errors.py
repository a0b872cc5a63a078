"""What can be refused about attachments."""

from support_service.kit.problems import Conflict, InvalidInput, NotFound, TooLarge, Unavailable


class AttachmentNotFound(NotFound):
    """There is no such attachment of this case, or none that you may see."""


class AttachmentTooLarge(TooLarge):
    """The file is larger than an attachment may be."""


class ContentTypeRefused(InvalidInput):
    """Files of this content type are not accepted."""


class FileNameRefused(InvalidInput):
    """The file's name does not end as the names of files of its content type do."""


class TooManyAttachments(Conflict):
    """The case has as many files that no message holds as it may have."""


class NotUploaded(Conflict):
    """The file has not been uploaded yet."""


class CheckUnderWay(Conflict):
    """The file is being checked right now."""


class AttachmentsUnusable(InvalidInput):
    """Only files of this case can be attached that you asked for, that are ready, and that no message holds."""


class FilesUnavailable(Unavailable):
    """The files cannot be read or written right now."""


class AttachmentsNotSetUp(Unavailable):
    """This service keeps no files."""
