"""What the page costs whoever leaves it open: two hundred accounts, fifty requests a second."""

import threading
import time

RATE = 50
WARMING_S = 3
MEASURED_S = 10

# What operators may be asked for, each second: milliseconds of the page's main thread, and bytes of its feed.
MAIN_THREAD_MS = 200
FEED_BYTES = 100_000


class Load:
    """Asks for pictures at a steady rate, however long each takes."""

    def __init__(self, tessera):
        self.tessera, self.delivered, self.going = tessera, 0, True
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        due = time.monotonic()
        while self.going:
            threading.Thread(target=self.ask, daemon=True).start()
            due += 1 / RATE
            time.sleep(max(0, due - time.monotonic()))

    def ask(self):
        if self.tessera.generate(self.tessera.key) == 200:
            self.delivered += 1


def test_a_page_with_many_accounts_is_light_while_much_happens(operator, tessera):
    page = operator.page
    page.locator("#rows tr:nth-child(200)").wait_for()
    browser, heard = page.context.new_cdp_session(page), []
    browser.send("Network.enable")
    # The thread's own time: what else the machine does is not counted.
    browser.send("Performance.enable", {"timeDomain": "threadTicks"})
    browser.on("Network.dataReceived", lambda event: heard.append(event["dataLength"]))

    def busy_s():
        metrics = browser.send("Performance.getMetrics")["metrics"]
        return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

    load = Load(tessera)
    page.wait_for_timeout(WARMING_S * 1_000)
    heard.clear()
    begun, busy, delivered = time.monotonic(), busy_s(), load.delivered
    page.wait_for_timeout(MEASURED_S * 1_000)
    elapsed = time.monotonic() - begun
    main_thread_ms = (busy_s() - busy) / elapsed * 1_000
    feed_bytes, rate = sum(heard) / elapsed, (load.delivered - delivered) / elapsed
    load.going = False
    print(f"\n{rate:.0f} pictures, {main_thread_ms:.0f} ms of the main thread, {feed_bytes / 1_000:.1f} KB, each second")
    assert rate > 1 and feed_bytes > 0
    assert main_thread_ms < MAIN_THREAD_MS and feed_bytes < FEED_BYTES
