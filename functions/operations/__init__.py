"""Operations: what is watched, is the platform well, what does it cost. It reads, and sends nothing."""
