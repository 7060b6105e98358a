"""What calls to language models cost: recorded calls, list prices, budgets."""
