'''Integers, bits, divmod, rounding, complex, bytes, big numbers, fractions and decimals.'''
import math
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import gymnasium as gym


class World(gym.Env):
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return "number?", {}

    def step(self, action):
        if not action.lstrip("-").isdigit():
            return "no number", 0.0, True, False, {}
        n = int(action)
        parts = [n & 0xF, n | 8, n ^ 5, ~n, n << 3, n >> 1, divmod(n, 7), -n // 4, n % -7, pow(3, abs(n) % 50, 101)]
        more = [round(n / 3, 2), abs(complex(n, 1)), math.gcd(n, 36), math.factorial(abs(n) % 10), hex(n), bin(abs(n))]
        exact = [Fraction(n, 12), Decimal(n) / 8, (Decimal(n) / 8).quantize(Decimal("0.1"), ROUND_HALF_UP)]
        raw = bytes([abs(n) % 256, 65]).hex() + str(n.to_bytes(4, "big", signed=True)[-2:]) + "é".encode().hex()
        x = n
        x **= 2
        x %= 97
        x |= 64
        return f"{parts} {more} {[str(e) for e in exact]} {raw} {x} {n:+d} {2**100}", float(n), False, False, {}
