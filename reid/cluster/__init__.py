"""The costly stages handed out: to this process, or to the workers of a Ray cluster; photos and results anywhere fsspec reaches.

`reid.cluster.ahead` does it; it needs the networks, and is left to whoever needs it.
"""

from reid.cluster.places import Mirror, Place, is_url, working_copy
from reid.cluster.settings import ExecutorSettings

__all__ = ["ExecutorSettings", "Mirror", "Place", "is_url", "working_copy"]
