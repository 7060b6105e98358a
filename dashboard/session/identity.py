"""Who is looking, and in which role: from a sign-in, from a reverse proxy's header, or from where the page is served.

The settings are environment variables, read anew each time:
DASHBOARD_OPERATORS and DASHBOARD_REVIEWERS (names, separated by commas), DASHBOARD_USER_HEADER (the header in which a
reverse proxy hands the name over), DASHBOARD_ROLE (the role of whoever has no name).
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
"""Headers that reverse proxies add: with one of them whoever looks came over a network, though the proxy is local."""
ANONYMOUS = "dashboard"


PROXY_NOTE = ("This page came through a reverse proxy, and it was not said in which header the proxy names people: set "
              "`DASHBOARD_USER_HEADER` and `DASHBOARD_OPERATORS`, or `DASHBOARD_ROLE` for everybody, where the "
              "dashboard is started.")


@dataclass(frozen=True)
class User:
    """Whoever looks at the page; `name` stands in the events of what they ask."""

    name: str
    role: Role
    may_sign_in: bool = False
    through_a_proxy: bool = False
    """A proxy brought them here, and nobody said in which header it names people."""


def current_user() -> User:
    """The person of this session."""
    user = st.user.to_dict()
    name = str(user.get("email") or user.get("name") or "") if user.get("is_logged_in") else ""
    header = os.environ.get("DASHBOARD_USER_HEADER")
    if header and not name:
        name = st.context.headers.get(header) or ""
    signs_in = "is_logged_in" in user
    proxied = any(st.context.headers.get(one) for one in FORWARDED)
    shared = signs_in or bool(header) or proxied or st.get_option("server.address") not in LOOPBACK
    return User(name or ANONYMOUS, role_of(name, shared, os.environ), signs_in and not user.get("is_logged_in"),
                proxied and not header and not signs_in)


def role_of(name: str, shared: bool, settings: Mapping[str, str]) -> Role:
    """A named person's role stands in the lists; without a name one is an operator only where nothing is shared."""
    def listed(key: str) -> set[str]:
        return {item.strip().casefold() for item in settings.get(key, "").split(",") if item.strip()}
    if name:
        known = {Role.OPERATOR: listed("DASHBOARD_OPERATORS"), Role.REVIEWER: listed("DASHBOARD_REVIEWERS")}
        return next((role for role, names in known.items() if name.casefold() in names), Role.VIEWER)
    wanted = settings.get("DASHBOARD_ROLE", "viewer" if shared else "operator").casefold()
    return next((role for role in Role if role.value == wanted), Role.VIEWER)


def sign_in() -> None:
    """The way in and out, where a sign-in is set up; and what a viewer may not do."""
    person = current_user()
    if person.may_sign_in:
        st.button("Sign in", icon=":material/login:", on_click=st.login, width="stretch", key="sign in")
    elif person.name != ANONYMOUS:
        st.text(f"{person.name} ({person.role.value})")
        if st.user.to_dict().get("is_logged_in"):
            st.button("Sign out", icon=":material/logout:", on_click=st.logout, width="stretch", key="sign out")
    if person.role is not Role.OPERATOR:
        st.caption(f"You look at this as a {person.role.value}: launching, stopping and deleting is for operators.")
        if person.through_a_proxy:
            st.caption(PROXY_NOTE)
