"""What does the work: the command line, the cycle and its stages, teacher, student, judge, and the supervisor.

Start reading at `runner/pipeline/pipeline.py`: the cycle is a table there.
"""
