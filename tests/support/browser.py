"""Chromium as a reader has it: from disk, with the network off, and with what it complains of."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
MARKS = (
    "return [...document.querySelectorAll('.chart')].map((chart) => chart.querySelectorAll("
    "'svg .scatterlayer .js-line, svg .barlayer .point path, svg .heatmaplayer image, '"
    "+ 'svg .sankey-link').length)"
)


class Browser:
    """A browser without a network."""

    def __init__(self, driver) -> None:
        self.driver = driver
        driver.execute_cdp_cmd("Network.enable", {})
        speed = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", {"offline": True, **speed})

    def open(self, page: Path, seconds: float = 30) -> None:
        """Open a page from disk and wait until it says that its charts are drawn, or failed."""
        self.complaints(), self.requests()
        self.driver.get(page.as_uri())
        until = time.monotonic() + seconds
        while not self.state():
            assert time.monotonic() < until, "the page says neither 'drawn' nor 'failed'"
            time.sleep(0.05)

    def state(self) -> str:
        """Return what the page says of its charts."""
        return self.driver.execute_script("return document.documentElement.className")

    def marks(self) -> list[int]:
        """Return how many lines, bars or fields each chart shows."""
        return self.driver.execute_script(MARKS)

    def complaints(self) -> list[str]:
        """Return what the console holds."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return every address that was asked for, but those of the browser's own first tab."""
        events = (json.loads(e["message"])["message"] for e in self.driver.get_log("performance"))
        asked = [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in asked if not url.startswith("chrome://")]


@contextmanager
def browsing(profile: Path) -> Iterator[Browser]:
    """Start a browser with an empty profile, and end it."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "Chromium is missing: apt-get install chromium chromium-driver"
    assert driver, "its driver is missing: apt-get install chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(started)
    finally:
        started.quit()
