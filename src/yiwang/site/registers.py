"""Loaded with the registers of every room: the registers and measures the domains declare."""

from yiwang.kernel.measures.registry import register_measure
from yiwang.kernel.registers.registry import register
from yiwang.site.manifests import manifests

for _domain in manifests():
    for _register in _domain.registers:
        register(_register)
    for _measure in _domain.measures:
        register_measure(_measure)
