"""Elements that every page uses: tables, charts, export buttons, empty states."""
