"""Deliver what the store's outbox holds to webhooks: at least once, with one id, signed."""
