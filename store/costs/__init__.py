"""Costs of LLM calls: cached calls with their usage, list prices, estimates and budgets."""
