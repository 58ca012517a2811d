// Two runs side by side: where they part, what each wrote, how long each took; found from a run and from the history.
import { createRunbook, expect, hydrated, setUp, state, type Studio, test } from "../fixtures/studio";
import type { Page } from "@playwright/test";

const runbook = {
  title: "Check the lag",
  parameters: [{ name: "lag", type: "number", default: 3 }],
  blocks: [
    { name: "Say hello", type: "command", config: { command: "echo hello" } },
    { name: "Look at the lag", type: "command", config: { command: 'echo "lag is {{ params.lag }} s"; test {{ params.lag }} -lt 5' } },
  ],
};

test("a failed run is compared with the last good one", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  await run(page, studio, id, "3", "Succeeded");
  await run(page, studio, id, "9", "Failed");

  await test.step("the run's page leads to it", async () => {
    await page.getByRole("link", { name: "Compare with the last good run" }).click();
    await expect(page.getByRole("heading", { name: "Run #2 compared with #1" })).toBeVisible();
    await expect(page.getByRole("heading", { name: "They part at “Look at the lag”" })).toBeVisible();
  });

  await test.step("it shows the parameter, the exit codes and the lines that differ", async () => {
    await expect(page.locator(".diff__block").filter({ hasText: "Parameters" }).locator("ins")).toHaveText("+9");
    const row = page.getByRole("row", { name: /Look at the lag.*exit 0.*exit 1/s });
    await expect(row).toBeVisible();
    await expect(page.locator("ins").filter({ hasText: /^\+lag is 9 s$/ })).toBeVisible();
    await expect(page.locator("del").filter({ hasText: /^−lag is 3 s$/ })).toBeVisible();
    await expect(page.getByRole("row", { name: /Say hello/ }).getByText("Different")).toHaveCount(0);
  });

  await test.step("two runs are picked in the history", async () => {
    await page.goto(`${studio.url}/history`);
    await hydrated(page);
    await page.getByLabel("Compare run #1").check();
    await page.getByLabel("Compare run #2").check();
    await page.getByRole("button", { name: /^Compare/ }).click();
    await expect(page.getByRole("heading", { name: "Run #2 compared with #1" })).toBeVisible();
  });

  expect(problems).toEqual([]);
});

test("the history is filtered and two runs compared without JavaScript", async ({ browser, page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  const other = await createRunbook(page, studio, { title: "Another one", blocks: [] });
  await run(page, studio, id, "3", "Succeeded");
  await run(page, studio, id, "9", "Failed");
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const reader = await plain.newPage();
  const rows = reader.getByRole("table").getByRole("row");

  await reader.goto(`${studio.url}/history`);
  await expect(rows).toHaveCount(3);
  await reader.getByLabel("State", { exact: true }).selectOption("failed");
  await reader.getByLabel("Runbook", { exact: true }).selectOption(id);
  await reader.getByLabel("From", { exact: true }).fill("2020-01-01");
  await reader.getByRole("button", { name: "Filter" }).click();
  await expect(rows).toHaveCount(2);
  await expect(rows.nth(1)).toContainText("Failed");
  await expect(reader.getByLabel("State", { exact: true })).toHaveValue("failed");
  await reader.goto(`${studio.url}/history?until=2020-01-01`);
  await expect(reader.getByRole("heading", { name: "No runs here" })).toBeVisible();
  await reader.goto(`${studio.url}/history?runbook=${other}`);
  await expect(reader.getByRole("heading", { name: "No runs here" })).toBeVisible();
  await reader.goto(`${studio.url}/history?user=nobody`);
  await expect(reader.getByRole("heading", { name: "No runs here" })).toBeVisible();

  await reader.goto(`${studio.url}/history`);
  await reader.getByLabel("Compare run #1").check();
  await reader.getByRole("button", { name: /^Compare/ }).click();
  await expect(reader.getByText("Two runs can be compared; 1 was ticked")).toBeVisible();
  await reader.goBack();
  await reader.getByLabel("Compare run #1").check();
  await reader.getByLabel("Compare run #2").check();
  await reader.getByRole("button", { name: /^Compare/ }).click();
  await expect(reader.getByText("They part at “Look at the lag”")).toBeVisible();
  await plain.close();
});

/** Runs it with this answer and waits for its end. */
async function run(page: Page, studio: Studio, id: string, lag: string, end: string): Promise<void> {
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByRole("textbox", { name: "lag" }).or(page.getByRole("spinbutton", { name: "lag" })).fill(lag);
  await page.getByRole("button", { name: /^Run all/ }).click();
  await expect(state(page, end)).toBeVisible({ timeout: 30_000 });
}
