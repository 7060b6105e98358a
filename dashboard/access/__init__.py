"""The pages' only access to the store and the documents: cached reads, and the write commands."""
