"""The current user and role: from the sign-in, a reverse proxy's header, or the server address.

Configured by environment variables, read at each call:
DASHBOARD_OPERATORS and DASHBOARD_REVIEWERS (user names, separated by commas), DASHBOARD_USER_HEADER (the header in
which a reverse proxy passes the user name), DASHBOARD_ROLE (the role of users without a name).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from store.permissions import Role

LOOPBACK = ("127.0.0.1", "localhost", "::1")
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via",
             "Cf-Connecting-Ip", "True-Client-Ip", "X-Forwarded-User", "X-Forwarded-Email", "Remote-User")
"""Headers that reverse proxies add: a request with one of them is remote, even if the proxy is local."""
ANONYMOUS = "dashboard"


PROXY_NOTE = ("This page is served through a reverse proxy, but the header with the user name is not configured: set "
              "`DASHBOARD_USER_HEADER` and `DASHBOARD_OPERATORS`, or `DASHBOARD_ROLE` for all users, in the "
              "environment of the dashboard.")


@dataclass(frozen=True)
class User:
    """The user of a session; `name` is recorded in the events of the user's commands."""

    name: str
    role: Role
    may_sign_in: bool = False
    through_a_proxy: bool = False
    """The request came through a proxy, and no user header is configured."""


def current_user() -> User:
    """The user of this session."""
    user = st.user.to_dict()
    name = str(user.get("email") or user.get("name") or "") if user.get("is_logged_in") else ""
    header = os.environ.get("DASHBOARD_USER_HEADER")
    headers = st.context.headers  # once: Streamlit builds all of them at each access
    if header and not name:
        name = headers.get(header) or ""
    signs_in = "is_logged_in" in user
    proxied = any(headers.get(name) for name in FORWARDED)
    shared = signs_in or bool(header) or proxied or st.get_option("server.address") not in LOOPBACK
    return User(name or ANONYMOUS, role_of(name, shared, os.environ), signs_in and not user.get("is_logged_in"),
                proxied and not header and not signs_in)


def role_of(name: str, shared: bool, settings: Mapping[str, str]) -> Role:
    """The role of a user: by the configured lists; without a name, operator only on an unshared local dashboard."""
    def listed(key: str) -> set[str]:
        return {item.strip().casefold() for item in settings.get(key, "").split(",") if item.strip()}
    if name:
        known = {Role.OPERATOR: listed("DASHBOARD_OPERATORS"), Role.REVIEWER: listed("DASHBOARD_REVIEWERS")}
        return next((role for role, names in known.items() if name.casefold() in names), Role.VIEWER)
    wanted = settings.get("DASHBOARD_ROLE", "viewer" if shared else "operator").casefold()
    return next((role for role in Role if role.value == wanted), Role.VIEWER)


def sign_in() -> None:
    """Draw the sign-in or sign-out button, if sign-in is configured, and the limits of the user's role."""
    person = current_user()
    if person.may_sign_in:
        st.button("Sign in", icon=":material/login:", on_click=st.login, width="stretch", key="sign in")
    elif person.name != ANONYMOUS:
        st.text(f"{person.name} ({person.role.value})")
        if st.user.to_dict().get("is_logged_in"):
            st.button("Sign out", icon=":material/logout:", on_click=st.logout, width="stretch", key="sign out")
    if person.role is not Role.OPERATOR:
        st.caption(f"Your role is {person.role.value}: only operators can launch, stop and delete runs.")
        if person.through_a_proxy:
            st.caption(PROXY_NOTE)
