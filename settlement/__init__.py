"""Money out of charging: pure functions over canonical objects. Time, policy and rates are passed in;
nothing is read.
"""
