"""How long Rangin takes and how much memory it needs, each figure beside a comparison from the same run.

make bench                       all of it, about five minutes on two cores; writes docs/benchmarks.md
python -m bench portrait         only one photo's way, stage by stage
python -m bench start memory --repeats 5
"""
