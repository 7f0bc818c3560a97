"""What permissions of the jobs room are given on."""

from yiwang.kernel.access.doors import Resource, register_resource
from yiwang.kernel.jobs.models import Job

JOB = register_resource(
    Resource("jobs.job", "后台任务", Job, organisation=None, owner="owner",
             verbs=(("view", "查看"), ("change", "重试")))
)  # fmt: skip
