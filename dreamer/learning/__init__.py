"""How weights are changed, and what holds that back. The trainers are TRL's."""
