"""Pure figures: read models in, a Plotly figure out. Nothing here knows Streamlit."""
