"""Loaded when every app is: the kinds of cases the domains declare."""

from yiwang.kernel.flow.kinds import register_kind
from yiwang.site.manifests import manifests

for _domain in manifests():
    for _kind in _domain.case_kinds:
        register_kind(_kind)
