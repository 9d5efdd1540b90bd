"""Operations: is the platform well, what came today, what does it cost. It reads, and sends nothing."""
