"""What is promoted: evidence from outside the dream, what must not be lost, and who decided."""
