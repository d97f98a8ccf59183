"""Jobs: training, and colouring archives, on this machine, on Slurm, on Hugging Face Jobs.

`job` is what lies in a job's folder, `engine` what an engine must do, `local`, `slurm` and `hf` are the three.
"""
