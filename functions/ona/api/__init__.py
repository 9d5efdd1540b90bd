"""What the APIs of all families share: envelope, resolver, callers, one OpenAPI document."""
