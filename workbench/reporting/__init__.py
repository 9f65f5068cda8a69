"""From a notebook to published pages: definitions, runs, the exporter, editions, the index.

Here are the variables by which a run tells the kernel of its notebook what it is run for.
"""

import os

SNAPSHOT = "WORKBENCH_SNAPSHOT"
RUN_REPORT, RUN_SHARE = "WORKBENCH_RUN_REPORT", "WORKBENCH_RUN_SHARE"
PLAN_FILE, PRICES_FILE = "WORKBENCH_PLAN", "WORKBENCH_PRICES"
ANSWERS_FILE = "WORKBENCH_ANSWERS"
CATALOG_FILE = "WORKBENCH_CATALOG"
REUSE_ANSWERS = "WORKBENCH_REUSE_ANSWERS"
EARLIER = " earlier"  # after an answer's id in that file: it was given before the data changed


def of_a_report() -> bool:
    """Return whether this process runs a report, or plans one."""
    return RUN_REPORT in os.environ or PLAN_FILE in os.environ
