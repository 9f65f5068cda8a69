"""Commands as a person types them."""

from click.testing import CliRunner

from workbench.cli import main


def runner_in(folder):
    """Return a function that runs a command in a workspace and returns its output."""

    def run(*words, code=0):
        result = CliRunner().invoke(main, [*words, "-w", str(folder)])
        assert result.exit_code == code, result.output
        return result.output

    return run
