"""What the slices need of the outside, as Protocols by capability; adapters fulfil them, `wiring` chooses which."""
