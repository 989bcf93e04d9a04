"""Ends a Lightning training by patience or by the clock, and keeps its best epoch. Loads torch, so
that only the rivals' environment imports it."""

import copy
import time
from typing import Any

from pytorch_lightning import Callback, Trainer


class Clock(Callback):
    """One training: processor seconds it may use, epochs without gain that end it."""

    def __init__(self, seconds: float, patience: int) -> None:
        self.seconds, self.patience = seconds, patience
        self.started = 0.0
        self.best: tuple[float, int, Any] | None = None
        self.misses, self.epochs, self.late = 0, 0, False

    @property
    def finished(self) -> bool:
        """Whether patience ended it, or all its epochs were taken."""
        return not self.late

    def told(self) -> str:
        """How it ended, for the tables."""
        best = "none" if self.best is None else str(self.best[1])
        end = "stopped by the clock" if self.late else "ended by itself"
        return f"{end} after {self.epochs} epochs; best {best}"

    def on_fit_start(self, trainer: Any, module: Any) -> None:
        self.started = time.process_time()

    def on_train_batch_end(self, trainer: Any, module: Any, *rest: Any) -> None:
        if time.process_time() - self.started > self.seconds:
            self.late = trainer.should_stop = True

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        if trainer.sanity_checking:
            return
        self.epochs += 1
        loss = float(trainer.callback_metrics[module.val_loss_name])
        if self.best is None or loss < self.best[0]:
            self.best = (loss, self.epochs, copy.deepcopy(module.state_dict()))
            self.misses = 0
            return
        self.misses += 1
        if self.misses >= self.patience:
            trainer.should_stop = True

    def keep_best(self, module: Any) -> None:
        """Put the best epoch's weights into the module."""
        if self.best is not None:
            module.load_state_dict(self.best[2])


def trainer_of(seconds: float, patience: int, epochs: int) -> Trainer:
    """A trainer on the processor that writes nothing, with a clock."""
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        callbacks=[Clock(seconds, patience)],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        logger=False,
        num_sanity_val_steps=0,
    )


def clock_of(trainer: Trainer) -> Clock:
    """The clock that a trainer was made with."""
    return next(each for each in trainer.callbacks if isinstance(each, Clock))
