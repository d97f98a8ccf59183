"""What tests of jobs share."""

from tests.jobs.cluster import slurm, slurm_conf

__all__ = ["slurm", "slurm_conf"]
