"""The embedded cloud: the same template, state machines and handlers on one machine, no AWS, no Docker.

A development tool, bound to loopback: ministack answers for the services, moto's interpreter runs the
state machines, both in one process. `docs/embedded-cloud.md` says what it can and cannot do.
"""
