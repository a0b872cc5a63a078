"""The rivals: the least that can answer the same requests with the same bytes from Redis."""
