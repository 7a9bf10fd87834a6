"""Requests and allocations to true demand, forecasts and flags. Pure: frames in and out, no SQL, no clock."""
