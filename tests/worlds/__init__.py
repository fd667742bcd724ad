"""Worlds whose truth is known, their sessions, and what mutation makes of them.

`sources/` holds authored environments as plain Gymnasium code; `enumeration` says exactly what one answers;
`known` works some likelihoods out on paper; `engines` plays Gymnasium's own games in words; `mutation` breaks sources
in known ways and says which sessions show it.
"""
