"""What a teacher is told that its student is not."""
