"""Every request: its id and access log, metrics, headers and limits, problems and health."""
