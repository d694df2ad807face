"""Measures the plugin's output: clips, renders, measures, the parts of the measurement, the page."""
