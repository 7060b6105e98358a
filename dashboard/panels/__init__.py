"""Panels: parts of pages drawn with Streamlit, extracted because they are long or shared by several pages."""
