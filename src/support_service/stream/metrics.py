"""Metrics of the streams: how many are open, what they were told, and how they ended."""

from prometheus_client import Counter, Gauge

OPEN = Gauge("support_stream_open", "Streams that are open.")
FRAMES = Counter("support_stream_frames_total", "Events that were told, once for each stream.")
ENDED = Counter("support_stream_ended_total", "Streams that ended, by why.", ["reason"])
GAPS = Counter("support_stream_gaps_total", "Streams that were told of a gap instead of what lay in it.")
