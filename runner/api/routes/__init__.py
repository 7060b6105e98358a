"""The paths of the REST interface, a file per subject."""
