"""Values that pages show, computed from read models without Streamlit: selections, filters, estimates, export rows."""
