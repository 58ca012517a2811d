// The list of runbooks: found as one types, kept at hand, deleted only by name.
import { createRunbook, expect, hydrated, setUp, type Studio, test } from "../fixtures/studio";
import type { Page } from "@playwright/test";

const titles = ["Restart the queue", "Fail over the database", "Clear a full disk"];

test("the list follows what is typed, in the address too, and says how many fit", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await open(page, studio);
  await expect(page.getByText("3 runbooks", { exact: true })).toBeVisible();
  await page.getByRole("searchbox", { name: "Filter runbooks" }).fill("the data");
  await expect(page.getByText("1 of 3 runbooks")).toBeVisible();
  await expect(page.getByRole("row", { name: /Fail over the database/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /Restart the queue/ })).toBeHidden();
  await expect(page).toHaveURL(/q=the%20data|q=the\+data/);
  await page.reload();
  await expect(page.getByRole("searchbox", { name: "Filter runbooks" })).toHaveValue("the data");
  await expect(page.getByText("1 of 3 runbooks")).toBeVisible();
  await page.getByRole("searchbox", { name: "Filter runbooks" }).fill("nothing like it");
  await expect(page.getByText("No runbook matches")).toBeVisible();
  expect(problems).toEqual([]);
});

test("a favourite stays one, can be listed alone, and is on Home", async ({ page, studio }) => {
  await open(page, studio);
  const star = page.getByRole("button", { name: "Favourite: Clear a full disk" });
  await star.click();
  await expect(star).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("link", { name: "Favourites" }).click();
  await expect(page.getByText("1 of 3 runbooks")).toBeVisible();
  await page.goto(studio.url);
  const favourites = page.getByRole("region", { name: "Favourites" });
  await expect(favourites.getByRole("link", { name: "Clear a full disk", exact: true })).toBeVisible();
  await hydrated(page);
  await favourites.getByRole("button", { name: "Favourite: Clear a full disk" }).click();
  await expect(favourites.getByText("Mark a runbook with its star")).toBeVisible();
});

test("a tag narrows the list, and a second click widens it again", async ({ page, studio }) => {
  await open(page, studio);
  await createRunbook(page, studio, { title: "Grow a full disk", tags: ["storage"], blocks: [] });
  await page.reload();
  await hydrated(page);
  const tag = page.getByRole("search").getByRole("link", { name: "storage" });
  await tag.click();
  await expect(page.getByText("1 of 4 runbooks")).toBeVisible();
  await expect(page).toHaveURL(/tag=storage/);
  await expect(tag).toHaveAttribute("aria-current", "true");
  await expect(page.getByRole("row", { name: /Grow a full disk/ })).toBeVisible();
  await expect(page.getByRole("row", { name: /Clear a full disk/ })).toBeHidden();
  await tag.click();
  await expect(page.getByText("4 runbooks", { exact: true })).toBeVisible();
});

test("a runbook is duplicated from the list, and its copy is there to be edited", async ({ page, studio }) => {
  await setUp(page, studio);
  const blocks = [{ type: "command", name: "Stop it", config: { command: "echo stopped" } }];
  const id = await createRunbook(page, studio, { title: "Restart the queue", blocks });
  await page.goto(`${studio.url}/runbooks`);
  await hydrated(page);
  await page.getByLabel("More for Restart the queue").click();
  await page.getByRole("button", { name: "Duplicate" }).click();
  await expect(page).toHaveURL(/\/runbooks\/[^/]+\/edit$/);
  await expect(page).not.toHaveURL(`${studio.url}/runbooks/${id}/edit`);
  await expect(page.getByRole("textbox", { name: "Title" })).toHaveValue(/Restart the queue/);
  await expect(page.getByRole("group", { name: "Block 1: Command" }).getByLabel("Command", { exact: true })).toHaveValue("echo stopped");
  await page.goto(`${studio.url}/runbooks`);
  await expect(page.getByText("2 runbooks", { exact: true })).toBeVisible();
});

test("deleting names its target, and says that it was done", async ({ page, studio }) => {
  await open(page, studio);
  await page.getByLabel("More for Restart the queue").click();
  await expect(page.getByRole("link", { name: "Export" })).toBeVisible();
  await page.getByText("Delete…").filter({ visible: true }).click();
  await page.getByRole("button", { name: "Delete “Restart the queue”" }).click();
  await expect(page.getByRole("status").getByText("Deleted “Restart the queue”. Its runs stay readable.")).toBeVisible();
  await expect(page.getByText("2 runbooks", { exact: true })).toBeVisible();
  // No other question has moved under the hand that answered this one.
  await expect(page.getByRole("button", { name: /^Delete “/ })).toHaveCount(0);
  await page.getByRole("button", { name: "Dismiss" }).click();
  await expect(page.getByText("Deleted “Restart the queue”")).toBeHidden();
});

test("without JavaScript the list is filtered, starred and deleted by plain forms", async ({ browser, page, studio }) => {
  await open(page, studio);
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const reader = await plain.newPage();
  await reader.goto(`${studio.url}/runbooks`);
  await reader.getByRole("searchbox", { name: "Filter runbooks" }).fill("disk");
  await reader.getByRole("button", { name: "Filter" }).click();
  await expect(reader.getByText("1 of 3 runbooks")).toBeVisible();
  await reader.getByRole("button", { name: "Favourite: Clear a full disk" }).click();
  await expect(reader.getByRole("button", { name: "Favourite: Clear a full disk" })).toHaveAttribute("aria-pressed", "true");
  await reader.getByLabel("More for Clear a full disk").click();
  await reader.getByText("Delete…").filter({ visible: true }).click();
  await reader.getByRole("button", { name: "Delete “Clear a full disk”" }).click();
  await expect(reader.getByText("2 runbooks", { exact: true })).toBeVisible();
  await plain.close();
});

async function open(page: Page, studio: Studio): Promise<void> {
  await setUp(page, studio);
  for (const title of titles) await createRunbook(page, studio, { title, blocks: [] });
  await page.goto(`${studio.url}/runbooks`);
  await hydrated(page);
}
