"""A page each: from the site, the place and the parts of its address to HTML."""
