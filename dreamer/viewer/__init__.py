"""Pages that show what was dreamed, and where the dream is wrong: served live, or written as a static site."""
