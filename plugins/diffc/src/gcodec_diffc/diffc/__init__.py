"""The embedding `diffc`: review, Algorithm 1; Vonderfecht and Liu 2025, Algorithms 1 to 3."""
