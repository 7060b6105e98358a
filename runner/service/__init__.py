"""The long-running runner: supervisor, jobs, locks, log."""
