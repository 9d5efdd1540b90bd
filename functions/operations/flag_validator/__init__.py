"""Whether a document of feature flags may be deployed: AppConfig asks before it deploys one."""
