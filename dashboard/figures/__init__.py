"""Plotly figures of read models. Nothing here imports Streamlit."""
