"""Commands that open a workspace to look at: JupyterLab, the published folder in a browser."""

from __future__ import annotations

import click

from workbench.cli.common import in_workspace, opened


@click.command(context_settings={"ignore_unknown_options": True})
@in_workspace
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab(workspace: str | None, arguments: tuple[str, ...]) -> None:
    """Open JupyterLab on the workspace; further words go to 'jupyter lab'."""
    from workbench.lab import lab as open_lab

    open_lab(opened(workspace).settings, arguments)


@click.command()
@in_workspace
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port to listen on; a free one when left out.",
)
def serve(workspace: str | None, port: int) -> None:
    """Show the published folder on this machine only, with the headers its server should send."""
    from workbench.reporting.serve import serve as start

    with start(opened(workspace).settings.path("published"), port) as server:
        host, bound = server.server_address[:2]
        click.echo(f"http://{host!s}:{bound}/ shows what is published. Stop with Ctrl+C.")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("Stopped.")


COMMANDS = [lab, serve]
