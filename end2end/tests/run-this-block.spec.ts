// One block alone: from the runbook's page with what its form says, and from the editor where the block is as it was saved.
import { createRunbook, expect, hydrated, setUp, state, step, test } from "../fixtures/studio";

const runbook = {
  title: "Three commands",
  parameters: [{ name: "word", type: "string", default: "hello" }],
  blocks: [
    { type: "command", name: "First", config: { command: "echo first {{ params.word }}" } },
    { type: "command", name: "Second", config: { command: "echo second {{ params.word }}" } },
    { type: "timer", name: "Third", config: { duration: "1s" } },
  ],
};

test("a block runs alone from the runbook's page, and says where", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByLabel("word").fill("again");
  await expect(page.getByRole("button", { name: "Run on this server: Third alone" })).toBeHidden();
  await page.getByRole("button", { name: "Run on this server: Second alone" }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(state(page, "Succeeded")).toBeVisible();
  await expect(step(page, "Second").locator(".console")).toContainText("second again");
  await expect(step(page, "First").getByText("Skipped").first()).toBeVisible();
});

test("Return in a field of the form runs everything, not the first block alone", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByLabel("Reason").press("Enter");
  await expect(page).toHaveURL(/\/runs\//);
  await expect(state(page, "Succeeded")).toBeVisible();
  await expect(step(page, "Second").locator(".console")).toContainText("second hello");
});

test("the editor runs a block that is saved, and says why it does not run one that is not", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  await page.goto(`${studio.url}/runbooks/${id}/edit`);
  await hydrated(page);
  const second = page.getByRole("group", { name: "Block 2: Command" });
  await expect(second.getByText("echo second hello")).toBeVisible();
  await second.getByRole("button", { name: "Run on this server" }).click();
  const watch = second.getByRole("link", { name: /Watch it/ });
  await expect(watch).toBeVisible();
  const run = await watch.getAttribute("href");

  await second.getByLabel("Command", { exact: true }).fill("echo other {{ params.word }}");
  await expect(second.getByText("echo other hello")).toBeVisible();
  // It stays reachable by keyboard, and answers why it does nothing.
  await second.getByRole("button", { name: "Run on this server" }).press("Enter");
  await expect(second.getByText("Save first: this block was changed.")).toBeVisible();
  await expect(page).toHaveURL(/\/edit$/);

  await page.goto(`${studio.url}${run}`);
  await expect(step(page, "Second").locator(".console")).toContainText("second hello");
});

test("chosen blocks run and no others, and the button names where they run", async ({ page, studio }) => {
  await setUp(page, studio);
  const elsewhere = { type: "command", name: "Elsewhere", config: { command: "echo elsewhere", host: "web-1" } };
  const id = await createRunbook(page, studio, { ...runbook, blocks: [...runbook.blocks, elsewhere] });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  const run = page.getByRole("button", { name: /^Run selected/ });
  await page.getByLabel("Select Elsewhere").check();
  await expect(run).toHaveText("Run selected on web-1");
  await page.getByLabel("Select Second").check();
  await expect(run).toHaveText("Run selected on this server, web-1");
  await page.getByLabel("Select Elsewhere").uncheck();
  await expect(run).toHaveText("Run selected on this server");
  await run.click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(state(page, "Succeeded")).toBeVisible();
  await expect(step(page, "Second").locator(".console")).toContainText("second hello");
  for (const name of ["First", "Third", "Elsewhere"]) await expect(step(page, name).getByText("Skipped").first()).toBeVisible();
});

test("a block and all after it run, and the button names where", async ({ page, studio }) => {
  await setUp(page, studio);
  const elsewhere = { type: "command", name: "Elsewhere", config: { command: "echo elsewhere", host: "web-1" } };
  const id = await createRunbook(page, studio, { ...runbook, blocks: [elsewhere, ...runbook.blocks] });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await expect(page.getByRole("button", { name: "Run from here on this server, web-1: Elsewhere and all after it" })).toBeVisible();
  await page.getByRole("button", { name: "Run from here on this server: Second and all after it" }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await expect(state(page, "Succeeded")).toBeVisible();
  await expect(step(page, "Second").locator(".console")).toContainText("second hello");
  for (const name of ["Elsewhere", "First"]) await expect(step(page, name).getByText("Skipped").first()).toBeVisible();
});
