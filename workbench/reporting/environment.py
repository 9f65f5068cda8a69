"""Variables by which a run tells the kernel of its notebook what it is run for."""

SNAPSHOT = "WORKBENCH_SNAPSHOT"
RUN_REPORT, RUN_SHARE = "WORKBENCH_RUN_REPORT", "WORKBENCH_RUN_SHARE"
PLAN_FILE, PRICES_FILE = "WORKBENCH_PLAN", "WORKBENCH_PRICES"
