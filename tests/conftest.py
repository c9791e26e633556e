"""What all tests share."""

from hypothesis import HealthCheck, settings

# No timed assertions: a busy machine must not fail a test that is right.
settings.register_profile("strnet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("strnet")
