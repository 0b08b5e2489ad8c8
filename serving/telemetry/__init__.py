"""What the service tells of itself: Prometheus metrics, OpenTelemetry spans, structured logs."""
