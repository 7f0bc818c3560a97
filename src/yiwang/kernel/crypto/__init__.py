"""SM3 digests, keyed MACs, SM4 encryption, SM2 signatures and masks; knows no table."""

from yiwang.kernel.crypto.ciphers import decrypt, encrypt
from yiwang.kernel.crypto.digests import lasting_mac, mac, mac_matches, macs, sm3
from yiwang.kernel.crypto.terms import CryptoProblem

__all__ = ["CryptoProblem", "decrypt", "encrypt", "lasting_mac", "mac", "mac_matches", "macs", "sm3"]
