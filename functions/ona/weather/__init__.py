"""Weather from outside: providers, their common document, and the cache before them. No pandas here."""
