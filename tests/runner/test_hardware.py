"""The memory plan: pure, so every machine can be tried on this one."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from runner import hardware
from runner.hardware import GB, Machine, PrecisionProbe, ladder, plan_for
from runner.student.errors import OutOfMemory
from store.config import PRESETS, RunConfig, preset

PHI_2 = 2_780_000_000
CPU = Machine(2, 24 * GB, 22 * GB, None, 0, 0, ("avx512_bf16",))
GPU = dataclasses.replace(CPU, gpu="RTX 3060", gpu_free_bytes=6 * GB, gpu_total_bytes=8 * GB)
BF16 = PrecisionProbe(100.0, 200.0, "bf16", "measured 200 GFLOP/s in bf16 and 100 in fp32")
FP32 = PrecisionProbe(100.0, 40.0, "fp32", "measured 40 GFLOP/s in bf16 and 100 in fp32")


def test_the_cpu_takes_the_precision_that_the_probe_found_faster() -> None:
    assert plan_for(RunConfig(), CPU, BF16).precision == "bf16"
    assert plan_for(RunConfig(), CPU, FP32).precision == "fp32"


def test_the_reason_is_a_sentence_with_the_numbers() -> None:
    reason = plan_for(RunConfig(), CPU, BF16).reason
    assert "no GPU, 2 cores and 22.0 GB of RAM free" in reason
    assert "200 GFLOP/s" in reason and "batch 4 x 1" in reason


@pytest.mark.parametrize(("free", "device"), [(4 * GB, "cuda"), (4 * GB - 1, "cpu")])
def test_four_gb_of_free_gpu_memory_is_the_border(free: int, device: str) -> None:
    machine = dataclasses.replace(GPU, gpu_free_bytes=free)
    assert plan_for(PRESETS["phi-2"], machine, BF16, PHI_2).device == device


def test_phi_2_fits_the_gpu_in_four_bits_under_its_cap() -> None:
    plan = plan_for(PRESETS["phi-2"], GPU, BF16, PHI_2)
    assert (plan.device, plan.precision, plan.batch_size, plan.gradient_accumulation) == ("cuda", "nf4", 1, 4)
    assert "6.0 GB free, capped at 3 GB" in plan.reason


def test_auto_takes_four_bits_where_gpu_memory_is_little() -> None:
    asked = preset("embedded", student="microsoft/phi-2")
    assert plan_for(asked, GPU, BF16, PHI_2).precision == "nf4"
    assert plan_for(asked, dataclasses.replace(GPU, gpu_free_bytes=20 * GB), BF16, PHI_2).precision == "bf16"


def test_four_bits_on_the_cpu_only_where_asked_or_where_ram_is_short() -> None:
    asked = preset("embedded", student="microsoft/phi-2")
    assert plan_for(asked, CPU, BF16, PHI_2).precision == "bf16"
    assert plan_for(asked, dataclasses.replace(CPU, ram_available_bytes=6 * GB), BF16, PHI_2).precision == "nf4"
    assert plan_for(preset("embedded", precision="nf4"), CPU, BF16).precision == "nf4"


def test_every_rung_sees_as_many_examples_a_step_as_asked() -> None:
    asked = preset("embedded", batch_size=4, gradient_accumulation=2)
    rungs = ladder(asked, GPU, FP32, 135_000_000)
    assert {plan.batch_size * plan.gradient_accumulation for plan in rungs} == {8}


def test_the_ladder_goes_from_gpu_to_cpu_and_from_large_to_small() -> None:
    rungs = ladder(RunConfig(), GPU, FP32, 135_000_000)
    assert [(plan.device, plan.precision, plan.batch_size) for plan in rungs] == [
        ("cuda", "bf16", 4), ("cuda", "bf16", 1), ("cuda", "nf4", 4), ("cuda", "nf4", 1),
        ("cpu", "fp32", 4), ("cpu", "fp32", 1), ("cpu", "bf16", 4), ("cpu", "bf16", 1), ("cpu", "nf4", 4),
        ("cpu", "nf4", 1)]
    assert plan_for(RunConfig(), GPU, FP32, 135_000_000, rung=4) == rungs[4]


def test_where_nothing_fits_it_refuses_with_the_numbers_and_the_way_out() -> None:
    small = dataclasses.replace(CPU, ram_available_bytes=1 * GB)
    with pytest.raises(OutOfMemory, match=r"1\.0 GB of free RAM.*smaller student such as 'embedded'"):
        plan_for(PRESETS["phi-2"], small, BF16, PHI_2)


def test_the_ladder_ends() -> None:
    with pytest.raises(OutOfMemory, match="rung 99"):
        plan_for(RunConfig(), CPU, BF16, rung=99)


def test_this_machine_is_measured() -> None:
    machine = hardware.measure()
    assert machine.cores >= 1
    assert 0 < machine.ram_available_bytes <= machine.ram_total_bytes
    memory = hardware.memory_now()
    assert 0 < memory.rss_bytes <= memory.peak_rss_bytes


def test_the_probe_is_short_and_remembered() -> None:
    probe = hardware.probe_precision()
    assert probe.fp32_gflops > 0 and probe.bf16_gflops > 0
    assert probe.faster in ("fp32", "bf16")
    assert hardware.probe_precision() is probe


def test_light_modules_do_not_import_heavy_libraries() -> None:
    code = ("import sys, runner.hardware, runner.student, runner.judge, runner.student.bundled, runner.judge.lexical; "
            "sys.exit(bool({'torch', 'transformers', 'ragas', 'peft', 'trl'} & set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
