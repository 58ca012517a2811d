// The main job, as a new user does it: write a runbook, run it, watch it, and find it again after a restart.
import { expect, hydrated, setUp, test } from "../fixtures/studio";
import type { Locator, Page } from "@playwright/test";

test("a new user writes, runs, stops, edits, restores, and finds the run after a restart", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));

  await test.step("first-run set-up", async () => {
    await setUp(page, studio);
  });

  await test.step("create a runbook with all five block types", async () => {
    await page.goto(`${studio.url}/runbooks/new`);
    await hydrated(page);
    await page.getByRole("textbox", { name: "Title" }).fill("Restart the queue");
    await page.getByRole("textbox", { name: "Description" }).fill("Drain it, restart it, check it.");

    const instruction = await addBlock(page, "Instruction", 1);
    await instruction.getByLabel("Text").fill("Tell **#ops** that you begin.");
    const command = await addBlock(page, "Command", 2);
    await command.getByLabel("Name").fill("Drain");
    await command.getByLabel("Command", { exact: true }).fill("for i in 1 2 3 4 5 6; do echo drained $i; sleep 1; done; echo careful >&2");
    const call = await addBlock(page, "API call", 3);
    await call.getByLabel("Name").fill("Ask for health");
    await call.getByLabel("URL").fill(`${studio.url}/healthz`);
    const condition = await addBlock(page, "Condition", 4);
    await condition.getByLabel("Name").first().fill("Is it there?");
    await condition.getByLabel("Check").selectOption("file_exists");
    await condition.getByLabel("File").fill("/etc/passwd");
    const timer = await addBlock(page, "Timer", 5);
    await timer.getByLabel("Name").fill("Let it settle");
    await timer.getByLabel("Duration").fill("4s");

    await page.getByRole("button", { name: "Create runbook" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Restart the queue" })).toBeVisible();
  });

  await test.step("run it and see output while the step still runs", async () => {
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(page).toHaveURL(/\/runs\//);
    await expect(page.getByText("drained 1")).toBeVisible();
    await expect(page.getByText("drained 6")).toBeHidden();
    await page.screenshot({ path: process.env.STUDIO_SCREENSHOT ?? "results/run.png" });
  });

  await test.step("pause after the step, then resume", async () => {
    await page.getByRole("button", { name: /^Pause/ }).click();
    await expect(page.locator(".head").getByText("Paused")).toBeVisible();
    await expect(page.getByText("drained 6")).toBeVisible();
    await expect(page.getByText("careful", { exact: true })).toBeVisible();
    await page.getByRole("button", { name: /^Resume/ }).click();
    await expect(page.locator(".head").getByText("Succeeded")).toBeVisible({ timeout: 30_000 });
  });

  await test.step("stop a second run", async () => {
    await page.goBack();
    await hydrated(page);
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(page.getByText("drained 1")).toBeVisible();
    await hydrated(page);
    await page.getByRole("button", { name: /^Stop/ }).first().click();
    await expect(page.getByText("0 processes left")).toBeVisible();
    await expect(page.locator(".head").getByText("Stopped")).toBeVisible();
  });

  await test.step("edit, then restore the first version", async () => {
    await page.getByRole("link", { name: "Restart the queue" }).first().click();
    await page.getByRole("link", { name: "Edit" }).first().click();
    await hydrated(page);
    await page.getByRole("textbox", { name: "Title" }).fill("Restart the queue twice");
    await page.getByRole("button", { name: /^Save as version 2/ }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Restart the queue twice" })).toBeVisible();
    await page.getByRole("link", { name: "Versions" }).first().click();
    await hydrated(page);
    await page.getByText("Restore…").first().click();
    await page.getByRole("button", { name: "Restore version 1" }).first().click();
    await expect(page.getByRole("heading", { level: 1, name: "Restart the queue", exact: true })).toBeVisible();
  });

  await test.step("the runs are in History after a server restart", async () => {
    await studio.restart();
    await page.goto(`${studio.url}/history`);
    await expect(page.getByRole("row", { name: /Restart the queue.*Succeeded|Succeeded.*Restart the queue/s })).toBeVisible();
    await page.getByRole("row", { name: /Succeeded/ }).getByRole("link").first().click();
    await expect(page.getByText("drained 6")).toBeVisible();
  });

  expect(problems).toEqual([]);
});

/** Adds a block of a kind at the end and gives its card back. */
async function addBlock(page: Page, kind: string, number: number): Promise<Locator> {
  await page.getByRole("region", { name: "Add a block" }).getByRole("button", { name: kind, exact: true }).click();
  const block = page.getByRole("group", { name: `Block ${number}: ${kind}` });
  await expect(block).toBeVisible();
  return block;
}
