"""State of a browser session: URL parameters, user and role, page reruns; and garbage collection of the process."""
