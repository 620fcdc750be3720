"""Refuse a campaign before any work starts, for what only a look at its local rows can tell."""

from __future__ import annotations

from pathlib import Path

import yaml

from scalearn.campaign import Campaign
from scalearn.errors import UserError


def check_campaign(path: Path) -> Campaign:
    """Return the campaign of the file `path`, checked as far as this machine can tell."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())}); mend the file") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: a campaign is a list of `key: value`; see config.yaml")
    campaign = Campaign.parse(content, str(path))
    campaign.check_files(str(path))
    check_rows(campaign)
    return campaign


def check_rows(campaign: Campaign) -> None:
    """Refuse local tasks whose columns or labels are not as their definition says."""
    local = [name for name in campaign.tasks if campaign.origin(name) in ("mirror", "files")]
    if local:
        from scalearn.tasks.prepare import check

        mirror = campaign.config.mirror
        for name in local:
            check(name, campaign.tasks[name], Path(mirror) if mirror else None)
