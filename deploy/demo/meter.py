"""A charging station's meter: it signs its readings as OCMF with a key that the operator has registered."""

import json
from datetime import datetime

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from deploy.demo.cast import METER, ZONE, Drive, Json


class Meter:
    """One key, one serial number. OCMF 1.4: format, payload and signature with bars between."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._pages = 0

    @property
    def public_key(self) -> str:
        """SubjectPublicKeyInfo in DER, hexadecimal."""
        spki = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return spki.hex()

    def signed(self, drive: Drive) -> Json:
        """Begin and end of a drive in one signed record, as the contract API takes it."""
        self._pages += 1
        payload = json.dumps(
            {
                "FV": "1.4",
                "GI": "Roamwork demo station",
                "GS": METER,
                "PG": f"T{self._pages}",
                "IS": True,
                "IL": "VERIFIED",
                "IT": "ISO14443",
                "ID": drive.token,
                "RD": [
                    _reading("B", drive.start.at, str(drive.start.energy_kwh)),
                    _reading("E", drive.end.at, str(drive.end.energy_kwh)),
                ],
            },
            separators=(",", ":"),
        )
        signature = self._key.sign(payload.encode(), ec.ECDSA(hashes.SHA256())).hex()
        record = f'OCMF|{payload}|{{"SD":"{signature}"}}'
        return {
            "encoding_method": "OCMF",
            "public_key": self.public_key,
            "readings": [{"nature": "End", "plain_data": payload, "signed_data": record}],
        }


def _reading(kind: str, at: datetime, kwh: str) -> Json:
    local = at.astimezone(ZONE)
    stamp = f"{local:%Y-%m-%dT%H:%M:%S},000{local:%z} S"
    return {"TM": stamp, "TX": kind, "RV": kwh, "RI": "1-b:1.8.0", "RU": "kWh", "EF": "", "ST": "G"}
