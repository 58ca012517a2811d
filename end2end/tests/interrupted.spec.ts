// What becomes of a command when its server and its runner are both lost in the middle of it.
import type { Locator, Page } from "@playwright/test";
import { createRunbook, expect, hydrated, setUp, state, step, type Studio, test } from "../fixtures/studio";

test("a step whose outcome nobody knows is settled by a person", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const cut = step(page, "Move the archive");
  const next = step(page, "Go to the next");

  await test.step("start a run whose first command takes long", async () => {
    await setUp(page, studio);
    const id = await createRunbook(page, studio, {
      title: "Move the archive",
      blocks: [
        { type: "command", name: "Move the archive", config: { command: "echo half of it moved; sleep 60; echo all of it moved" } },
        { type: "command", name: "Go to the next", config: { command: "echo on to the next" } },
      ],
    });
    await page.goto(`${studio.url}/runbooks/${id}`);
    await hydrated(page);
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(cut.locator(".console")).toContainText("half of it moved");
  });

  await test.step("lose the server and the runner, and start again", async () => {
    await studio.kill();
    await studio.killRunner();
    await expect(page.getByText("Reconnecting…")).toBeVisible();
    await studio.launch();
  });

  await test.step("the open page finds its server again: the run is interrupted and says why", async () => {
    await expect(state(page, "Interrupted")).toBeVisible();
    await expect(page.getByText("Reconnecting…")).toBeHidden();
    await expect(cut.getByText(/the server was lost while this step ran; .*; stopped, 0 processes left/i)).toBeVisible();
    await expect(cut.locator(".console")).toContainText("half of it moved");
    await expect(next.getByText("Pending")).toBeVisible();
    for (const name of ["Retry on this server", "Skip", "Mark as done"]) {
      await expect(cut.getByRole("button", { name, exact: true })).toBeVisible();
    }
  });

  await test.step("a person looked, and marks it as done: the run goes on and nothing is repeated", async () => {
    await cut.getByRole("button", { name: "Mark as done" }).click();
    await expect(state(page, "Succeeded")).toBeVisible();
    await expect(page.getByText("Reconnecting…")).toBeHidden();
    await expect(cut.getByText("marked as done by oncall-1")).toBeVisible();
    await expect(cut.locator(".console")).not.toContainText("all of it moved");
    await expect(cut.getByText("attempt 2")).toBeHidden();
    await expect(next.locator(".console")).toContainText("on to the next");
  });

  expect(problems).toEqual([]);
});

test("a step whose outcome nobody knows is tried again", async ({ page, studio }, info) => {
  const mark = info.outputPath("began");
  await cutShort(page, studio, `if [ -e '${mark}' ]; then echo all of it moved; else touch '${mark}'; echo half of it moved; sleep 60; fi`);
  const cut = step(page, "Move the archive");
  await cut.getByRole("button", { name: "Retry on this server", exact: true }).click();
  await expect(state(page, "Succeeded")).toBeVisible();
  await expect(cut.getByText("attempt 2").first()).toBeVisible();
  await expect(cut.locator(".console").filter({ hasText: "all of it moved" })).toHaveCount(1);
  await expect(step(page, "Go to the next").locator(".console")).toContainText("on to the next");
});

test("a step whose outcome nobody knows is skipped, and the run goes on", async ({ page, studio }) => {
  await cutShort(page, studio, "echo half of it moved; sleep 60; echo all of it moved");
  const cut = step(page, "Move the archive");
  await cut.getByRole("button", { name: "Skip", exact: true }).click();
  await expect(state(page, "Succeeded")).toBeVisible();
  await expect(cut.getByText("Skipped").first()).toBeVisible();
  await expect(cut.locator(".console")).not.toContainText("all of it moved");
  await expect(step(page, "Go to the next").locator(".console")).toContainText("on to the next");
});

test("a page that was open while its server was away has every line once", async ({ page, studio }) => {
  const LINES = 80;
  const card = step(page, "Count");
  const console = card.locator(".console");

  await test.step("a command writes line after line", async () => {
    await setUp(page, studio);
    const command = `i=0; while [ $i -lt ${LINES} ]; do i=$((i + 1)); echo line $i; sleep 0.1; done`;
    const id = await createRunbook(page, studio, { title: "Count", blocks: [{ type: "command", name: "Count", config: { command } }] });
    await page.goto(`${studio.url}/runbooks/${id}`);
    await hydrated(page);
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(console).toContainText("line 10");
    await expect(page).toHaveTitle(/^● running 1\/1/);
  });

  await test.step("the server is lost twice and comes back: the page says so, and hides nothing that can be pressed", async () => {
    await page.setViewportSize({ width: 390, height: 700 });
    for (let times = 0; times < 2; times++) {
      await page.evaluate(() => document.querySelectorAll("[role=status]").forEach((region) => region.setAttribute("data-before", "")));
      await studio.kill();
      const banner = page.getByText("Reconnecting…");
      await expect(banner).toBeVisible();
      // A region that comes with its text is not read aloud.
      expect(await banner.evaluate((element) => element.closest("[role=status]")?.hasAttribute("data-before"))).toBe(true);
      // What lies under it is pressed, not the banner.
      expect(await banner.evaluate((element) => getComputedStyle(element).pointerEvents)).toBe("none");
      await studio.launch();
      await expect(banner).toBeHidden();
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  await test.step("each line is there once, in its place", async () => {
    await expect(state(page, "Succeeded")).toBeVisible({ timeout: 60_000 });
    const expected = Array.from({ length: LINES }, (_, index) => `${index + 1}: line ${index + 1}`);
    await expect.poll(() => all(page.locator("body"), console), { timeout: 30_000 }).toEqual(expected);
  });
});

/** Runs a command, loses server and runner once it has moved half, and starts the server again: the page asks what to do. */
async function cutShort(page: Page, studio: Studio, command: string): Promise<void> {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, {
    title: "Move the archive",
    blocks: [
      { type: "command", name: "Move the archive", config: { command } },
      { type: "command", name: "Go to the next", config: { command: "echo on to the next" } },
    ],
  });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByRole("button", { name: /^Run all/ }).click();
  await expect(step(page, "Move the archive").locator(".console")).toContainText("half of it moved");
  await studio.kill();
  await studio.killRunner();
  await studio.launch();
  await expect(state(page, "Interrupted")).toBeVisible();
}

/** Every line of a console with its number, scrolled from its beginning to its end. */
async function all(body: Locator, console: Locator): Promise<string[]> {
  await console.evaluate((screen) => (screen.scrollTop = 0));
  const lines = new Map<number, string>();
  for (let at = 0; at < 20; at++) {
    for (const [number, text] of await console.evaluate((screen) =>
      [...screen.querySelectorAll("p:not(.console__probe)")].map((line) => [Number(line.querySelector("i")?.textContent), line.querySelector("span")?.textContent ?? ""] as const),
    )) {
      lines.set(number, text);
    }
    const end = await console.evaluate((screen) => {
      screen.scrollTop += screen.clientHeight;
      return screen.scrollTop + screen.clientHeight >= screen.scrollHeight - 1;
    });
    await body.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    if (end && at > 3) break;
  }
  return [...lines].sort(([one], [other]) => one - other).map(([number, text]) => `${number}: ${text}`);
}
