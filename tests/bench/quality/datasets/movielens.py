"""MovieLens latest-small (GroupLens, non-commercial): 610 people's ratings, each an act.

Ratings come in sittings of some minutes, so their order counts and their hours do not.
"""

import numpy as np
import polars as pl

from tests.bench.quality.datasets.places import place_of
from tests.bench.quality.world import World, catalogue_of, codes, events_of, steps_as_time
from training.engine.snapshot import Snapshot


def read() -> World:
    """The data set. Raises DataMissing."""
    ratings = pl.read_csv(place_of("ml-latest-small", "ratings.csv"))
    movies = pl.read_csv(place_of("ml-latest-small", "movies.csv"))
    movies = movies.join(ratings.select("movieId").unique(), on="movieId").sort("movieId")
    number = {movie: index for index, movie in enumerate(movies["movieId"])}
    ratings = ratings.join(movies.select("movieId"), on="movieId", how="semi")
    ratings = ratings.sort("userId", "timestamp", "movieId")
    subject = ratings["userId"].to_numpy()
    offsets = np.concatenate(([0], np.cumsum(np.unique(subject, return_counts=True)[1])))
    events = events_of(
        subject,
        ratings["movieId"].replace_strict(number, return_dtype=pl.Int64).to_numpy(),
        steps_as_time(offsets.astype(np.int64)),
    )
    titles = [
        f"{title}. {genres.replace('|', ', ')}"
        for title, genres in movies.select("title", "genres").iter_rows()
    ]
    first = [genres.split("|")[0] for genres in movies["genres"]]
    catalogue = catalogue_of(titles, [""] * len(titles), None, np.zeros(len(titles)))
    return World(
        name="movielens",
        snapshot=Snapshot(catalogue, events),
        group=codes(first),
        groups="first genre",
        half_lives=(7.0, 30.0, 120.0, 500.0),
        note="MovieLens latest-small: every rating is an act; last act held out",
    )
