"""Turn the launch form's choice of seeds and values into a plan of runs. Pure: no Streamlit."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.view_models.launch_request import form_settings
from store.config_metadata import Setting
from store.run_config import InvalidConfig, RunConfig
from store.config_checks import check
from store.presets import implied_changes
from store.sweep import SweepPlan, may_vary, plan_runs, seeds_from, takes_several, values_from


@dataclass(frozen=True)
class SweepChoice:
    """What the form says about several runs, as typed."""

    seeds: str = ""
    draws: bool = False
    varied: str = ""
    """Name of the setting to vary; empty for none."""
    values: str = ""
    group: str = ""

    @property
    def several(self) -> bool:
        """Whether it asks for a group of runs."""
        return bool(self.seeds or self.varied)


def settings_to_vary() -> dict[str, Setting]:
    """Return the settings of the form that runs of one group may differ in, by name."""
    return {setting.name: setting for setting in form_settings() if may_vary(setting) and takes_several(setting)}


def plan_from(config: RunConfig, choice: SweepChoice) -> SweepPlan:
    """Return the plan of the form's configuration with the chosen seeds and values.

    Raises:
        InvalidConfig: with one sentence for every fault.
    """
    setting = settings_to_vary().get(choice.varied)
    values = values_from(setting, choice.values) if setting else ()
    if setting and len(values) < 2:
        raise InvalidConfig([f"{setting.name} has {len(values)} value{'s' * (len(values) != 1)}: name two or more with "
                             "commas between, or choose no setting to vary"])

    def make(point: Mapping[str, Any]) -> RunConfig:
        return check(dataclasses.replace(config, **implied_changes(config, point) | dict(point)))

    return plan_runs(make, {setting.name: values} if setting else {}, seeds_from(choice.seeds or "1", config.seed),
                     choice.draws, choice.group)
