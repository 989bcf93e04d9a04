"""SASRec (Kang & McAuley, ICDM 2018) and eSASRec (RecSys 2025: its objective with LiGR layers and
a sampled softmax) from RecTools, each training within a stated time.

The last act of some people is held back from the library's training, and the epoch of lowest loss
on it is kept. Who is stopped by the clock is unfinished, and says so.
"""

import os
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tests.bench.quality.contender import Contender, Ranker, Study
from tests.bench.quality.protocol import Asked
from training.engine.arrays import F64, I64, Settings
from training.engine.metrics import DEPTH

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
MINUTES = 40.0  # of one core
SECONDS = 60.0 * MINUTES  # processor seconds of one training
EPOCHS = 500
# Acts of a person that are read, of a full and of a short run; fewer where 99 % have fewer, since
# the library fills every session up to that.
LONGEST = {False: 50, True: 20}
_COVERED = 0.99
# Of a full and of a short run: steps without a lower loss, taken in whole epochs since few people
# make short ones.
PATIENCE = {False: 250, True: 150}
_BATCH = 128  # the library's
HELD_BACK = 0.1


@dataclass(frozen=True)
class _Fitted:
    """told: how the training ended, for the tables."""

    model: Any
    seed: int
    told: str
    finished: bool


def _learn(kind: str, study: Study, settings: Settings) -> _Fitted:
    import torch
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    from tests.bench.quality.rivals.clock import clock_of, trainer_of

    warnings.filterwarnings("ignore")
    torch.set_num_threads(THREADS)
    torch.manual_seed(study.seed)
    events = study.snapshot.events
    people = np.count_nonzero(np.diff(events.offsets))
    model = SASRecModel(
        **_shape(kind),
        **settings,
        session_max_len=longest(events.subject, quick=study.quick),
        epochs=EPOCHS,
        get_val_mask_func=held_back,
        get_val_mask_func_kwargs={"seed": study.seed},
        get_trainer_func=trainer_of,
        get_trainer_func_kwargs={
            "seconds": SECONDS,
            "patience": max(1, round(PATIENCE[study.quick] * _BATCH / people)),
            "epochs": EPOCHS,
        },
    )
    table = _table(events.subject, events.item, events.time, study.seed)
    model.fit(Dataset.construct(table))
    clock = clock_of(model.fit_trainer)  # the library trains with a copy of the trainer
    clock.keep_best(model.lightning_model)
    return _Fitted(model, study.seed, clock.told(), clock.finished)


def longest(subject: I64, *, quick: bool) -> int:
    """How many of a person's last acts are read."""
    counts = np.bincount(subject)
    return min(LONGEST[quick], int(np.quantile(counts[counts > 0], _COVERED)))


def _shape(kind: str) -> dict[str, Any]:
    if kind == "sasrec":
        return {}
    from rectools.models.nn.transformers.ligr import LiGRLayers

    return {"transformer_layers_type": LiGRLayers, "loss": "sampled_softmax", "n_negatives": 256}


def _table(subject: I64, item: I64, time: F64, seed: int) -> Any:
    """Acts as the library takes them, each at a moment of its own."""
    import pandas as pd

    order = in_order(subject, time, seed)
    moment = pd.to_datetime(np.arange(len(order)), unit="s")
    columns = {"user_id": subject[order], "item_id": item[order], "datetime": moment}
    return pd.DataFrame({**columns, "weight": 1.0})


def in_order(subject: I64, time: F64, seed: int) -> I64:
    """Positions of acts by subject and time. The library knows their order alone, and what was
    bought together has none: chance gives it one, since by numbers of items a model would learn
    those."""
    order: I64 = np.lexsort((np.random.default_rng(seed).permutation(len(time)), time, subject))
    return order


def held_back(table: Any, seed: int) -> Any:
    """Marks the last row of a tenth of the users, bool [rows]."""
    users = np.unique(table["user_id"].to_numpy())
    drawn = np.random.default_rng(seed).choice(users, max(1, int(HELD_BACK * len(users))), False)
    last = table["datetime"] == table.groupby("user_id")["datetime"].transform("max")
    return (last & table["user_id"].isin(drawn)).to_numpy()


@dataclass(frozen=True)
class _Ranks:
    fitted: _Fitted

    def rank(self, asked: Asked) -> I64:
        from rectools.dataset import Dataset

        model = self.fitted.model
        known = np.asarray(model.data_preparator.get_known_item_ids(), dtype=np.int64)
        rows = np.repeat(np.arange(len(asked)), [len(past) for past in asked.pasts])
        item = np.concatenate([past.item for past in asked.pasts])
        moment = np.concatenate([past.time for past in asked.pasts])
        ranked = np.full((len(asked), DEPTH), -1, dtype=np.int64)
        users = np.unique(rows[np.isin(item, known)])
        candidates = np.intersect1d(known, np.flatnonzero(asked.open))
        if not len(users) or not len(candidates):
            return ranked
        found = model.recommend(
            users,
            Dataset.construct(_table(rows, item, moment, self.fitted.seed)),
            k=DEPTH,
            filter_viewed=any(len(seen) for seen in asked.seen),
            items_to_recommend=candidates,
        )
        place = found["rank"].to_numpy() - 1
        ranked[found["user_id"].to_numpy(), place] = found["item_id"].to_numpy()
        return ranked


def _answer(learned: Any, settings: Settings) -> Ranker:
    return _Ranks(learned)


def _trials(half_lives: tuple[float, ...], pace: float) -> list[Settings]:
    """The library's default but for its width."""
    return [{"n_factors": 128, "dropout_rate": 0.2, "lr": 1e-3}]


def _contender(kind: str) -> Contender:
    return Contender(
        partial(_learn, kind),
        _answer,
        _trials,
        learned=frozenset({"n_factors", "dropout_rate", "lr"}),
        libraries=True,
        seeded=True,
        costly=True,
        worlds=frozenset({"scientific", "retail", "movielens"}),  # they cannot rank cold items
    )


SASREC = _contender("sasrec")
ESASREC = _contender("esasrec")
