"""Processes that share nothing but what one process has imported for them, as forked kernels do."""

import multiprocessing

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        "ibis.backends.duckdb",
        "workbench.lifecycle.backups.restoring",
        "workbench.lifecycle.facts",
        "workbench.lifecycle.rights.erasure",
        "workbench.privacy.releasing",
        "workbench.store.loading.ingest",
        "workbench.workspace",
    ]
)
