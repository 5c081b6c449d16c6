"""Labelled crops to weights. `reid.train.fit.train` trains; what it needs is loaded with that module, not before."""
