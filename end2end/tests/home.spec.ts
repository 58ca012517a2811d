// Home: a new installation teaches, and later what waits and what one uses is there without looking for it.
import { createRunbook, expect, hydrated, setUp, state, step, test } from "../fixtures/studio";

test("the sample runbook of a new installation runs as it is, and asks once", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  await expect(page.getByRole("heading", { name: "Nothing here yet" })).toBeVisible();
  await hydrated(page);
  await page.getByRole("button", { name: "Make the sample runbook" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Look at this machine" })).toBeVisible();
  await page.getByRole("button", { name: /^Run all/ }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(state(page, "Waiting for you")).toBeVisible();
  await hydrated(page);
  await step(page, "What machine is this?").getByRole("button", { name: /^Approve/ }).click();
  await expect(state(page, "Succeeded")).toBeVisible({ timeout: 30_000 });
  await expect(step(page, "What machine is this?").getByText("Linux").first()).toBeVisible();

  await page.goto(studio.url);
  const recent = page.getByRole("region", { name: "You ran lately" });
  await expect(recent.getByRole("link", { name: "Look at this machine", exact: true })).toBeVisible();
  await expect(recent.getByRole("link", { name: "Run Look at this machine…" })).toBeVisible();
  expect(problems).toEqual([]);
});

test("a run that asks appears on Home by itself, and goes when it is answered", async ({ page, studio, context }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, {
    title: "Ask me",
    blocks: [{ type: "command", name: "Say it", confirm: true, config: { command: "echo did it" } }],
  });
  await page.goto(studio.url);
  await hydrated(page);
  await expect(page.getByRole("searchbox", { name: "Search runbooks" })).toBeFocused();
  await expect(page.getByRole("region", { name: "Waits for you" })).toBeHidden();

  const other = await context.newPage();
  await other.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(other);
  await other.getByRole("button", { name: /^Run all/ }).click();
  await expect(state(other, "Waiting for you")).toBeVisible();

  await page.bringToFront();
  await expect(page.getByRole("region", { name: "Waits for you" }).getByRole("link", { name: /Ask me/ })).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: "1 run waits for you" })).toBeAttached();
  await hydrated(other);
  await step(other, "Say it").getByRole("button", { name: /^Approve/ }).click();
  await expect(state(other, "Succeeded")).toBeVisible();
  await page.bringToFront();
  await expect(page.getByRole("region", { name: "Waits for you" })).toBeHidden();
});
