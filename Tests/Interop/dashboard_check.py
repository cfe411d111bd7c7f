#!/usr/bin/env python3
"""Drives the dashboard in headless Chromium: the main paths at desktop and phone width, and accessibility.

    bin/setup --with-browser
    .build/browser/bin/python Tests/Interop/dashboard_check.py DASHBOARD_ORIGIN SIMULATOR_ORIGIN NAME PASSWORD [DIRECTORY]

Needs four simulated orgs that are live; the import of Tweet__c has failed in the last three, because the simulator has the fault
needs_filter. The first org has a reader of its tables (`organizations grant-reader`). With DIRECTORY it also writes screenshots. Exits with 1 at the first thing that is not as it should be.
"""
import importlib.util
import json
import os
import sys
import time
import urllib.error
import urllib.request

from browser import Browser, Failure

PAGES = ["", "/tenants", "/tenants?attention=on", "/jobs", "/jobs?state=dead", "/jobs/queues", "/jobs/workers", "/jobs/periodic",
         "/activity", "/mail", "/system", "/account", "/tokens", "/webhooks", "/jobs/bulk/retry?state=dead", "/jobs/errors"]
DESKTOP = dict(width=1280, height=900)
PHONE = dict(width=390, height=844, is_mobile=True)


def check(what, holds, detail=""):
    print(("ok      " if holds else "FAILED  ") + what + ("" if holds else ": %s" % (detail,)), flush=True)
    if not holds:
        sys.exit(1)


