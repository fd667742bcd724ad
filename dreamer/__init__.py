"""The loop: configuration, run folder, night, learning, accreditation and the command line."""

import os

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")  # what is used of it is pinned with TRL's version
