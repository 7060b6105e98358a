"""The only way from pages to the store and the knowledge: readers with caches, and the write commands."""
