"""Answer single questions with a run's students and its teacher, outside of the run."""
