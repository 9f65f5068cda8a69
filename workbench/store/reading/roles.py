"""Whose roles allow a purpose, who acts as an officer, and who agrees to what by the register.

The operating system vouches for its users and groups. What JupyterHub tells a kernel comes through
the environment, which the kernel's user can change, and so does ``$WORKBENCH_ROLE``: both are
recorded as self-declared.
"""

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass

from workbench.catalog import Catalog, ConsentSource
from workbench.errors import AccessRefused, InputError, Refused
from workbench.settings import Role
from workbench.store.logs.events import who

HUB_USER, HUB_GROUPS, CLAIM = "JUPYTERHUB_USER", "JUPYTERHUB_GROUPS", "WORKBENCH_ROLE"
SYSTEM, SELF = "operating system", "self-declared"
OFFICER = "officer"
EVERY = "*"


@dataclass(frozen=True)
class Account:
    """Who the operating system says is running this."""

    user: str
    groups: frozenset[str]


def account() -> Account:
    """Return the operating system's user and groups of this process."""
    import grp

    def name(number: int) -> str:
        try:
            return grp.getgrgid(number).gr_name
        except KeyError:  # a group without a name
            return f"gid-{number}"

    return Account(who(), frozenset(name(each) for each in {*os.getgroups(), os.getgid()}))


@dataclass(frozen=True)
class Held:
    """A role somebody has, and who vouches for it."""

    name: str
    vouched_by: str


def held(roles: Mapping[str, Role], account: Account, environment: Mapping[str, str]) -> list[Held]:
    """Return the roles somebody has.

    Parameters
    ----------
    roles : mapping of str to Role
        As workbench.toml declares them. A role that names neither groups nor users is anybody's
        who claims it in ``$WORKBENCH_ROLE``.
    account : Account
        Whom the operating system vouches for.
    environment : mapping
        What JupyterHub and the user say.

    Examples
    --------
    >>> declared = {"analyst": Role(groups=("crm",), purposes=("reporting",))}
    >>> held(declared, Account("ana", frozenset({"crm"})), {})
    [Held(name='analyst', vouched_by='operating system')]
    """
    hub_user = environment.get(HUB_USER, "")
    hub_groups = set(environment.get(HUB_GROUPS, "").replace(",", " ").split())
    found = []
    for name, role in roles.items():
        claimed = not role.groups and not role.users and environment.get(CLAIM) == name
        if account.user in role.users or account.groups & set(role.groups):
            found.append(Held(name, SYSTEM))
        elif claimed or hub_user in role.users or hub_groups & set(role.groups):
            found.append(Held(name, SELF))
    return found


def require_role(
    roles: Mapping[str, Role], purpose: str, account: Account, environment: Mapping[str, str]
) -> Held | None:
    """Return the role that allows a purpose, one that is vouched for first; None without roles.

    Raises
    ------
    AccessRefused
        No role of this user's allows it.
    """
    if not roles:
        return None
    mine = sorted(held(roles, account, environment), key=lambda each: each.vouched_by == SELF)
    allowed = [name for name, role in roles.items() if {purpose, EVERY} & set(role.purposes)]
    for each in mine:
        if each.name in allowed:
            return each
    purposes = sorted({p for each in mine for p in roles[each.name].purposes})
    raise AccessRefused(
        f"purpose '{purpose}' is for the roles {', '.join(allowed) or '(none)'}; "
        f"'{account.user}' has {', '.join(each.name for each in mine) or 'none of those declared'}"
        f", which may read for: {', '.join(purposes) or 'nothing'}. Roles are granted under "
        "[roles] in workbench.toml."
    )


def officers_word(act: str, reason: str, role: str | None) -> dict[str, str]:
    """Return an officer's reason, in one line, and the role it is given in, which is self-declared.

    Raises
    ------
    Refused
        Whoever acts does not claim to be an officer.
    InputError
        The reason is empty.
    """
    claimed = role or os.environ.get(CLAIM) or "analyst"
    if claimed != OFFICER:
        raise Refused(
            f"{act} is an officer's decision, and you act as '{claimed}'. An officer says "
            f"role='{OFFICER}' or sets {CLAIM}={OFFICER}; name, role and reason are recorded."
        )
    text = " ".join(reason.split())
    if not text:
        raise InputError("say why: the reason is recorded, and whoever reads the ledger sees it.")
    return {"reason": text, "role": claimed}


def recorded_sql(catalog: Catalog, source: ConsentSource, lake: str) -> str:
    """Return SQL of the register's rows, each with the withdrawal recorded of what it says.

    Where its own row has none it is the person's first for that purpose that did not come before
    the agreement: what looks at one row sees a withdrawal that stands in a row of its own.
    """
    table = catalog.tables[source.table]
    same = " AND ".join(f'w."{c}" = own."{c}"' for c in (str(table.subject_key), source.purpose))
    kinds = [table.columns[each].type for each in (source.given, source.withdrawn)]
    given = f'own."{source.given}"'
    # why its day: of a withdrawal without a time nobody can say that it came first
    given = f"CAST({given} AS DATE)" if kinds == ["timestamp", "date"] else given
    first = (
        f'SELECT min(w."{source.withdrawn}") FROM {lake}."{source.table}" AS w '
        f'WHERE {same} AND w."{source.withdrawn}" >= {given}'
    )
    return (
        f'(SELECT * REPLACE (coalesce("{source.withdrawn}", ({first})) AS "{source.withdrawn}") '
        f'FROM {lake}."{source.table}" AS own)'
    )


def agreeing_sql(
    catalog: Catalog, source: ConsentSource, now: dt.datetime, lake: str = "lake"
) -> str:
    """Return SQL of who agrees to what at a moment, each ``person`` with each ``purpose``.

    The newest agreement that is not withdrawn in its own row must be younger than every one that
    was, and than every withdrawal that stands in a row of its own. What is not known to have come
    after a withdrawal counts as withdrawn.

    Parameters
    ----------
    now : datetime
        As the clocks of the workspace's time zone show it, in which moments stand in tables.
    lake : str
        Which snapshot.
    """
    table = catalog.tables[source.table]
    given, withdrawn = (f'CAST("{each}" AS TIMESTAMP)' for each in (source.given, source.withdrawn))
    moment = f"TIMESTAMP '{now.replace(tzinfo=None).isoformat(sep=' ')}'"
    over = f"{withdrawn} <= {moment}"
    agreed = f"max({given}) FILTER ({given} <= {moment} AND ({over}) IS NOT TRUE)"
    kinds = [table.columns[each].type for each in (source.given, source.withdrawn)]
    # why the end of its day: of a withdrawal without a time nobody can say that it came first
    until = f"{withdrawn} + INTERVAL 1 DAY" if kinds == ["timestamp", "date"] else withdrawn
    # why by customer: a register without a key has a withdrawal in a row of its own
    return (
        f'SELECT person, purpose FROM (SELECT "{table.subject_key}" AS person, '
        f'CAST("{source.purpose}" AS VARCHAR) AS purpose, {agreed} AS agreed, '
        f"max({until}) FILTER ({over}) AS last_withdrawn, "
        f"max(coalesce({given}, {withdrawn})) FILTER ({over}) AS last_over "
        f'FROM {lake}."{source.table}" GROUP BY ALL) WHERE agreed IS NOT NULL '
        "AND coalesce(agreed >= last_withdrawn, true) AND coalesce(agreed > last_over, true)"
    )
