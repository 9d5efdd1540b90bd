"""Act: a work order that people can work with, once for each fault."""
