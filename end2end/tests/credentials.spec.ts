// Credentials: stored once, never shown again, deleted by name.
import { expect, hydrated, setUp, test } from "../fixtures/studio";

const secret = "pd-0123456789abcdef";

test("a credential is stored, listed without its secret, and deleted", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  await page.getByRole("link", { name: "Credentials" }).click();
  await expect(page).toHaveTitle(/Credentials/);
  await hydrated(page);
  await expect(page.getByText("No credentials yet")).toBeVisible();
  await page.getByLabel("Name").fill("pager-token");
  await page.getByLabel("Secret").fill(secret);
  await page.getByRole("button", { name: "Store credential" }).click();
  const row = page.getByRole("row", { name: /pager-token/ });
  await expect(row.getByText("API token or secret")).toBeVisible();
  await expect(row.getByText("Never")).toBeVisible();
  await expect(page.getByLabel("Secret")).toHaveValue("");
  const answer = await page.reload();
  expect(await answer?.text()).not.toContain(secret);
  await expect(row).toBeVisible();
  await hydrated(page);
  await row.getByText("Delete…").click();
  await row.getByRole("button", { name: "Delete “pager-token”" }).click();
  await expect(row).toBeHidden();
  await expect(page.getByText("No credentials yet")).toBeVisible();
  expect(problems).toEqual([]);
});
