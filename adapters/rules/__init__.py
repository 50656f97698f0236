"""Named tolerances: what a reader may do with a field that is not what its version says.

Each rule has a stable code, repairs named kinds of faults, and is counted through the finding that it leaves.
A partner's profile says which rules are on. None of them ever changes an amount of money, and what was
repaired beside one blocks its payment until a person has looked.
"""
