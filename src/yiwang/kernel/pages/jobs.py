"""The worker's round over people: the people room lies below the jobs room, so it is registered here."""

from yiwang.kernel.jobs.loops import register
from yiwang.kernel.oidc import codes
from yiwang.kernel.people.services import tidy

register("people", tidy, 600)
register("oidc", codes.tidy, 3600)
