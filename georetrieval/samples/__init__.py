"""From the ground to the eye: what a net, or a baseline, is shown."""
