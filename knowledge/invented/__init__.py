"""Invented facts about a product that does not exist: nobody can know them before they are taught.

`documents/` holds 120 of them as a folder for `--knowledge`; `generator` writes as many as are wanted.
"""
