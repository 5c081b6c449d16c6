"""The review page: a person says who is who, in the order that settles the count soonest."""

from reid.review.desk import Desk
from reid.review.queue import Question, Queue
from reid.review.season import Season, bare_season, read_season
from reid.review.settings import ReviewSettings

__all__ = ["Desk", "Question", "Queue", "ReviewSettings", "Season", "bare_season", "read_season"]
