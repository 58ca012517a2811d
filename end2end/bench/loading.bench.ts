// What a browser loads, and how soon it shows something.
import { type Demo, furnish } from "../fixtures/demo";
import { become, places, visit } from "../fixtures/places";
import { Studio } from "../fixtures/studio";
import { expect, fresh, live, noteLive, percentile, session, sizes, test } from "./measure";
import { Agent, request } from "node:http";

test("U1: the first load", async ({ browser, world: { studio, api }, answer }) => {
  const runbook = await api.runbook({ title: "Restart the queue", blocks: [{ type: "command", name: "Drain", config: { command: "echo drained" } }] });
  const cookie = await session(studio);
  const headers = { cookie: `${cookie.name}=${cookie.value}` };
  const weigh = async (encoding: string, of: string[]) => {
    const sizes = await Promise.all(of.map(async (name) => (await ask(studio.url + name, { ...headers, "accept-encoding": encoding })).bytes));
    return sizes.reduce((sum, size) => sum + size, 0) / 1000;
  };
  for (let round = 0; round < sizes.rounds; round++) {
    const tab = await fresh(browser, studio);
    await noteLive(tab);
    const open = async () => {
      await tab.goto(`${studio.url}/runbooks/${runbook}`);
      const at = await live(tab);
      const shown = await tab.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0);
      return { at, shown };
    };
    const { at, shown } = await open();
    const loaded = await tab.evaluate(() => (performance.getEntriesByType("resource") as PerformanceResourceTiming[]).filter((entry) => entry.name.includes("/pkg/")).map((entry) => ({ name: new URL(entry.name).pathname, size: entry.encodedBodySize })));
    const names = [...new Set(loaded.map((file) => file.name))];
    for (const kind of ["wasm", "js", "css"]) expect(names.filter((name) => name.endsWith(kind)), `the browser loaded ${kind}`).not.toHaveLength(0);
    const again = (await open()).at;
    await tab.context().close();
    answer.add({
      brotli: await weigh("br", names),
      brotli_wasm: await weigh("br", names.filter((name) => name.endsWith("wasm"))),
      gzip: await weigh("gzip", names),
      page: (await ask(`${studio.url}/runbooks/${runbook}`, { ...headers, "accept-encoding": "br" })).bytes / 1000,
      shown,
      live: at,
      again,
    });
    answer.note(`the browser itself counted ${Math.round(loaded.reduce((sum, file) => sum + file.size, 0) / 1000)} KB in ${loaded.length} files`);
  }
});

test("U2: the list of runbooks", async ({ world: { studio, api }, answer }) => {
  const callers = 8;
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let n = caller; n < sizes.runbooks; n += callers) {
        await api.runbook({
          title: `Restart service ${n}`,
          description: "Restarts it and looks whether it answers.",
          tags: [`team-${n % 40}`, "service"],
          blocks: [
            { type: "command", name: "Restart", config: { command: `systemctl restart service-${n}` } },
            { type: "timer", name: "Wait", config: { duration: "10s" } },
            { type: "command", name: "Look", config: { command: `systemctl is-active service-${n}` } },
          ],
        });
      }
    }),
  );
  const cookie = await session(studio);
  const headers = { cookie: `${cookie.name}=${cookie.value}`, "accept-encoding": "br" };
  const rounds = async (path: string, calls: number) => {
    const times: number[] = [];
    for (let call = 0; call < calls; call++) times.push((await ask(studio.url + path, headers)).firstByte);
    return times;
  };
  await rounds("/runbooks", 20);
  for (let round = 0; round < sizes.rounds; round++) {
    const times = await rounds("/runbooks", 200);
    answer.add({ p50: percentile(times, 50), p99: percentile(times, 99), search: percentile(await rounds("/runbooks?q=service+77", 50), 50) });
  }
  answer.note("200 calls a round on one connection of loopback, with a session, answered with the first page");
});

test("U6: layout shift", async ({ page, answer }) => {
  const studio = await Studio.start();
  const demo: Demo = await furnish(studio);
  await page.addInitScript(() => {
    (window as any).shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as any[]) if (!entry.hadRecentInput) (window as any).shift += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
  });
  const looked = places(demo).filter((place) => !place.act);
  for (let round = 0; round < sizes.rounds; round++) {
    const shifts: [number, string][] = [];
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const place of looked) {
        await visit(page, demo, place);
        // Two frames: what the script changed when it took over is drawn.
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
        shifts.push([await page.evaluate(() => (window as any).shift as number), `${place.name} at ${width} px`]);
      }
    }
    const moved = shifts.filter(([shift]) => shift > 0).sort(([a], [b]) => b - a);
    answer.add({ worst: (moved[0]?.[0] ?? 0) * 1000, pages: shifts.length, shifting: moved.length });
    for (const [shift, name] of moved.slice(0, 5)) answer.note(`${name}: ${shift.toFixed(3)}`);
  }
  await become(page, demo, "nobody");
  await studio.end();
});

test("U7: from an alert to the first output", async ({ browser, world: { studio, api }, answer }) => {
  const runbook = await api.runbook({ title: "Restart the queue", blocks: [{ type: "command", name: "Drain", config: { command: "echo the first output" } }] });
  for (let round = 0; round < sizes.rounds; round++) {
    const tab = await fresh(browser, studio);
    const opened = Date.now();
    await tab.goto(`${studio.url}/runbooks/${runbook}#run`);
    const press = tab.getByRole("button", { name: /^(Run|Start)\b/ }).filter({ hasText: /this server/ });
    await expect(press.first()).toBeVisible();
    const page = Date.now() - opened;
    let interactions = 0;
    let last = 0;
    // Whatever asks to be sure counts, too.
    while (!/\/runs\//.test(tab.url())) {
      if (interactions >= 5) throw new Error("five interactions, and no run");
      const before = tab.url();
      interactions++;
      last = Date.now();
      await press.last().click();
      await Promise.race([tab.waitForURL((url) => url.toString() !== before), tab.getByRole("dialog").waitFor()]);
    }
    await expect(tab.locator(".console")).toContainText("the first output");
    answer.add({ interactions, page, output: Date.now() - last });
    await tab.context().close();
  }
});

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** One GET: its bytes on the wire, its text where it was not compressed, and the time to its first byte in milliseconds. */
function ask(url: string, headers: Record<string, string>): Promise<{ bytes: number; text: string; firstByte: number }> {
  return new Promise((resolve, reject) => {
    const began = performance.now();
    const asked = request(url, { headers: { accept: "text/html", ...headers }, agent }, (answer) => {
      const parts: Buffer[] = [];
      let firstByte = 0;
      answer.on("data", (part) => {
        firstByte ||= performance.now() - began;
        parts.push(part);
      });
      answer.on("end", () => {
        if (answer.statusCode !== 200) return reject(new Error(`${url}: ${answer.statusCode}`));
        const all = Buffer.concat(parts);
        resolve({ bytes: all.length, text: all.toString(), firstByte });
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}
