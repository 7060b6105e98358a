"""What is taught: topics, passages, question forms and the split into practice and held-out.

This room knows text and nothing else: no store, no model, no network.
"""
