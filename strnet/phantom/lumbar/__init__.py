"""The lumbar spine from the front and from the side: one set of bones, two films, one examination."""
