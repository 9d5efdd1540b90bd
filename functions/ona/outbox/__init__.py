"""What is still to be told to people and other systems."""
