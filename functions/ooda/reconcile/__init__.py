"""Reconcile: compares order documents, records, locks, visits, the outbox and dead letters; mends what is
certain, and lists the rest."""
