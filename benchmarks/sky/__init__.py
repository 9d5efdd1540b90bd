"""Speed and accuracy of what the sky says."""
