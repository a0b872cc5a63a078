"""Files on this machine's disk, behind signed addresses of our own: the object store of one machine."""

from support_service.adapters.embedded.blobs.routes import LARGEST_FORM, create_blob_routes
from support_service.adapters.embedded.blobs.store import BLOBS_PATH, EmbeddedBlobs

__all__ = ["BLOBS_PATH", "LARGEST_FORM", "EmbeddedBlobs", "create_blob_routes"]
