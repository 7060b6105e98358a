"""Shared page elements: tables, charts, export buttons, empty states."""
