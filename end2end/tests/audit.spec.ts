// The audit trail: read, narrowed, verified and downloaded; by plain links and forms where no script runs.
import { createRunbook, expect, hydrated, setUp, test } from "../fixtures/studio";

test("who did what is found, shown and verified", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  const id = await createRunbook(page, studio, { title: "Restart the queue", blocks: [] });

  await test.step("the newest entry is the first", async () => {
    await page.getByRole("link", { name: "Audit" }).click();
    await expect(page.getByRole("heading", { name: "Audit", exact: true })).toBeVisible();
    await expect(page.getByRole("row").nth(1)).toContainText("Runbook created");
    await expect(page.getByRole("row").nth(1)).toContainText("Restart the queue");
  });

  await test.step("filters narrow it", async () => {
    await hydrated(page);
    await page.getByLabel("What was done").selectOption("account.sign_up");
    await page.getByRole("button", { name: "Filter" }).click();
    await expect(page).toHaveURL(/action=account.sign_up/);
    await expect(page.getByRole("row")).toHaveCount(2);
    await page.goto(`${studio.url}/audit?target=runbook:${id}`);
    await expect(page.getByRole("row")).toHaveCount(2);
  });

  await test.step("an entry opens", async () => {
    await page.getByText("Show", { exact: false }).first().click();
    await expect(page.getByText(`runbook:${id}`)).toBeVisible();
  });

  await test.step("the trail is verified, also against a head", async () => {
    await page.getByRole("button", { name: "Verify", exact: true }).click();
    await expect(page.getByRole("status").filter({ hasText: "Verified" })).toContainText("are as they were written");
    await page.getByLabel("A head that was kept elsewhere").fill(`1:${"0".repeat(64)}`);
    await page.getByRole("button", { name: "Verify against it" }).click();
    await expect(page.getByRole("alert")).toContainText("Row 1 is not the one of the head that was kept");
  });

  await test.step("it is downloaded", async () => {
    await page.goto(`${studio.url}/audit?action=account.sign_up`);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
    expect(download.suggestedFilename()).toBe("audit-trail.csv");
  });

  expect(problems).toEqual([]);
});

test("the trail is read and verified without JavaScript", async ({ browser, page, studio }) => {
  await setUp(page, studio);
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const reader = await plain.newPage();
  await reader.goto(`${studio.url}/audit`);
  await reader.getByLabel("What was done").selectOption("account.sign_in");
  await reader.getByRole("button", { name: "Filter" }).click();
  await expect(reader.getByRole("row").nth(1)).toContainText("Account sign in");
  await expect(reader.getByRole("cell", { name: "Account sign up" })).toHaveCount(0);
  await reader.getByRole("button", { name: "Verify", exact: true }).click();
  await expect(reader.getByRole("status").filter({ hasText: "Verified" })).toBeVisible();
  await plain.close();
});
