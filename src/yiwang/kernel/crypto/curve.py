"""The SM2 recommended curve (GB/T 32918.5-2017) in plain Python: checking signatures where no library can.

Only public values pass through here: the arithmetic is not constant-time, so nothing is ever signed with it.
"""

import hashlib

Point = tuple[int, int] | None
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)


def on_curve(x: int, y: int) -> bool:
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x + A * x + B)) % P == 0


def _add(one: Point, two: Point) -> Point:
    if one is None or two is None:
        return one or two
    (x1, y1), (x2, y2) = one, two
    if x1 == x2:
        if (y1 + y2) % P == 0:
            return None
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P) % P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, P) % P
    x3 = (slope * slope - x1 - x2) % P
    return x3, (slope * (x1 - x3) - y1) % P


def _two_products(s: int, t: int, point: Point) -> Point:
    """s·G + t·point, bit by bit for both at once."""
    both, total = _add(G, point), None
    for bit in range(255, -1, -1):
        total = _add(total, total)
        choice = (s >> bit & 1, t >> bit & 1)
        if choice != (0, 0):
            total = _add(total, {(1, 0): G, (0, 1): point, (1, 1): both}[choice])
    return total


def identity_digest(x: int, y: int, signer: bytes) -> bytes:
    """ZA (GB/T 32918.2 §5.5): the signer's identity and key go into every signature."""
    length = (len(signer) * 8).to_bytes(2, "big")
    numbers = b"".join(number.to_bytes(32, "big") for number in (A, B, *G, x, y))
    return hashlib.new("sm3", length + signer + numbers).digest()


def verify(x: int, y: int, r: int, s: int, data: bytes, signer: bytes) -> bool:
    """GB/T 32918.2 §7.1."""
    t = (r + s) % N
    if not (on_curve(x, y) and 0 < r < N and 0 < s < N and t):
        return False
    digest = hashlib.new("sm3", identity_digest(x, y, signer) + data).digest()
    point = _two_products(s, t, (x, y))
    return point is not None and (int.from_bytes(digest, "big") + point[0]) % N == r
