// How the editor feels when there is much in it.
import { expect, fresh, live, noteLive, percentile, sizes, test } from "./measure";

const BLOCKS = 200;
const KEYS = 200;

test("U5: typing", async ({ browser, world: { studio, api }, answer }) => {
  const block = (n: number) => ({ type: "command", name: `Step ${n}`, config: { command: `echo ${n}\nsystemctl status service-${n}` }, timeout: "5m" });
  const runbook = await api.runbook({ title: "Long", blocks: Array.from({ length: BLOCKS }, (_, n) => block(n)) });
  for (let round = 0; round < sizes.rounds; round++) {
    const tab = await fresh(browser, studio);
    await noteLive(tab);
    await tab.addInitScript(() => {
      const keys: [number, number][] = ((window as any).keys = []);
      let down = 0;
      addEventListener("keydown", (event) => (down = event.timeStamp), { capture: true });
      addEventListener(
        "input",
        () => {
          const pressed = down;
          let worked = 0;
          after(() => (worked = performance.now() - pressed));
          // On the screen once the frame with it is done: a message comes after its painting.
          requestAnimationFrame(() => after(() => keys.push([performance.now() - pressed, worked])));
        },
        { capture: true },
      );
      /** When every handler and everything that they put off is done. */
      function after(act: () => void): void {
        const channel = new MessageChannel();
        channel.port1.onmessage = act;
        channel.port2.postMessage(0);
      }
    });
    await tab.goto(`${studio.url}/runbooks/${runbook}/edit`);
    // When the page itself was ready: to find a field by its role among 200 blocks takes the test longer than the page to open.
    const opens = await live(tab);
    const field = tab.getByRole("group", { name: "Block 100: Command" }).getByLabel("Command", { exact: true });
    await expect(field).toBeEnabled();
    await field.click();
    for (let key = 0; key < KEYS; key++) await tab.keyboard.press(key % 6 === 5 ? "Space" : "x", { delay: 8 });
    await tab.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    const keys: [number, number][] = await tab.evaluate(() => (window as any).keys);
    const painted = keys.map(([at]) => at);
    const worked = keys.map(([, at]) => at);
    answer.add({ p50: percentile(painted, 50), p99: percentile(painted, 99), work_p50: percentile(worked, 50), work_p99: percentile(worked, 99), opens: opens / 1000 });
    await tab.context().close();
  }
  answer.note(`${KEYS} keys in the middle of ${BLOCKS} blocks; keystroke to paint holds the wait for the next of 60 frames a second, 8 ms on average`);
});
