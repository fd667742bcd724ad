"""Trajectories: the record, the log readers, the engines and the rehearsal that writes new ones."""
