"""What all tests share."""

from hypothesis import settings

# No timed assertions: a busy machine must not fail a test that is right.
settings.register_profile("strnet", deadline=None)
settings.load_profile("strnet")
