"""The floor everything stands on: mechanisms without a word of the domain."""
