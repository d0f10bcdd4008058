"""What tuyahouse offers to Prometheus: metrics and a health check over HTTP."""
