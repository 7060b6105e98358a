"""What leaves the project: a tuned student with its model card, backups."""
