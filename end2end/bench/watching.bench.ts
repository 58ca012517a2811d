// What happens in a run, and how soon and how smoothly it is seen.
import { expect, fresh, live, noteLive, percentile, sizes, test } from "./measure";
import { readFileSync } from "node:fs";

const RATE = 25;
const LINES = 250;

test("U3: from a line to the screen", async ({ browser, world: { studio, api }, answer }) => {
  const emitter = process.env.BENCH_EMITTER ?? "";
  // Each line begins with the nanosecond in which it was written, and its number.
  const command = emitter ? `'${emitter}' emit-lines --rate ${RATE} --lines ${LINES} --after 3000` : `sleep 3; n=0; while [ $n -lt ${LINES} ]; do n=$((n+1)); echo "$(date +%s%N) $n "; sleep 0.04; done`;
  const runbook = await api.runbook({ title: "Pace", blocks: [{ type: "command", name: "Write", config: { command } }] });
  for (let round = 0; round < sizes.rounds; round++) {
    const tab = await fresh(browser, studio);
    await tab.addInitScript(() => {
      const seen: [string, number][] = ((window as any).seen = []);
      const known = new Set<string>();
      const look = () => {
        const fresh: string[] = [];
        for (const [line, , number] of (document.querySelector(".console")?.textContent ?? "").matchAll(/(\d{19}) (\d+) /g)) {
          if (!known.has(number)) fresh.push(line), known.add(number);
        }
        if (fresh.length === 0) return;
        // On the screen once the frame with it is done: a message comes after its painting.
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => {
            for (const line of fresh) seen.push([line, performance.timeOrigin + performance.now()]);
          };
          channel.port2.postMessage(0);
        });
      };
      new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
    });
    const run = await api.start(runbook);
    await tab.goto(`${studio.url}/runs/${run}`);
    await live(tab);
    await api.until(run, "succeeded");
    await expect(tab.locator(".console")).toContainText(` ${LINES} `);
    const seen: [string, number][] = await tab.evaluate(() => (window as any).seen);
    const delays = seen.map(([line, at]) => at - Number(line.split(" ")[0]) / 1e6);
    // What was there before the page was live was not seen coming.
    answer.add({ p50: percentile(delays, 50), p99: percentile(delays, 99), lines: delays.length });
    answer.note(`${RATE} lines a second; the screen draws 60 frames a second, so half a frame of it is the wait for the next one`);
    await tab.context().close();
  }
});

test("U4: a long run", async ({ browser, world: { studio, api }, answer }) => {
  const runbook = await api.runbook({ title: "A million", blocks: [{ type: "command", name: "Count", config: { command: `seq 1 ${sizes.lines}` } }] });
  const run = await api.run(runbook);
  const last = new Intl.NumberFormat("en-US").format(sizes.lines);
  for (let round = 0; round < sizes.rounds; round++) {
    const tab = await fresh(browser, studio);
    await noteLive(tab);
    await tab.addInitScript((last) => {
      const look = () => {
        const there = document.querySelector(".cbar")?.textContent?.includes(`${last} lines`);
        if (there && document.body.hasAttribute("data-hydrated")) (window as any).complete ??= performance.now();
      };
      new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
    }, last);
    await tab.goto(`${studio.url}/runs/${run}`);
    await live(tab);
    await tab.waitForFunction(() => (window as any).complete !== undefined, undefined, { timeout: 60_000 });
    const opens = await tab.evaluate(() => (window as any).complete as number);

    const console = tab.locator(".console").first();
    await console.hover();
    await tab.evaluate(() => {
      const frames: number[] = ((window as any).frames = []);
      let before = 0;
      const frame = (now: number) => {
        if (before) frames.push(now - before);
        before = now;
        if (!(window as any).enough) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    // As a wheel does it: up, far, and down again.
    for (let turn = 0; turn < 160; turn++) await tab.mouse.wheel(0, turn < 120 ? -400 : 300);
    const frames: number[] = await tab.evaluate(() => {
      (window as any).enough = true;
      return (window as any).frames;
    });
    const usual = 1000 / 60;
    const dropped = frames.reduce((sum, time) => sum + Math.max(0, Math.round(time / usual) - 1), 0);

    const devtools = await tab.context().newCDPSession(tab);
    const { usedSize } = await devtools.send("Runtime.getHeapUsage");
    const wasm = await tab.evaluate(() => ((window as any).performance.memory?.usedJSHeapSize ?? 0) as number);
    const whole = await browser.newBrowserCDPSession();
    const { processInfo } = await whole.send("SystemInfo.getProcessInfo");
    const tabs = processInfo.filter((process) => process.type === "renderer").map((process) => share(process.id));
    answer.add({
      opens: opens / 1000,
      frame_p50: percentile(frames, 50),
      frame_p99: percentile(frames, 99),
      dropped: (100 * dropped) / (frames.length + dropped),
      memory: Math.max(...tabs),
      heap: Math.max(usedSize, wasm) / 1024 / 1024,
    });
    await tab.context().close();
  }
  answer.note(`${last} lines; 160 turns of the wheel`);
});

/** The memory of a process, in MiB; pages that it shares count by their share. */
function share(pid: number): number {
  const pss = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Pss:\s+(\d+) kB/m)?.[1];
  return Number(pss ?? 0) / 1024;
}
