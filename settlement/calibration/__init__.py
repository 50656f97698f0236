"""Signed meter data: do the signatures hold, and what energy do they prove? (OCPI 2.2.1 cdrs, SignedData)

`verify` is what the platform asks, with the key that is registered for the meter; `verify_alone` what a person asks who
has no register.
"""

from settlement.calibration.billed import Billed
from settlement.calibration.formats import recognised
from settlement.calibration.keys import is_key
from settlement.calibration.signature import SignatureVerdict
from settlement.calibration.verdict import MeterVerdict, SignedSample
from settlement.calibration.verification import verify, verify_alone

__all__ = [
    "Billed",
    "MeterVerdict",
    "SignatureVerdict",
    "SignedSample",
    "is_key",
    "recognised",
    "verify",
    "verify_alone",
]
