"""What operations read of a deployed platform, by AWS's own APIs: in the embedded cloud as in AWS."""
