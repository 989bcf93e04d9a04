"""The table of tasks: what a model can be for. One line per task, one folder each.

Loads torch, so nothing but the engine's own process imports it.
"""

from training.engine.tasks.recommendation import pipeline
from training.engine.tasks.task import Task

TASKS: dict[str, Task] = {"recommendation": Task(pipeline.SHARES, pipeline.run, pipeline.follow)}
