"""What belongs to one browser session: the address bar, who is looking, reruns of the page."""
