"""What people see: Streamlit pages over the event store. Reads the store; writes only commands."""
