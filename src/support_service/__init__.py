"""The 360-degree support layer of a shop: cases beside the truth of their orders."""

__version__ = "0.1.0"
