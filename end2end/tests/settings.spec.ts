// Settings: what runs here, and what an administrator changes without a restart.
import { expect, hydrated, setUp, test } from "../fixtures/studio";

test("an administrator sees what runs here and sets how long the output of runs is kept", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  await page.getByRole("link", { name: "Settings" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Settings" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Database" }).getByText("embedded")).toBeVisible();
  await expect(page.getByRole("row", { name: /session_idle.*12h.*default/ })).toBeVisible();
  await expect(page.getByRole("region", { name: "Key to the stored secrets" }).getByText(/^age1/)).toBeVisible();
  await hydrated(page);
  await page.getByLabel("Output of runs after their end, days").fill("14");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved. What is too old now goes within an hour.")).toBeVisible();
  await studio.restart();
  await page.goto(`${studio.url}/settings`);
  await expect(page.getByLabel("Output of runs after their end, days")).toHaveValue("14");
  expect(problems).toEqual([]);
});

test("whoever may not see them is told which role it takes and who could give it", async ({ page, studio, browser }) => {
  await setUp(page, studio);
  const other = await browser.newContext();
  const developer = await other.newPage();
  await developer.goto(`${studio.url}/sign-up`);
  await developer.getByLabel("User name").fill("dev-1");
  await developer.getByLabel("Password").fill("a long and quiet night");
  await developer.getByRole("button", { name: /create/i }).click();
  await expect(developer.getByRole("link", { name: "Runbooks" }).first()).toBeVisible();
  await expect(developer.getByRole("link", { name: "Settings" })).toHaveCount(0);
  const answer = await developer.goto(`${studio.url}/settings`);
  expect(answer?.status()).toBe(403);
  await expect(developer.getByText(/needs the role admin/)).toBeVisible();
  await expect(developer.getByText(/oncall-1 is the administrator/)).toBeVisible();
  await other.close();
});

test("an address that leads nowhere offers a way on", async ({ page, studio }) => {
  await setUp(page, studio);
  const answer = await page.goto(`${studio.url}/nowhere`);
  expect(answer?.status()).toBe(404);
  await page.getByRole("searchbox", { name: "Search runbooks" }).fill("queue");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/runbooks\?q=queue/);
});

test("a key rotation that is under way is followed to its end, and nothing that is typed meanwhile is lost", async ({ page, studio }) => {
  await setUp(page, studio);
  await hydrated(page);
  let done = 30;
  await page.route("**/rpc/get_settings*", async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    Object.assign(json.keys, { rotation: done < 100 ? "running" : "finished", done, total: 100 });
    await route.fulfill({ response, json });
  });
  // Within the page, so that its script asks and not the server.
  await page.getByRole("link", { name: "Settings" }).click();
  const key = page.getByRole("region", { name: "Key to the stored secrets" });
  const bar = key.getByRole("progressbar", { name: "Secrets encrypted anew" });
  await expect(key.getByText("Under way: 30 of 100 secrets")).toBeVisible();
  await expect(bar).toHaveAttribute("value", "30");
  await page.getByLabel("Output of runs after their end, days").fill("21");
  done = 70;
  await expect(key.getByText("Under way: 70 of 100 secrets")).toBeVisible();
  await expect(bar).toHaveAttribute("value", "70");
  done = 100;
  await expect(key.getByText("Finished: 100 secrets encrypted anew")).toBeVisible();
  await expect(bar).toBeHidden();
  await expect(page.getByLabel("Output of runs after their end, days")).toHaveValue("21");
});
