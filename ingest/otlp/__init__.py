"""Receives what OpenTelemetry exporters send over HTTP, and makes facts of it before it answers."""
