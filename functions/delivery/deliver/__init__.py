"""Telling others, from the outbox: people by SNS, webhooks, ticketing systems, an insurer."""
