"""The runner: command line, service, pipeline and its stages, teacher, student, judge.

Start reading at `runner/pipeline/pipeline.py`: the pipeline is a table there.
"""
