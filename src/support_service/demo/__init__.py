"""The simulated shop and everything `support-service demo` needs around the service: data, services, feed, cases, people.

Nothing of the service imports this room. It stands on what any deployment has: a PostgreSQL for the shop's tables, the
shop's REST services, a feed of its events, an issuer of tokens, and the service's own HTTP API.
"""
