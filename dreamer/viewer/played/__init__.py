"""Sessions and episodes, as pages show them: found, filtered, and read to the token."""
