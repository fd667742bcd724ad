"""What the teacher of self-distillation is told."""

from dreamer.teaching import privileged


def test_the_teacher_hears_everything_and_that_it_may_be_wrong() -> None:
    told = privileged("Play.", "Holes: {{ 3 }}.")
    assert told.startswith("Play.\n\nWhat follows")
    assert "wrong" in told
    assert told.endswith("\n\nHoles: {{ 3 }}.")
    assert privileged(None, "x").startswith("What follows")
