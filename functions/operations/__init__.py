"""Operations: what is watched, who is told, and how the platform is kept running within its means."""
