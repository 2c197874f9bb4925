"""What ``debonair.web.metrics_files`` relies on in prometheus_client beyond its documentation."""

from __future__ import annotations

import importlib.metadata
import inspect
from bisect import bisect_left
from pathlib import Path
from typing import Any

import prometheus_client.values
from prometheus_client import Counter, Gauge, Histogram, multiprocess
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector

HINT = (
    f"prometheus-client {importlib.metadata.version('prometheus-client')}: adapt debonair.web.metrics_files"
)


def test_values_look_for_the_class_of_files_in_their_module() -> None:
    source = inspect.getsource(prometheus_client.values.MultiProcessValue)
    assert "files[file_prefix] = MmapedDict(filename)" in source, HINT
    assert "'{}_{}.db'.format(file_prefix, pid['value'])" in source, HINT
    assert "file_prefix = typ + '_' + multiprocess_mode" in source, HINT


def test_metrics_have_the_values_that_are_counted_directly() -> None:
    for made in (
        Gauge("direct_gauge", "-", registry=None),
        Counter("direct_counter", "-", ["a"], registry=None).labels("b"),
    ):
        value: Any = made._value
        value.inc(2)
        assert value.get() == 2, HINT.replace("metrics_files", "metrics")


def test_file_is_grown_where_it_is_reserved_first(tmp_path: Path) -> None:
    assert str(inspect.signature(MmapedDict.__init__)) == "(self, filename, read_mode=False)", HINT
    assert str(inspect.signature(MmapedDict._init_value)) == "(self, key)", HINT
    assert "self._init_value(key)" in inspect.getsource(MmapedDict.write_value), HINT
    assert "self._init_value(key)" in inspect.getsource(MmapedDict.read_value), HINT
    file: Any = MmapedDict(str(tmp_path / "counter_1.db"))  # type: ignore[no-untyped-call]
    assert (file._capacity, file._used, file._f.fileno() > 0, len(file._m)) == (2**16, 8, True, 2**16), HINT
    file.write_value("é", 1.5, 2.5)
    assert file._used - 8 <= 4 * len("é") + 64, HINT
    file.close()
    read: Any = MmapedDict.read_all_values_from_file(str(tmp_path / "counter_1.db"))  # type: ignore[no-untyped-call]
    assert [entry[:3] for entry in read] == [("é", 1.5, 2.5)], HINT


def test_merge_reads_files_by_name(tmp_path: Path) -> None:
    assert list(inspect.signature(MultiProcessCollector.merge).parameters) == ["files", "accumulate"], HINT
    assert str(inspect.signature(multiprocess.mark_process_dead)) == "(pid, path=None)", HINT
    source = inspect.getsource(MultiProcessCollector._read_metrics)
    assert "os.path.basename(f).split('_')" in source and "pid = parts[2][:-3]" in source, HINT


def test_buckets_of_a_histogram_can_be_counted_directly() -> None:
    direct, observed = (Histogram(name, "-", registry=None) for name in ("direct", "observed"))
    times = (0.0, 0.005, 0.3, 100.0)
    parts: Any = direct
    for seconds in times:
        observed.observe(seconds)
        parts._sum.inc(seconds)
        parts._buckets[bisect_left(parts._upper_bounds, seconds)].inc(1)
    found = [[(s.name.partition("_")[2], s.labels, s.value) for m in each.collect() for s in m.samples
              if not s.name.endswith("_created")] for each in (direct, observed)]  # fmt: skip
    assert found[0] == found[1], HINT.replace("metrics_files", "metrics")
