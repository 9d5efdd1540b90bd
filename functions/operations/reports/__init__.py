"""Reports as documents: what is told, in which order, with which pictures."""
