"""Jobs: what it costs to enqueue one, how many of them a worker does, beside dramatiq and Celery, and idling.

The job does nothing but append a byte to a file. Throughput is of one process with four threads whose jobs
are all there before it starts. Processor time is that of the worker, without database and broker.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.bench.environments import python_of
from tests.bench.peers import DIRECTORY, Peer
from tests.faults import postgresql, rabbitmq
from tests.faults.sample import children, wait_for
from tests.jobs.workers import SampleWorker

DRAMATIQ = Peer("dramatiq, RabbitMQ", "jobs_of_peers", ("dramatiq[rabbitmq]==2.2.1",))
CELERY = Peer("Celery, RabbitMQ", "jobs_of_peers", ("celery==5.6.2",))

DOT = """

@debonair.job(keep="0s")
def dot() -> None:
    os.write(DONE, b".")


DONE = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND)
"""

ENQUEUE = """
import statistics, time
import sqlalchemy as sa
from debonair.jobs.table import JOBS
from example_service import jobs
from example_service.models import CheckIn
import datetime

row = {"name": "nothing", "arguments": "{}", "state": "queued", "priority": 0, "due": 1, "attempts": 0,
       "failures": 0, "crashes": 0, "created": 1}

def orm():
    db.session.add(CheckIn(user="ann", at=datetime.datetime.now(datetime.UTC)))
    db.session.flush()

def core():
    db.session.execute(sa.insert(JOBS).values(row))

def cost(function, count=500):
    began = time.process_time()
    for _ in range(count):
        function()
    return (time.process_time() - began) / count * 1e6

for function in (orm, core, jobs.nothing.enqueue):
    cost(function)
found = [[cost(function) for function in (jobs.nothing.enqueue, orm, core)] for _ in range(%d)]
db.session.rollback()
print(*(statistics.median(column) for column in zip(*found)))
"""


def tree(pid: int) -> float:
    """Return the processor seconds that a process, its children and all their threads have had."""
    pids = {pid, *children(pid)}
    texts = [path.read_text() for one in pids for path in Path(f"/proc/{one}/task").glob("*/schedstat")]
    return sum(int(text.split()[0]) for text in texts) / 1e9


@contextmanager
def _worker_of_peer(peer: Peer, kind: str, environment: dict[str, str]) -> Iterator[int]:
    python = python_of(peer)
    arguments = {
        "dramatiq": ["-m", "dramatiq", "--processes", "1", "--threads", "4", "jobs_of_peers"],
        "celery": ["-m", "celery", "-A", "jobs_of_peers", "worker", "--pool", "threads", "-c", "4",
                   "--without-gossip", "--without-mingle"],
    }[kind]  # fmt: skip
    process = subprocess.Popen(
        [python, *arguments], cwd=DIRECTORY, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _until_done(file: Path, count: int, begin: Callable[[], int]) -> tuple[float, float]:
    """Return jobs a second and microseconds of the processor per job; ``begin`` starts the worker."""
    pid = begin()
    wait_for(lambda: file.stat().st_size >= count // 20, "the first jobs are done")
    first, used, began = file.stat().st_size, tree(pid), time.perf_counter()
    wait_for(lambda: file.stat().st_size >= count, "all jobs are done", 600)
    took = time.perf_counter() - began
    return (count - first) / took, (tree(pid) - used) / (count - first) * 1e6


def _ours(sample: SampleWorker, count: int) -> tuple[float, float]:
    sample.python(
        f"from example_service import jobs\nfor _ in range({count}): jobs.dot.enqueue()\ndb.session.commit()"
    )
    found = _until_done(sample.ledger, count, lambda: sample.work().pid)
    sample.stop()
    return found


def _theirs(peer: Peer, kind: str, broker: rabbitmq.Broker, scratch: Path, count: int) -> tuple[float, float]:
    done = scratch / kind
    done.touch()
    own = {"BENCH_BROKER": broker.uri(), "BENCH_DONE": str(done), "BENCH_KIND": kind}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | own
    with ExitStack() as stack:
        command = [python_of(peer), str(DIRECTORY / "jobs_of_peers.py"), kind, "enqueue", str(count)]
        subprocess.run(command, env=environment, check=True)
        begin = stack.enter_context
        return _until_done(done, count, lambda: begin(_worker_of_peer(peer, kind, environment)))


def _idle(sample: SampleWorker, seconds: float) -> float:
    """Return the share of a processor that an idle worker uses, in percent."""
    pid = sample.work().pid
    time.sleep(2)  # its start is over
    before = tree(pid)
    time.sleep(seconds)
    share = (tree(pid) - before) / seconds * 100
    sample.stop()
    return share


def bench_jobs(scratch: Path, quick: bool) -> None:
    """Print what a job costs to enqueue, how many a worker does, and what an idle worker costs."""
    scratch = scratch / "jobs"
    scratch.mkdir()
    with ExitStack() as stack:
        cluster, broker = postgresql.Cluster(), rabbitmq.Broker()
        stack.callback(cluster.remove)
        stack.callback(broker.remove)
        cluster.start()
        broker.start()
        libraries = rabbitmq.libraries(postgresql.libraries(scratch))

        def sample(name: str, **options: object) -> SampleWorker:
            made = SampleWorker(
                scratch / name, None, source=DOT, libraries=libraries, health_interval="5s", **options
            )
            made.migrate()
            stack.callback(made.stop)
            return made

        services = {
            "SQLite": sample("sqlite"),
            "PostgreSQL": sample("postgresql", **cluster.options(cluster.create())),
            "PostgreSQL and RabbitMQ": sample(
                "rabbitmq", jobs_broker=broker.uri(), **cluster.options(cluster.create())
            ),
        }
        _bench_enqueue(services, quick)
        _bench_throughput(services, broker, scratch, 2_000 if quick else 20_000)
        for name, service in services.items():
            share = statistics.median(_idle(service, 5 if quick else 20) for _ in range(1 if quick else 3))
            print(f"{'idle worker, ' + name:<58} {share:>9.2f} {'':>9} {'% CPU':<6}", flush=True)


def _bench_enqueue(services: dict[str, SampleWorker], quick: bool) -> None:
    for name in ("SQLite", "PostgreSQL"):
        costs = services[name].python(ENQUEUE % (3 if quick else 9))
        ours, orm, core = map(float, costs.split()[-3:])
        for title, theirs in (("an INSERT of the ORM", orm), ("an INSERT of the same row", core)):
            what = f"{name}: enqueue / {title}"
            print(f"{what:<58} {ours:>9.0f} {theirs:>9.0f} {'us':<6} {ours / theirs:>6.2f}", flush=True)


def _bench_throughput(
    services: dict[str, SampleWorker], broker: rabbitmq.Broker, scratch: Path, count: int
) -> None:
    rates = {name: _ours(service, count) for name, service in services.items()}
    theirs = {
        peer.title: _theirs(peer, kind, broker, scratch, count)
        for peer, kind in ((DRAMATIQ, "dramatiq"), (CELERY, "celery"))
    }
    for name, (rate, used) in rates.items():
        for title, (other_rate, other_used) in theirs.items():
            what = f"jobs a second: {name} / {title}"
            print(f"{what:<58} {rate:>9.0f} {other_rate:>9.0f} {'1/s':<6} {rate / other_rate:>6.2f}")
            what = f"processor per job: {name} / {title}"
            print(
                f"{what:<58} {used:>9.0f} {other_used:>9.0f} {'us':<6} {used / other_used:>6.2f}", flush=True
            )
