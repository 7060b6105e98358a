"""Parts of pages that are drawn with Streamlit and are too long, or too shared, to stand in a page."""
