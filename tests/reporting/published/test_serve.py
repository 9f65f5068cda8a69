"""The preview server: the published files with strict headers, and nothing else."""

import http.client
import threading
import time
from functools import partial
from http.server import ThreadingHTTPServer

import pytest
from factories.pages import page

from workbench.errors import InputError, PublishError
from workbench.reporting.published import editions
from workbench.reporting.published.serve import _Handler, serve

PAGE = "/overview/2026-09/index.html"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    folder = tmp_path_factory.mktemp("around") / "published"
    editions.publish(folder, "overview", "2026-09", page())
    (folder.parent / "secret.html").write_text("secret")
    (folder / ".hidden.html").write_text("hidden")
    (folder / "overview/link.html").symlink_to(folder.parent / "secret.html")
    (folder / "overview/tool.exe").write_text("tool")
    return folder


@pytest.fixture(scope="module")
def ask(published):
    with serve(published) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host, port = server.server_address

        def asked(path, method="GET", **headers):
            connection = http.client.HTTPConnection(host, port, timeout=10)
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            return answer, body

        yield asked
        server.shutdown()


@pytest.mark.parametrize("path", ["/", "/index.html", PAGE, "/overview/2026-09/"])
def test_pages_are_served_with_strict_headers(ask, published, path):
    answer, body = ask(path)
    assert answer.status == 200
    file = published / path.strip("/")
    assert body == (file / "index.html" if file.is_dir() else file).read_bytes()
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.endswith("frame-ancestors 'none'")
    assert "unsafe" not in policy
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Python" not in answer.headers["Server"]


def test_the_shared_script_is_a_script(ask, published):
    (script,) = (published / "assets").glob("*.js")
    answer, body = ask(f"/assets/{script.name}")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert body == script.read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/overview/",  # no listing
        "/overview/2026-09",  # ways on the page are relative to its folder
        "/assets/",
        "/../secret.html",
        "/%2e%2e/secret.html",
        "/overview/..%2f..%2fsecret.html",
        "/overview/link.html",
        "/.hidden.html",
        "/overview/tool.exe",
        "/index.html%00",
        "/%ff",
        "/none.html",
        "//secret.html",
    ],
)
def test_nothing_else_is_served(ask, path):
    answer, body = ask(path)
    assert answer.status == 404
    assert body == b"404 Not Found\n"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_head_sends_headers_only(ask):
    answer, body = ask(PAGE, "HEAD")
    assert (answer.status, body) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 20_000


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_only_reads(ask, method):
    assert ask(PAGE, method)[0].status == 501


def test_a_name_that_was_made_to_point_here_is_refused(ask):
    assert ask(PAGE, Host="evil.example:80")[0].status == 421


def test_it_needs_something_published_and_a_free_port(published, tmp_path):
    with pytest.raises(InputError, match="nothing is published"):
        serve(tmp_path)
    with serve(published) as server, pytest.raises(PublishError, match=r"port \d+ cannot be used"):
        serve(published, server.server_address[1])
    assert server.server_address[0] == "127.0.0.1"


class _Slow(_Handler):
    """Answers for a page at once, and for its script a second later."""

    def do_GET(self):  # noqa: N802  # why: the standard library's name
        if self.path.endswith(".js"):
            time.sleep(1)
        super().do_GET()


def test_a_page_is_painted_before_its_script_is_there(browser, published):
    speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    slow = partial(_Slow, published.resolve())
    with ThreadingHTTPServer(("127.0.0.1", 0), slow) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser.command("Network.emulateNetworkConditions", offline=False, **speed)
        try:
            browser.show("http://{}:{}".format(*server.server_address) + PAGE)
            painted, answered, top = browser.run(
                "return [performance.getEntriesByName('first-contentful-paint')[0].startTime,"
                " performance.getEntriesByType('resource').find((e) => e.name.endsWith('.js'))"
                ".responseEnd, document.querySelector('.kpi .figure').getBoundingClientRect().top]"
            )
            assert painted < answered - 500  # milliseconds
            assert 0 < top < 900  # the first key figure stands on the first screen
        finally:
            browser.command("Network.emulateNetworkConditions", offline=True, **speed)
            server.shutdown()


def test_pages_and_index_work_behind_the_servers_strict_policy(browser, published):
    speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    with serve(published) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = "http://{}:{}/".format(*server.server_address)
        browser.command("Network.emulateNetworkConditions", offline=False, **speed)
        try:
            browser.show(address)
            browser.driver.find_element("partial link text", "Open").click()
            browser.wait("return document.documentElement.className === 'drawn'")
            assert min(browser.marks()) > 0
            assert browser.complaints() == []
            assert all(each.startswith((address, "data:")) for each in browser.requests())
        finally:
            browser.command("Network.emulateNetworkConditions", offline=True, **speed)
            server.shutdown()
