"""Campaigns: long runs that break things on purpose and then count. They end only what they started, on 127.0.0.1."""
