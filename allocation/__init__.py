"""Demand, caps, quotas and supply to who gets what, and why. Pure: frames in and out, no SQL, no clock."""
