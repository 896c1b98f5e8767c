"""The cloud on one machine: gateway, function processes, Cloud Tasks, Cloud Scheduler and the media host."""
