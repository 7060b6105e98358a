"""The long-running runner service: supervisor, periodic jobs, process locks, log."""
