"""Acts: receives deliveries, moves submissions through the stages, and performs what the stages decided."""
