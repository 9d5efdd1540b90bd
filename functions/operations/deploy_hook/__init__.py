"""Deploy hook: whether a new version of a function works, before it gets calls. CodeDeploy asks."""
