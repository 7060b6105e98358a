"""The built-in domain: Kubernetes v1.28, project-written notes and the API reference."""
