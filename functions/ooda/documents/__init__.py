"""The documents that the steps of the loop leave for each other and for people."""
