// The console of a step that writes far more than fits on any screen.
import { type Locator, type Page } from "@playwright/test";
import { createRunbook, expect, hydrated, setUp, state, step, test } from "../fixtures/studio";

const LINES = 200_000;

/** The numbers of the lines that are in sight, by where they are drawn. */
async function inSight(console: Locator): Promise<number[]> {
  return console.evaluate((screen) => {
    const { top, bottom } = screen.getBoundingClientRect();
    const lines = [...screen.querySelectorAll("p:not(.console__probe)")].filter((line) => {
      const place = line.getBoundingClientRect();
      return place.bottom > top + 1 && place.top < bottom - 1;
    });
    return lines.map((line) => Number(line.querySelector("i")?.textContent));
  });
}

/** All output has arrived, not only the end of it that comes with the page. */
async function complete(page: Page, card: Locator): Promise<void> {
  await expect(card.locator(".cbar").first()).toContainText(`${(LINES + 2).toLocaleString("en")} lines`, { timeout: 60_000 });
}

test("a console with 200,000 lines is opened, followed, searched, filtered and linked to", async ({ page, studio }) => {
  test.setTimeout(240_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const card = step(page, "Write much");
  const console = card.locator(".console");
  const drawn = console.locator("p:not(.console__probe)");

  await test.step("it runs, and its end stays in sight", async () => {
    await setUp(page, studio);
    const command = [
      `awk 'BEGIN { for (i = 1; i <= ${LINES}; i++) { if (i == 777) print "\\033[31mthe Needle\\033[0m of line", i; else print "line", i, "of a long night" } }'`,
      "echo first trouble >&2",
      "sleep 1",
      "echo the very end",
    ].join("; ");
    const id = await createRunbook(page, studio, {
      title: "Much output",
      blocks: [
        { type: "command", name: "Write much", config: { command } },
        { type: "command", name: "Write little", config: { command: "echo one line" } },
      ],
    });
    await page.goto(`${studio.url}/runbooks/${id}`);
    await hydrated(page);
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(state(page, "Succeeded")).toBeVisible({ timeout: 60_000 });
    await complete(page, card);
    await expect(drawn.last()).toContainText("the very end");
    await expect.poll(() => inSight(console)).toContain(LINES + 2);
  });

  await test.step("one line is one line high, before and after a reload", async () => {
    const small = step(page, "Write little").locator(".console");
    const height = async () => (await small.boundingBox())?.height ?? 0;
    await expect(small).toContainText("one line");
    const before = await height();
    expect(before).toBeLessThan(45);
    await page.reload();
    await hydrated(page);
    expect(Math.abs((await height()) - before)).toBeLessThan(2);
  });

  await test.step("opened again the end is there at once, and few lines are drawn", async () => {
    const opened = Date.now();
    await page.reload({ waitUntil: "commit" });
    await expect(console).toContainText("the very end");
    expect(Date.now() - opened).toBeLessThan(5_000);
    await hydrated(page);
    await complete(page, card);
    expect(await drawn.count()).toBeLessThan(250);
  });

  await test.step("scrolling up stops following; there is a way back to the end", async () => {
    const end = card.getByRole("button", { name: "Jump to the end" });
    await expect(end).toBeHidden();
    await console.evaluate((screen) => (screen.scrollTop = screen.scrollHeight / 2));
    await expect(end).toBeVisible();
    await expect.poll(async () => Math.abs((await inSight(console))[0] - LINES / 2)).toBeLessThan(50);
    expect(await drawn.count()).toBeLessThan(250);
    await end.click();
    await expect.poll(() => inSight(console)).toContain(LINES + 2);
    await expect(end).toBeHidden();
    await console.evaluate((screen) => (screen.scrollTop = 0));
    await expect.poll(() => inSight(console)).toContain(1);
    await page.keyboard.press("f");
    await expect.poll(() => inSight(console)).toContain(LINES + 2);
  });

  await test.step("a word is found, shown and marked; Return goes on, Shift and Return back", async () => {
    await console.focus();
    await page.keyboard.press("/");
    const field = card.getByRole("searchbox");
    await expect(field).toBeFocused();
    await field.fill("needle");
    await field.press("Enter");
    await expect(card.getByRole("search")).toContainText("1 of 1");
    await expect(console.locator("mark")).toHaveText("Needle");
    await expect.poll(() => inSight(console)).toContain(777);
    await field.fill("line 19999");
    await field.press("Enter");
    await expect(card.getByRole("search")).toContainText("1 of 11");
    await field.press("Enter");
    await expect.poll(() => inSight(console)).toContain(199_990);
    await field.press("Shift+Enter");
    await expect.poll(() => inSight(console)).toContain(19_999);
    await field.press("Escape");
    await expect(field).toBeHidden();
    await expect(console).toBeFocused();
  });

  await test.step("stderr alone", async () => {
    await card.getByRole("button", { name: "stderr only" }).click();
    await expect(drawn).toHaveCount(1);
    await expect(drawn).toContainText("first trouble");
    await card.getByRole("button", { name: "stderr only" }).click();
    await expect.poll(() => drawn.count()).toBeGreaterThan(20);
  });

  await test.step("a line has an address", async () => {
    await page.goto(`${page.url().split("#")[0]}#step-1-line-120`);
    await page.reload();
    await hydrated(page);
    await complete(page, card);
    await expect.poll(() => inSight(console)).toContain(120);
    await expect(console.locator("#step-1-line-120")).toHaveClass(/\bon\b/);
    await expect(console.locator("#step-1-line-120")).toBeInViewport();
  });

  await test.step("without wrapping too", async () => {
    await card.getByRole("button", { name: "Wrap" }).click();
    await console.evaluate((screen) => (screen.scrollTop = screen.scrollHeight / 4));
    await expect.poll(async () => Math.abs((await inSight(console))[0] - LINES / 4)).toBeLessThan(50);
  });

  await test.step("a report tells of it", async () => {
    const href = await page.getByRole("link", { name: "Markdown" }).getAttribute("href");
    const report = await page.request.get(`${studio.url}${href}`);
    expect(report.headers()["content-type"]).toContain("text/markdown");
    const text = await report.text();
    expect(text).toContain("### 1. Write much");
    expect(text).toContain("the very end");
    expect((await page.request.get(`${studio.url}${href?.replace("markdown", "json")}`)).status()).toBe(200);
  });
  expect(problems).toEqual([]);
});

test("a run is started again with the same answers", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, {
    title: "Greet",
    parameters: [{ name: "whom", type: "string", default: "nobody" }],
    blocks: [{ type: "command", name: "Say it", config: { command: "echo hello {{ params.whom }}; exit 3" } }],
  });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByLabel("whom").fill("a & b");
  await page.getByRole("button", { name: /^Run all/ }).click();
  await expect(state(page, "Failed")).toBeVisible();
  // The step says why; above stands only which one it was.
  await expect(page.locator(".head").getByText("It failed at")).toBeVisible();
  await expect(page.locator(".head .bad-t")).toHaveCount(0);
  await page.getByRole("link", { name: "Run again" }).click();
  await expect(page).toHaveURL(new RegExp(`/runbooks/${id}`));
  await expect(page.getByLabel("whom")).toHaveValue("a & b");
});
