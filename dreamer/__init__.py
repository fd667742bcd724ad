"""The loop: configuration, run folder, night, learning, accreditation and the command line."""
