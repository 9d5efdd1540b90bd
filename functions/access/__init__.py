"""Access: who may call, how often, and whether all is well."""
