"""CT of the lumbar spine: the bones of the lumbar films in their trunk, scanned to HU."""
