"""A shop on many machines: the broker's workers and schedulers, probes, figures, files to deploy it by."""
