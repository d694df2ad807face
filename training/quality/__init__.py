"""Measuring what the plugin does to pictures: clips, renders, measures, the parts of the measurement, the page."""
