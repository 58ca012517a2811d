// How long a keystroke takes to be on the screen in a long runbook. The budget is 16 ms, of a release build on a quiet machine.
import { createRunbook, expect, hydrated, setUp, test } from "../fixtures/studio";

const BLOCKS = 200;
const KEYS = 100;
/** A measurement, for a quiet machine and a release build, where it is asked for: `EDITOR_BUDGET_MS=16`. */
const BUDGET = Number(process.env.EDITOR_BUDGET_MS);

// A trace looks at the whole page after each key.
test.use({ trace: "off" });

test(`typing in a runbook with ${BLOCKS} blocks`, async ({ page, studio }) => {
  test.skip(!BUDGET, "it is measured where EDITOR_BUDGET_MS says what it is held to");
  test.setTimeout(240_000);
  await setUp(page, studio);
  const blocks = Array.from({ length: BLOCKS }, (_, index) => ({
    type: "command",
    name: `Step ${index + 1}`,
    config: { command: `echo {{ params.word }} ${index + 1}\ndf -h /srv/${index + 1}` },
  }));
  const parameters = [{ name: "word", type: "string", default: "hello" }];
  const id = await createRunbook(page, studio, { title: "Long", parameters, blocks });
  await page.goto(`${studio.url}/runbooks/${id}/edit`);
  await hydrated(page);
  const command = page.getByRole("group", { name: "Block 100: Command", exact: true }).getByLabel("Command", { exact: true });
  await command.click();
  await expect(page.getByRole("group", { name: "Block 100: Command", exact: true }).locator(".preview")).toBeVisible();
  await page.evaluate(() => {
    const spans: number[] = [];
    Object.assign(window, { spans });
    // From the key to the first moment after the frame that shows what it did.
    window.addEventListener(
      "keydown",
      () => {
        const began = performance.now();
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => spans.push(performance.now() - began);
          channel.port2.postMessage(null);
        });
      },
      true,
    );
    const longest = { work: 0 };
    Object.assign(window, { longest });
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (longest.work = Math.max(longest.work, entry.duration)))).observe({ entryTypes: ["longtask"] });
  });
  for (let key = 0; key < KEYS; key++) {
    await page.keyboard.press("x");
    // Every tenth key comes after a pause, when everything that follows from the text is worked out.
    if (key % 10 === 9) await page.waitForTimeout(220);
  }
  await page.waitForTimeout(1_000);
  const { spans, longest } = await page.evaluate(() => {
    const { spans, longest } = window as unknown as { spans: number[]; longest: { work: number } };
    return { spans, longest };
  });
  const sorted = [...spans].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))].toFixed(1);
  console.log(`keystroke to paint, ${BLOCKS} blocks: p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, worst ${at(1)} ms; longest task ${longest.work.toFixed(0)} ms`);
  expect(spans.length).toBe(KEYS);
  expect(Number(at(0.95))).toBeLessThanOrEqual(BUDGET);
  await expect(command).toHaveValue(/x{100}$/);
});