class Check:
    def __init__(self, origin, simulator, name, password, directory):
        self.origin, self.simulator, self.name, self.password, self.directory = origin, simulator, name, password, directory
        self.browser = Browser()
        self.orgs = json.load(urllib.request.urlopen(simulator + "/simulator/orgs"))

    def text(self):
        return self.browser.run("document.body.innerText")

    def stream(self, state):
        self.browser.wait("document.querySelector('[data-stream-state=%s]') !== null" % state, "the stream of the page is " + state)

    def shot(self, name):
        if self.directory:
            # A part of a page that is updated live is never between two states.
            time.sleep(0.3)
            self.browser.screenshot(os.path.join(self.directory, name + ".png"))

    def allow(self, number):
        body = json.dumps({"kind": "needs_filter", "object": "Tweet__c", "org": str(number), "on": False}).encode()
        urllib.request.urlopen(urllib.request.Request(self.simulator + "/simulator/faults", data=body))

    def log_in(self, password=None):
        self.browser.type("input[name=name]", self.name)
        self.browser.type("input[name=password]", password or self.password)
        self.browser.follow("button", "Log in")

    def log_out(self):
        self.browser.follow("nav a", "Account")
        self.browser.follow("button", "Log out")
        self.browser.go(self.origin + "/dashboard")
        check("after the logout the dashboard asks for the password", "/dashboard/login" in self.browser.run("location.href"))

    # The paths.

    def repair(self, number, where):
        """Finds the failing tenant of an org, reads the error, retries, and watches it go live."""
        org = self.orgs[number - 1]
        self.browser.follow("nav a", "Tenants")
        self.browser.click("label.check")
        self.browser.type("input[name=q]", org["id"])
        self.browser.follow("form.filter button", "Show")
        check("%s: the search finds the failing tenant" % where,
              self.browser.run("document.querySelectorAll('tbody tr').length") == 1, self.text())
        self.browser.follow("tbody a")
        check("%s: the page of the tenant shows the error" % where, "MALFORMED_QUERY" in self.text(), self.text())
        self.shot("tenant-%s" % where)
        self.allow(number)
        self.browser.follow("button", "Retry failed steps")
        check("%s: a notice says what happens" % where, "The missing steps were started again" in self.text(), self.text())
        self.stream("live")
        self.browser.run("window.isSame = true")
        self.browser.wait(
            """[...document.querySelectorAll('[data-live=objects] tbody tr')].some(
                row => row.innerText.includes('Tweet__c') && row.querySelector('.state.done'))
            && document.querySelector('[data-live=head] .state').innerText === 'live'
            && !document.querySelector('[data-live=head] .notice')""",
            "%s: the tenant is shown as repaired without a reload" % where, 45)
        check("%s: the tenant goes live on the page, without a reload" % where, self.browser.run("window.isSame"))

    def desktop(self):
        self.browser.screen(**DESKTOP)
        self.browser.go(self.origin + "/dashboard/jobs?state=dead")
        self.log_in("wrong")
        check("a wrong password is refused", "Wrong name or password" in self.text(), self.text())
        self.log_in()
        check("the login leads to the page that was asked for", self.browser.run("location.search") == "?state=dead")
        self.browser.go(self.origin + "/dashboard")
        check("the overview names the failing tenants", "Mappings in error" in self.text() or "Tweet__c" in self.text(), self.text())
        self.shot("overview")
        self.repair(2, "desktop")

    def bulk_retry(self):
        self.allow(4)
        self.browser.go(self.origin + "/dashboard/jobs?state=dead&class=ImportMapping&error=MALFORMED_QUERY")
        count = self.browser.run("document.querySelectorAll('tbody tr').length")
        check("the filter finds dead jobs", count >= 1, self.text())
        self.counted()
        self.shot("jobs")
        self.browser.follow("a.button", "Retry…")
        check("the count is shown before the action", "%d job" % count in self.text(), self.text())
        self.browser.follow("button", "Retry %d job" % count)
        check("the action reports how many jobs it changed", "%d job" % count in self.text(), self.text())
        self.browser.wait("document.querySelector('[data-live=list]').innerText.includes('No job matches')",
                          "the list of dead jobs becomes empty without a reload")
        check("no dead job is left on the filter, without a reload", True)

    def counted(self):
        """On a busy machine a list answers before its tabs are counted: tries a few times, for the picture."""
        for _ in range(20):
            if not self.directory or "…" not in self.browser.run("document.querySelector('.tabs').innerText"):
                return
            time.sleep(1)
            self.browser.go(self.browser.run("location.href"))

    def edit_mapping(self):
        mappings = self.origin + "/dashboard/tenants/" + self.orgs[0]["id"] + "/mappings"
        self.browser.go(mappings)
        self.browser.follow("tbody a", "Account")
        self.browser.type("input[name=sf_polling_seconds]", "900")
        self.browser.follow("button", "Show the plan")
        self.browser.follow("button", "Apply the plan")
        self.browser.wait("document.querySelector('h2').innerText === 'Applied'", "the worker applies the plan", 45)
        self.browser.go(mappings)
        row = self.browser.run("[...document.querySelectorAll('tbody tr')].find(row => row.innerText.includes('Account')).innerText")
        check("the mapping has the new interval", "15 min" in row, row)

    def share_query(self, where):
        """Saves a query, runs it, shares it by a link, and revokes the link."""
        queries = self.origin + "/dashboard/tenants/" + self.orgs[0]["id"] + "/queries"
        self.browser.go(queries)
        check("%s: the tenant has a reader" % where, "has no reader" not in self.text(), self.text())
        self.browser.type("input[name=name]", "Names " + where)
        self.browser.type("textarea[name=statement]", "select name, '<b>' || id || '</b>' as mark from account order by id")
        self.browser.follow("button", "Save the query")
        check("%s: the query is saved" % where, "The query is saved" in self.text(), self.text())
        self.browser.follow("a.button", "Run")
        rows = self.browser.run("document.querySelectorAll('section:first-of-type tbody tr').length")
        check("%s: the query's rows are shown, as text" % where,
              rows == 100 and "the first 100 are shown" in self.text() and "<b>1</b>" in self.text(), self.text()[:2000])
        self.browser.type("form[action$='/links'] input[name=name]", "finance")
        self.browser.follow("button", "Make a link")
        link = self.browser.run("document.querySelector('section pre').innerText").strip()
        # The program names its own URL; the check may reach it by another name.
        link = self.origin + "/shared/" + link.rpartition("/shared/")[2]
        check("%s: the link answers with a file" % where, self.fetch(link + ".csv")[1].startswith('"name","mark"'), link)
        self.browser.go(link)
        check("%s: the link's page shows the rows" % where, "<b>1</b>" in self.text(), self.text()[:2000])
        width = self.browser.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        check("%s: the link's page has no horizontal scrolling" % where, width <= 0, width)
        self.browser.go(queries)
        self.browser.follow("tbody a", "Names " + where)
        self.browser.follow("button", "Revoke")
        check("%s: the revoked link is refused" % where, self.fetch(link)[0] == 404, self.fetch(link)[0])
        check("%s: the page says that the link is revoked" % where, "The link is revoked" in self.text(), self.text())

    def make_token(self, where):
        """Makes a token, uses it, and revokes it."""
        self.browser.go(self.origin + "/dashboard/tokens")
        self.browser.type("form[action='/dashboard/tokens'] input[name=name]", "terraform " + where)
        self.browser.type("input[name=days]", "30")
        self.browser.follow("button", "Make a token")
        token = self.browser.run("document.querySelector('section pre').innerText").strip()
        headers = {"Authorization": "Bearer " + token}
        check("%s: the new token opens the API" % where, self.fetch(self.origin + "/connections", headers)[0] == 200)
        self.browser.go(self.origin + "/dashboard/tokens")
        check("%s: the token is shown once" % where, token not in self.browser.run("document.documentElement.outerHTML"))
        self.browser.follow("button[aria-label='Revoke terraform %s']" % where, "Revoke")
        check("%s: the revoked token is refused" % where, self.fetch(self.origin + "/connections", headers)[0] == 401)
        check("%s: the page says that the token is revoked" % where, "The token is revoked" in self.text(), self.text())

    @staticmethod
    def fetch(url, headers={}):
        """The status and the text of an answer, outside of the browser."""
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""

    def selection(self):
        """A live update does not take away what the operator has selected."""
        self.browser.go(self.origin + "/dashboard/jobs?state=done")
        self.stream("live")
        self.browser.click("input[name=id]")
        time.sleep(5)
        check("a selection survives live updates", self.browser.run("document.querySelector('input[name=id]').checked"))

    def hidden(self):
        """A hidden tab has no stream."""
        self.browser.go(self.origin + "/dashboard")
        self.stream("live")
        for hidden, state in ((True, "paused"), (False, "live")):
            self.browser.run("""Object.defineProperty(document, "hidden", {value: %s, configurable: true});
                document.dispatchEvent(new Event("visibilitychange"))""" % json.dumps(hidden))
            self.stream(state)
        check("the stream is paused while the tab is hidden", True)

    def phone(self):
        self.browser.screen(**PHONE)
        self.browser.go(self.origin + "/dashboard")
        self.log_in()
        self.shot("overview-phone")
        self.repair(3, "phone")
        self.share_query("phone")
        self.make_token("phone")

    # Accessibility.

    def pages(self):
        tenant = "/tenants/" + self.orgs[3]["id"]
        self.browser.go(self.origin + "/dashboard/jobs")
        job = self.browser.run("document.querySelector('tbody a').pathname").removeprefix("/dashboard")
        mappings = [tenant + "/mappings" + path for path in ("", "/objects", "/edit?object=Account")]
        self.browser.go(self.origin + "/dashboard/tenants/" + self.orgs[0]["id"] + "/queries")
        query = self.browser.run("document.querySelector('tbody a').pathname").removeprefix("/dashboard")
        queries = [query.rpartition("/")[0], query, query + "?run=1"]
        return PAGES + queries + [tenant, job, tenant + "/check", tenant + "/rows", tenant + "/rows/account"] + mappings

    def widths(self):
        self.browser.screen(**PHONE)
        for page in self.pages():
            self.browser.go(self.origin + "/dashboard" + page)
            width = self.browser.run("document.documentElement.scrollWidth")
            check("no horizontal scrolling at 390 px: /dashboard" + page, width <= 390, width)

    def axe(self):
        script = open(os.path.join(
            importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0], "axe.min.js")).read()
        pages, all_serious = self.pages(), []
        for is_dark in (False, True):
            self.browser.screen(**DESKTOP, is_dark=is_dark)
            for page in pages:
                self.browser.go(self.origin + "/dashboard" + page)
                self.browser.run(script + "; 0")
                found = self.browser.run("""axe.run(document, {resultTypes: ["violations"]}).then(result => result.violations.map(
                    each => [each.impact, each.id, each.nodes.slice(0, 3).map(node => node.html.slice(0, 160))]))""")
                serious = [each for each in found if each[0] in ("serious", "critical")]
                all_serious += [("dark" if is_dark else "light", page)] + serious if serious else []
        check("axe finds nothing serious on %d pages, light and dark" % len(pages), not all_serious,
              "\n".join(map(str, all_serious)))

    def keyboard(self):
        self.browser.screen(**DESKTOP)
        for page in ("", "/jobs", "/tenants/" + self.orgs[3]["id"]):
            self.browser.go(self.origin + "/dashboard" + page)
            # A live page hides the link that reloads it.
            self.stream("live")
            # Live updates may replace elements while this counts.
            self.browser.run("document.querySelectorAll('[data-live]').forEach(e => e.removeAttribute('data-live'))")
            wanted = self.browser.run("""(() => {
                const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]
                    .filter(e => e.getClientRects().length);
                window.reached = new Set();
                window.unmarked = [];
                document.addEventListener('focusin', e => {
                    window.reached.add(e.target);
                    if (getComputedStyle(e.target).outlineStyle === 'none') window.unmarked.push(e.target);
                });
                window.wanted = all;
                return all.length;
            })()""")
            for _ in range(wanted + 2):
                self.browser.key("Tab", 9)
            missed = self.browser.run("window.wanted.filter(e => !window.reached.has(e)).map(e => e.outerHTML.slice(0, 120))")
            check("every control is reached by the keyboard: /dashboard" + page, not missed, missed)
            unmarked = self.browser.run("window.unmarked.map(e => e.outerHTML.slice(0, 120))")
            check("the focus is visible: /dashboard" + page, not unmarked, unmarked)

    def run(self):
        try:
            self.desktop()
            self.bulk_retry_after_phone()
            self.edit_mapping()
            self.share_query("desktop")
            self.make_token("desktop")
            self.selection()
            self.hidden()
            self.keyboard()
            self.axe()
            self.widths()
            self.log_out()
            check("no script failed and nothing was blocked",
                  not [each for each in self.browser.complaints if "401" not in each and "400" not in each], self.browser.complaints)
        finally:
            self.browser.close()

    def bulk_retry_after_phone(self):
        self.log_out()
        self.phone()
        self.browser.screen(**DESKTOP)
        self.bulk_retry()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if len(arguments) not in (4, 5):
        sys.exit(__doc__)
    try:
        Check(*arguments[:4], arguments[4] if len(arguments) == 5 else None).run()
    except Failure as failure:
        print("FAILED  %s" % failure)
        sys.exit(1)
