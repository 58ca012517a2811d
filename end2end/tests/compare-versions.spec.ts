// What changed between two versions is seen, block by block, and an old one is restored from there; also without JavaScript.
import { account, createRunbook, expect, hydrated, setUp, type Studio, test } from "../fixtures/studio";
import type { Locator, Page } from "@playwright/test";

test("what changed between two versions is seen, and the old one restored from there", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  const id = await twoVersions(page, studio);

  await test.step("the list leads to what a version changed", async () => {
    await page.goto(`${studio.url}/runbooks/${id}/versions`);
    await hydrated(page);
    await page.getByRole("link", { name: "Compare with the one before: version 1 with version 2" }).click();
    await expect(page.getByRole("heading", { name: "1 block changed, 1 added, 1 moved" })).toBeVisible();
  });

  await test.step("a changed command shows the words that are gone and those that came", async () => {
    const restart = block(page, "Restart");
    await expect(restart.getByText("Changed", { exact: true })).toBeVisible();
    await expect(restart.locator("del")).toHaveText("−systemctl restart queue");
    await expect(restart.locator("del b")).toHaveText("queue");
    await expect(restart.locator("ins")).toHaveText("+systemctl restart workers");
  });

  await test.step("what was moved says from where, and what is the same is folded away", async () => {
    await expect(block(page, "Check").getByText("Moved from block 4")).toBeVisible();
    await expect(block(page, "Announce").getByText("Added", { exact: true })).toBeVisible();
    await expect(page.getByText("2 blocks that are the same")).toBeVisible();
    await expect(page.getByText("Drain", { exact: true })).toBeHidden();
    await page.getByText("2 blocks that are the same").click();
    await expect(page.getByText("Drain", { exact: true })).toBeVisible();
  });

  await test.step("other versions are picked", async () => {
    await page.locator('select[name="from"]').selectOption("2");
    await page.getByRole("button", { name: "Compare" }).click();
    await expect(page).toHaveURL(/from=2&to=2/);
    await expect(page.getByRole("heading", { name: "Nothing is different" })).toBeVisible();
  });

  await test.step("the old version is restored", async () => {
    await page.goto(`${studio.url}/runbooks/${id}/versions/compare?from=1&to=2`);
    await hydrated(page);
    await page.getByText("Restore…").click();
    await page.getByRole("button", { name: "Restore version 1" }).click();
    await expect(page).toHaveURL(`${studio.url}/runbooks/${id}`);
    await expect(page.getByText("systemctl restart queue")).toBeVisible();
  });

  expect(problems).toEqual([]);
});

test("versions are compared without JavaScript", async ({ browser, page, studio }) => {
  await setUp(page, studio);
  const id = await twoVersions(page, studio);
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const reader = await plain.newPage();
  await reader.goto(`${studio.url}/runbooks/${id}/versions/compare`);
  await expect(reader.getByRole("heading", { name: "1 block changed, 1 added, 1 moved" })).toBeVisible();
  await reader.locator('select[name="from"]').selectOption("2");
  await reader.locator('select[name="to"]').selectOption("1");
  await reader.getByRole("button", { name: "Compare" }).click();
  await expect(reader.getByRole("heading", { name: "1 block changed, 1 removed, 1 moved" })).toBeVisible();
  await reader.getByText("Restore…").click();
  await reader.getByRole("button", { name: "Restore version 1" }).click();
  await expect(reader.getByText("systemctl restart queue")).toBeVisible();
  await plain.close();
});

test("who saves second sees what the other changed and what saving over it would change", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, { title: "Restart the queue", blocks: blocks("queue") });
  await page.goto(`${studio.url}/runbooks/${id}/edit`);
  await hydrated(page);
  await page.getByRole("textbox", { name: "Title" }).fill("Restart the queues");
  await update(page, studio, id, { title: "Restart the queue", blocks: blocks("workers") });
  await page.getByRole("button", { name: /^Save as version 2/ }).click();

  const notice = page.getByRole("alert").filter({ hasText: "saved version 2 while you were editing" });
  await expect(notice.locator("ins").filter({ hasText: "systemctl restart workers" })).toBeVisible();
  await notice.getByText("What saving yours would change in version 2").click();
  await expect(notice.locator("ins").filter({ hasText: "Restart the queues" })).toBeVisible();
  await notice.getByRole("button", { name: "Save mine over it" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Restart the queues" })).toBeVisible();
});

const ids = ["drain", "stop", "restart", "check"].map((_, at) => `01932c07-0000-7000-8000-00000000010${at}`);

function command(at: number, name: string, text: string): object {
  return { id: ids[at], name, type: "command", config: { command: text } };
}

function blocks(what: string): object[] {
  return [
    command(0, "Drain", "queue drain"),
    command(1, "Stop", "systemctl stop queue"),
    command(2, "Restart", `systemctl restart ${what}`),
    command(3, "Check", "systemctl is-active queue"),
  ];
}

/** A runbook of two versions: one block changed, one moved to the front, one added at the end. */
async function twoVersions(page: Page, studio: Studio): Promise<string> {
  const id = await createRunbook(page, studio, { title: "Restart the queue", blocks: blocks("queue") });
  const [drain, stop, restart, check] = blocks("workers");
  const added = { name: "Announce", type: "instruction", config: { text: "Tell **#ops**." } };
  await update(page, studio, id, { title: "Restart the queue", blocks: [check, drain, stop, restart, added] });
  return id;
}

async function update(page: Page, studio: Studio, id: string, runbook: object): Promise<void> {
  const login = await page.request.post(`${studio.url}/api/v1/users/login`, { data: account });
  const headers = { "X-API-KEY": (await login.json()).api_key };
  const data = { description: "", ...runbook };
  const saved = await page.request.put(`${studio.url}/api/v1/runbooks/${id}`, { headers, data });
  expect(saved.status(), await saved.text()).toBe(200);
}

function block(page: Page, name: string): Locator {
  return page.locator(".diff__block").filter({ has: page.getByRole("heading", { name, exact: true }) });
}
