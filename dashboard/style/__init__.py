"""Labels, number formats, colours and word diffs."""
