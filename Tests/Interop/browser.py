"""A headless Chromium, driven over the DevTools protocol with the PyPI client websocket-client."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
import urllib.request

import websocket

CHROMIUM = "/usr/bin/chromium"


class Failure(Exception):
    pass


class Browser:
    """One tab. Clicks and keys are real input events."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="multiconnect-chromium.")
        self.log = open(os.path.join(self.directory, "log"), "wb")
        self.process = subprocess.Popen(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-extensions", "--disable-background-networking", "--remote-debugging-port=0", "--remote-allow-origins=*",
             "--user-data-dir=" + self.directory, "about:blank"], stdout=self.log, stderr=self.log)
        port = self.eventually(self.port, "Chromium starts", 30)
        pages = json.load(urllib.request.urlopen("http://127.0.0.1:%s/json/list" % port))
        page = next(each for each in pages if each["type"] == "page")
        self.socket = websocket.create_connection(page["webSocketDebuggerUrl"], timeout=30)
        self.last = 0
        self.complaints = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def port(self):
        try:
            with open(os.path.join(self.directory, "DevToolsActivePort")) as file:
                return file.readline().strip() or None
        except FileNotFoundError:
            return None

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def call(self, method, **parameters):
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv())
            if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.complaints.append(message["params"]["entry"]["text"])
            if message.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(str(message["params"]["exceptionDetails"]))
            if message.get("id") != self.last:
                continue
            if "error" in message:
                raise Failure("%s: %s" % (method, message["error"]))
            return message["result"]

    def run(self, script):
        """The value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Failure("%s: %s" % (script[:80], answer["exceptionDetails"]))
        return answer["result"].get("value")

    @staticmethod
    def eventually(condition, what, seconds=20):
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Failure("after %d s: not so: %s" % (seconds, what))
            time.sleep(0.1)

    def wait(self, script, what, seconds=20):
        """Waits until a JavaScript expression is true."""
        def holds():
            try:
                return self.run(script)
            except Failure:
                # The page is being replaced.
                return None
        try:
            return self.eventually(holds, what, seconds)
        except Failure as failure:
            raise Failure("%s; the page is %s: %s" % (
                failure, self.run("location.href"), self.run("document.body.innerText")[:2000])) from None

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'", "the page is loaded: " + url)

    def screen(self, width, height, is_mobile=False, is_dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_mobile)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}])

    def click(self, selector, text=""):
        """Clicks the first visible element of a selector that contains a text; waits until it exists."""
        find = """(() => {
            const e = [...document.querySelectorAll(%s)].find(e => e.innerText.includes(%s) && e.getClientRects().length);
            if (!e) return null;
            e.scrollIntoView({block: "center"});
            // A link may be in two lines.
            const box = e.getClientRects()[0];
            return [box.x + box.width / 2, box.y + box.height / 2];
        })()""" % (json.dumps(selector), json.dumps(text))
        x, y = self.wait(find, "%s with the text “%s” exists" % (selector, text))
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def follow(self, selector, text=""):
        """Clicks, and waits for the next page."""
        self.run("window.isOld = true")
        self.click(selector, text)
        self.wait("!window.isOld && document.readyState === 'complete'", "“%s” leads to a page" % text)

    def type(self, selector, text):
        self.run("(e => { e.focus(); e.select(); })(document.querySelector(%s))" % json.dumps(selector))
        self.call("Input.insertText", text=text)

    def key(self, name, code):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code, code=name)

    def screenshot(self, path):
        data = self.call("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
