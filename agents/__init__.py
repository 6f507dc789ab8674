"""Act: the conductor, its roster, planner and runners."""
