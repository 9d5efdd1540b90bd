"""ApiAuthorizer: which API keys may call the APIs."""
