"""The memory plan: pure, so every machine can be tried on this one."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from runner import hardware
from runner.hardware import (
    EMBEDDED, GB, InsufficientMemory, Machine, ModelDimensions, NoSmallerPlan, PrecisionProbe, candidate_plans,
    plan_for, precision_benchmark,
)
from runner.hardware.machine import cgroup_memory
from runner.hardware.memory_estimate import estimate_memory
from store.presets import PRESETS
from tests.plain_runs import plain_run

PHI_2 = ModelDimensions(2_779_683_840, 32, 2560, 10_240, 51_200)
CPU = Machine(2, 24 * GB, 22 * GB, None, 0, 0, ("avx512_bf16",))
GPU = dataclasses.replace(CPU, gpu="RTX 3060", gpu_free_bytes=6 * GB, gpu_total_bytes=8 * GB)
BF16 = PrecisionProbe(100.0, 200.0, "bf16", "measured 200 GFLOP/s in bf16 and 100 in fp32")
FP32 = PrecisionProbe(100.0, 40.0, "fp32", "measured 40 GFLOP/s in bf16 and 100 in fp32")


def test_the_cpu_uses_the_precision_that_the_benchmark_found_faster() -> None:
    assert plan_for(plain_run(), CPU, BF16).precision == "bf16"
    assert plan_for(plain_run(), CPU, FP32).precision == "fp32"


def test_the_reason_is_a_sentence_with_the_numbers() -> None:
    reason = plan_for(plain_run(), CPU, BF16).reason
    assert "no GPU, 2 cores and 22.0 GB of RAM free" in reason
    assert "200 GFLOP/s" in reason and "batch 4 x 1" in reason


def test_a_precision_that_is_much_slower_here_says_by_how_much() -> None:
    without = PrecisionProbe(128.0, 0.9, "fp32", "measured 1 GFLOP/s in bf16 and 128 in fp32")
    reason = plan_for(plain_run(precision="bf16"), CPU, without).reason
    assert "bf16 requested, 142 times slower than fp32 here (measured 1 GFLOP/s in bf16 and 128 in fp32)" in reason
    for precision, probe in (("bf16", BF16), ("fp32", without)):
        assert "slower" not in plan_for(plain_run(precision=precision), CPU, probe).reason


@pytest.mark.parametrize(("free", "device"), [(4 * GB, "cuda"), (4 * GB - 1, "cpu")])
def test_the_gpu_needs_four_gb_of_free_memory(free: int, device: str) -> None:
    machine = dataclasses.replace(GPU, gpu_free_bytes=free)
    assert plan_for(PRESETS["phi-2"], machine, BF16, PHI_2).device == device


def test_phi_2_fits_the_gpu_in_four_bits_under_its_cap() -> None:
    plan = plan_for(PRESETS["phi-2"], GPU, BF16, PHI_2)
    assert (plan.device, plan.precision, plan.batch_size, plan.gradient_accumulation) == ("cuda", "nf4", 1, 4)
    assert "6.0 GB free, capped at 3 GB" in plan.reason


def test_auto_takes_four_bits_where_gpu_memory_is_little() -> None:
    asked = plain_run(student="microsoft/phi-2")
    assert plan_for(asked, GPU, BF16, PHI_2).precision == "nf4"
    assert plan_for(asked, dataclasses.replace(GPU, gpu_free_bytes=20 * GB), BF16, PHI_2).precision == "bf16"


def test_four_bits_on_the_cpu_only_where_asked_or_where_ram_is_short() -> None:
    asked = plain_run(student="microsoft/phi-2")
    assert plan_for(asked, CPU, BF16, PHI_2).precision == "bf16"
    assert plan_for(asked, dataclasses.replace(CPU, ram_available_bytes=6 * GB), BF16, PHI_2).precision == "nf4"
    assert plan_for(plain_run(precision="nf4"), CPU, BF16).precision == "nf4"


def test_every_plan_has_as_many_examples_per_step_as_configured() -> None:
    asked = plain_run(batch_size=4, gradient_accumulation=2)
    plans = candidate_plans(asked, GPU, FP32, EMBEDDED)
    assert {plan.batch_size * plan.gradient_accumulation for plan in plans} == {8}


def test_the_memory_ladder_goes_from_gpu_to_cpu_and_from_large_to_small() -> None:
    plans = candidate_plans(plain_run(), GPU, FP32, EMBEDDED)
    assert [(plan.device, plan.precision, plan.batch_size) for plan in plans] == [
        ("cuda", "bf16", 4), ("cuda", "bf16", 1), ("cuda", "nf4", 4), ("cuda", "nf4", 1), ("cuda", "nf4", 1),
        ("cuda", "nf4", 1), ("cpu", "fp32", 4), ("cpu", "fp32", 1), ("cpu", "bf16", 4), ("cpu", "bf16", 1),
        ("cpu", "nf4", 4), ("cpu", "nf4", 1)]
    assert [plan.sequence_tokens for plan in plans[3:7]] == [None, 256, 128, None]
    assert [plan.index for plan in plans] == list(range(12))
    assert plan_for(plain_run(), GPU, FP32, EMBEDDED, first_index=4) == plans[4]


def test_where_nothing_fits_it_refuses_with_the_numbers_and_the_way_out() -> None:
    small = dataclasses.replace(CPU, ram_available_bytes=1 * GB)
    with pytest.raises(InsufficientMemory,
                       match=r"1\.0 GB of free RAM.*weights 1\.7.*smaller student such as 'embedded'"):
        plan_for(PRESETS["phi-2"], small, BF16, PHI_2)


def test_after_the_last_plan_of_the_memory_ladder_there_is_none() -> None:
    with pytest.raises(NoSmallerPlan, match="plan 3, the last"):
        plan_for(plain_run(), CPU, BF16, first_index=99)


def test_a_plan_keeps_its_index_whatever_fits_at_the_moment() -> None:
    """It is stored by one process and used by another, when a different amount of memory is free."""
    less = dataclasses.replace(CPU, ram_available_bytes=int(2.2 * GB))
    assert [plan.index for plan in candidate_plans(plain_run(), CPU, BF16, EMBEDDED)] == [0, 1, 2, 3]
    assert [plan.index for plan in candidate_plans(plain_run(), less, BF16, EMBEDDED)] == [1, 2, 3]
    assert plan_for(plain_run(), less, BF16, EMBEDDED).index == 1


def test_the_memory_estimate_grows_with_each_of_its_inputs() -> None:
    least = (EMBEDDED, "nf4", "cpu", 1, 128, 8)
    for index, larger in enumerate((PHI_2, "bf16", "cpu", 2, 256, 16)):
        more = (*least[:index], larger, *least[index + 1:])
        assert more == least or estimate_memory(*more).total_bytes > estimate_memory(*least).total_bytes


def test_a_gpu_without_bf16_of_its_own_takes_fp16_and_says_so() -> None:
    old = dataclasses.replace(GPU, gpu_free_bytes=20 * GB, gpu_bf16=False)
    plan = plan_for(plain_run(), old, BF16)
    assert plan.precision == "fp16" and "without bf16 of its own" in plan.reason
    assert plan_for(plain_run(), dataclasses.replace(old, gpu_bf16=True), BF16).precision == "bf16"


class FakeCuda:
    """The one function of torch.cuda that the cap needs."""

    share: float | None = None

    def set_per_process_memory_fraction(self, share: float) -> None:
        self.share = share


def test_gpu_allocation_is_capped_as_asked_and_only_on_the_gpu() -> None:
    cuda, plan = FakeCuda(), plan_for(PRESETS["phi-2"], GPU, BF16, PHI_2)
    hardware.cap_gpu(plan, 3.0, GPU, cuda)
    assert cuda.share == pytest.approx(3 / 8)
    cuda = FakeCuda()
    hardware.cap_gpu(dataclasses.replace(plan, device="cpu"), 3.0, GPU, cuda)
    hardware.cap_gpu(plan, None, GPU, cuda)
    assert cuda.share is None


def test_what_the_gpu_reports_is_in_the_measure() -> None:
    machine = hardware.measure(lambda: hardware.Gpu("T4", 14 * GB, 15 * GB, False))
    assert (machine.gpu, machine.gpu_free_bytes, machine.gpu_total_bytes, machine.gpu_bf16) == (
        "T4", 14 * GB, 15 * GB, False)
    assert hardware.measure(lambda: None).gpu is None


def test_the_tightest_cgroup_above_the_process_counts_and_file_cache_is_free(tmp_path: Path) -> None:
    inner = tmp_path / "pods" / "one"
    inner.mkdir(parents=True)
    for folder, limit, used, cache in ((tmp_path / "pods", 4 * GB, 2 * GB, GB), (inner, 8 * GB, GB, 0)):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert cgroup_memory(tmp_path, "0::/pods/one\n") == (4 * GB, 3 * GB)
    assert cgroup_memory(tmp_path, "0::/\n")[0] > 1 << 60


def test_a_version_1_cgroup_counts_too(tmp_path: Path) -> None:
    inner = tmp_path / "memory" / "docker" / "x"
    inner.mkdir(parents=True)
    (inner / "memory.limit_in_bytes").write_text(str(2 * GB))
    (inner / "memory.usage_in_bytes").write_text(str(GB))
    assert cgroup_memory(tmp_path, "12:cpu,cpuacct:/docker/x\n11:memory:/docker/x\n") == (2 * GB, GB)


def test_stage_memory_is_measured_before_after_and_at_the_peak() -> None:
    end = hardware.track_stage_memory()
    held = bytearray(200_000_000)
    del held
    first, second = end(), hardware.track_stage_memory()()
    assert first["peak_rss_bytes"] > first["rss_before_bytes"] + 190_000_000
    assert second["peak_rss_bytes"] < first["peak_rss_bytes"] - 150_000_000  # not the previous stage's
    assert first["rss_bytes"] - first["rss_before_bytes"] < 50_000_000


def test_this_machine_is_measured() -> None:
    machine = hardware.measure()
    assert machine.cores >= 1
    assert 0 < machine.ram_available_bytes <= machine.ram_total_bytes
    memory = hardware.memory_now()
    assert 0 < memory.rss_bytes <= memory.peak_rss_bytes


def test_the_benchmark_runs_once_per_process() -> None:
    probe = hardware.probe_precision()
    assert probe.fp32_gflops > 0 and probe.bf16_gflops > 0
    assert probe.faster in ("fp32", "bf16")
    assert hardware.probe_precision() is probe


def test_loading_within_loading_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now, before = iter([0.0, 10.0, 15.0]), hardware.loading_seconds()
    monkeypatch.setattr("runner.hardware.load_timer.time.monotonic", lambda: next(now))
    with pytest.raises(ValueError, match="no such file"), hardware.time_loading():
        with hardware.time_loading():
            pass
        raise ValueError("no such file")  # what failed took its time too
    assert hardware.loading_seconds() == before + 15.0


def test_the_benchmark_is_cached_for_this_processor_and_this_torch(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, rates = tmp_path / "models" / "precision.json", iter([100.0, 500.0, 90.0, 80.0, 70.0, 60.0])
    monkeypatch.setattr(precision_benchmark, "_matmul_gflops", lambda dtype: next(rates))
    measure = precision_benchmark.probe_precision.__wrapped__
    first, cached = measure(file), measure(file)
    assert (cached.fp32_gflops, cached.bf16_gflops, cached.faster) == (100.0, 500.0, "bf16") == (
        first.fp32_gflops, first.bf16_gflops, first.faster)
    assert cached.reason.startswith(f"{first.reason} on 20")  # with the date when it was measured
    monkeypatch.setattr(precision_benchmark, "_conditions", lambda: {"processor": "another"})
    assert measure(file).fp32_gflops == 90.0
    file.write_text('{"conditions": {"processor": "another"}, "found": 3}')
    assert measure(file).fp32_gflops == 70.0


def test_light_modules_do_not_import_heavy_libraries() -> None:
    code = ("import sys, runner.hardware, runner.student, runner.judge, runner.student.models.bundled, "
            "runner.judge.fact_recall; "
            "sys.exit(bool({'torch', 'transformers', 'ragas', 'peft', 'trl'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
