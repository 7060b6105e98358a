"""Find out whether there are credentials for S3, in the places where the AWS library looks for them.

Without any, it would send requests unsigned, and a bucket that takes such writes is open to everybody. The metadata
service of an EC2 machine is not asked: its role's credentials have to be exported.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from pathlib import Path

_IN_A_PROFILE = {"aws_access_key_id", "role_arn", "credential_process", "sso_session", "sso_start_url",
                 "web_identity_token_file"}


def credentials_source(environment: Mapping[str, str]) -> str | None:
    """Return where the credentials come from, as words; None if there are none. Reads no secret."""
    if environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        return "AWS_ACCESS_KEY_ID"
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") and environment.get("AWS_ROLE_ARN"):
        return "AWS_WEB_IDENTITY_TOKEN_FILE"
    for name in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        if environment.get(name):
            return name
    return _profile(environment)


def _profile(environment: Mapping[str, str]) -> str | None:
    """Return the file of the chosen profile, if that has credentials."""
    name = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    home = Path(environment.get("HOME") or "~").expanduser()
    files = (environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials",
             environment.get("AWS_CONFIG_FILE") or home / ".aws" / "config")
    for file in map(Path, files):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
        for section in (name, f"profile {name}"):
            if parser.has_section(section) and _IN_A_PROFILE & set(parser.options(section)):
                return str(file)
    return None
