"""One page a file: query, figure, page. The site map is in `dashboard/app.py`."""
