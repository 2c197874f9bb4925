"""Schedules: the times at which a job is enqueued again and again.

A tick is taken by advancing the row of the schedule, in the transaction that enqueues the job. So each tick
is taken once by all workers of a service, on any number of hosts.
"""

from __future__ import annotations

import datetime
import math
import zoneinfo

from debonair.settings import Duration


class Schedule:
    """The times of a job.

    :param every: an interval, such as ``10m``, or five fields of cron(5), such as ``0 3 * * *``.
    :raises ValueError: when it is neither.
    """

    def __init__(self, every: str) -> None:
        self.every = " ".join(every.split())
        self._interval: int | None = None
        if " " not in self.every:
            self._interval = round(float(Duration.parse(self.every)) * 1000)
            if self._interval < 1:
                raise ValueError("a schedule is at least 1ms long")
        else:
            self.after(0, zoneinfo.ZoneInfo("UTC"))

    def after(self, moment: int, zone: zoneinfo.ZoneInfo) -> int:
        """Return the first tick after a moment; both in milliseconds since 1970.

        Intervals are counted from 1970, so all hosts have the same ticks. When clocks are changed, cron's
        times are those of Debian's cron: a tick in the hour that is left out runs after it, one in the hour
        that is repeated runs once.

        :raises ValueError: when the fields are not those of cron, or never come.
        """
        if self._interval is not None:
            return (moment // self._interval + 1) * self._interval
        import cronsim

        start = datetime.datetime.fromtimestamp(moment / 1000, zone)
        try:
            following: datetime.datetime = next(cronsim.CronSim(self.every, start))
        except cronsim.CronSimError as error:
            raise ValueError(f"{self.every!r} is no interval and no schedule of cron: {error}") from None
        except StopIteration:
            raise ValueError(f"{self.every!r} never comes") from None
        return math.floor(following.timestamp() * 1000)
