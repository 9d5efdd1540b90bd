"""What is asked before anybody runs `sam deploy`, and the import of what exists already."""
