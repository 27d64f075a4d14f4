"""A real browser without a network, and what every report's page must stand in it."""
import base64
import json
import os
import shutil
import sys

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

os.environ.setdefault("SE_OFFLINE", "true")

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
         "--window-size=1360,1000"]


def need_chromium():
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        print("SKIPPED: no chromium or chromedriver (tools/install-deps.sh test)")
        sys.exit(77)


def need(condition, what):
    if not condition:
        raise SystemExit(f"FAILED {what}")


class Browser:
    def __init__(self, profile):
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or ""
        for flag in FLAGS + [f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions",
                                    dict(offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1))

    def scheme(self, value):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia",
                                    dict(features=[dict(name="prefers-color-scheme", value=value)]))

    def open(self, path):
        self.driver.get_log("browser")
        self.driver.get_log("performance")
        self.driver.get(path.resolve().as_uri())
        WebDriverWait(self.driver, 20).until(lambda d: d.find_elements(By.CSS_SELECTOR, "main section"))
        WebDriverWait(self.driver, 20).until(lambda d: not d.find_elements(
            By.CSS_SELECTOR, "figure[data-chart]:not([data-drawn])"))

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, selector, by=By.CSS_SELECTOR):
        self.driver.execute_script("arguments[0].click()", self.driver.find_element(by, selector))

    def pdf(self):
        """The page as it prints. A busy machine may take longer than the driver's ten seconds."""
        for _ in range(6):
            try:
                return base64.b64decode(self.driver.print_page())
            except TimeoutException:
                pass
        raise SystemExit("FAILED: the page was not printed within a minute")

    def check(self, name, expected):
        charts = self.driver.execute_script("""
            return [...document.querySelectorAll('figure[data-chart]')].map(f => [f.dataset.chart,
              f.querySelectorAll('svg path, svg rect, svg circle, svg line, td').length,
              Math.round(f.getBoundingClientRect().height)])""")
        drawn = {c[0] for c in charts}
        need(expected <= drawn, f"{name}: no chart {sorted(expected - drawn)}")
        for chart, marks, height in charts:
            need(marks > 2 and height > 40, f"{name}: chart {chart} is empty ({marks} marks, {height} px)")
        errors = [e for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
        need(not errors, f"{name}: console: {errors}")
        requests = [json.loads(e["message"])["message"] for e in self.driver.get_log("performance")]
        urls = [r["params"]["request"]["url"] for r in requests if r["method"] == "Network.requestWillBeSent"]
        outside = [u for u in urls if not u.startswith(("file:", "data:"))]
        need(not outside, f"{name}: asked the network for {outside}")
        overflow = self.driver.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        need(overflow <= 0, f"{name}: the page is {overflow} px too wide")
        broken = self.driver.execute_script(
            "return [...document.querySelectorAll('svg [d*=NaN], svg [transform*=NaN], svg [x*=NaN], svg [cx*=NaN]')].length")
        need(broken == 0, f"{name}: {broken} marks at no place")

    def picture(self, folder, name, selector=None, height=None):
        if folder is None:
            return
        size = self.driver.execute_script("return [document.documentElement.clientWidth, document.documentElement.scrollHeight]")
        clip = dict(x=0, y=0, width=size[0], height=min(size[1], height or 16000), scale=1)
        if selector:
            box = self.driver.execute_script(
                "const r = document.querySelector(arguments[0]).getBoundingClientRect();"
                "return [r.x + scrollX, r.y + scrollY, r.width, r.height]", selector)
            clip = dict(x=max(0, box[0] - 12), y=max(0, box[1] - 12), width=box[2] + 24, height=box[3] + 24, scale=1)
        data = self.driver.execute_cdp_cmd("Page.captureScreenshot", dict(format="png", captureBeyondViewport=True, clip=clip))
        (folder / f"{name}.png").write_bytes(base64.b64decode(data["data"]))
