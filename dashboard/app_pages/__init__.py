"""One file per page: run the queries, draw the figures. The site map is in `dashboard/app.py`."""
