"""Labels, colours and word differences: how things are called and how they look."""
