"""A reader's screen of some width, light or dark: what is on it, and pictures of it."""

from __future__ import annotations

import base64
import time
from pathlib import Path

from support.browser import Browser


class Screen(Browser):
    """Chromium as a reader has it, on screens of different sizes."""

    def command(self, name: str, **arguments):
        """Send a command of Chromium's own protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script: str, *arguments):
        """Run a script in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def show(self, page: Path | str, *, width=1280, height=900, dark=False, media="") -> None:
        """Open a page, by its path or address, and wait until its charts are drawn."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.command("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.complaints(), self.requests()
        self.driver.get(page if isinstance(page, str) else page.as_uri())
        self.wait("return document.documentElement.className || !document.querySelector('.chart')")

    def wait(self, script: str, seconds: float = 20) -> None:
        """Wait until a script returns something."""
        until = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < until, script
            time.sleep(0.02)

    def hover(self, place: str, shown: str, *arguments, seconds: float = 20):
        """Move the mouse to where a script says, until another returns something; return that.

        Again and anew each time: a chart that is busy, or a page that still moves, misses one.
        """
        until, step = time.monotonic() + seconds, 0
        while not (found := self.run(shown, *arguments)):
            assert time.monotonic() < until, shown
            x, y = self.run(place, *arguments)
            step = 1 - step  # a movement, not only a place
            self.command("Input.dispatchMouseEvent", type="mouseMoved", x=x + step, y=y + step)
            time.sleep(0.06)  # plotly.js looks at the mouse twenty times a second
        return found

    def picture(self) -> bytes:
        """Return the whole page as a PNG."""
        self.wait("return document.fonts.status === 'loaded'")
        width, height = self.run(
            "return [innerWidth, document.documentElement.getBoundingClientRect().height]"
        )
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.command(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
        )
        return base64.b64decode(shot["data"])
