"""What pages show, computed from read models without Streamlit: selections, filters, estimates, rows for export."""
