"""What happened: configuration, events, read models, commands and statistics over one database.

The dashboard and the runner both stand on this room and never import each other.
"""
