"""OpenAI-compatible client: retry, rate limit, response cache, capabilities."""
