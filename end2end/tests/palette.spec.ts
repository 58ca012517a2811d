// The palette and the keys: everything is a few letters away, and nothing needs a mouse.
import { createRunbook, expect, hydrated, setUp, state, test } from "../fixtures/studio";

test("a runbook is found and run by keyboard alone", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  for (const title of ["Restart the queue", "Fail over the database", "Clear a full disk"]) {
    await createRunbook(page, studio, { title, blocks: [{ type: "command", name: "Say it", config: { command: "echo did it" } }] });
  }
  await page.goto(`${studio.url}/history`);
  await hydrated(page);

  await test.step("it is found by a word, and an answer that comes late is waited for", async () => {
    await page.keyboard.press("Control+k");
    const field = page.getByRole("combobox", { name: /Find a runbook/ });
    await expect(field).toBeFocused();
    await page.keyboard.type("run fail");
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/runbooks\/.*#run/);
  });

  await test.step("the button that confirms has the focus", async () => {
    await expect(page.getByRole("heading", { level: 1, name: "Fail over the database" })).toBeVisible();
    await expect(page.getByRole("button", { name: "Run all on this server" })).toBeFocused();
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/runs\//);
    await expect(state(page, "Succeeded")).toBeVisible();
  });

  expect(problems).toEqual([]);
});

test("from the link in an alert it takes two interactions: Run, and confirm", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, {
    title: "Fail over the database",
    blocks: [{ type: "command", name: "Say it", config: { command: "echo did it" } }],
  });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByRole("link", { name: "Run…" }).click();
  await expect(page.getByRole("button", { name: "Run all on this server" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByText("did it").first()).toBeVisible();
});

test("arrows choose, the choice is told to a screen reader, and Esc gives the focus back", async ({ page, studio }) => {
  await setUp(page, studio);
  await createRunbook(page, studio, { title: "Restart the queue", blocks: [] });
  await page.goto(`${studio.url}/runbooks`);
  await hydrated(page);
  const search = page.getByRole("button", { name: "Search" });
  await search.focus();
  await page.keyboard.press("Enter");

  const field = page.getByRole("combobox", { name: /Find a runbook/ });
  await field.fill("h");
  const options = page.getByRole("listbox", { name: "Results" }).getByRole("option");
  await expect(page.getByRole("dialog").getByRole("status")).toHaveText(/results?$/);
  await expect(options.first()).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowDown");
  await expect(options.nth(1)).toHaveAttribute("aria-selected", "true");
  await expect(field).toHaveAttribute("aria-activedescendant", (await options.nth(1).getAttribute("id")) ?? "");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await expect(options.last()).toHaveAttribute("aria-selected", "true");

  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toBeHidden();
  await expect(search).toBeFocused();
});

test("the palette of a run's page offers what its buttons do", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, {
    title: "Wait",
    blocks: [{ type: "timer", name: "For long", config: { duration: "1h" } }],
  });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByRole("button", { name: /^Run all/ }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await hydrated(page);
  await expect(page.getByRole("button", { name: /^Pause/ })).toBeVisible();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("stop");
  await expect(page.getByRole("option", { name: "Stop run" })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Enter");
  await expect(state(page, "Stopped")).toBeVisible();
});

test("two keys lead to a page, and neither is taken from who types", async ({ page, studio }) => {
  await setUp(page, studio);
  await page.goto(`${studio.url}/history`);
  await hydrated(page);
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await expect(page).toHaveURL(/\/runbooks$/);
  await page.keyboard.press("/");
  const field = page.getByRole("searchbox", { name: "Filter runbooks" });
  await expect(field).toBeFocused();
  await page.keyboard.type("g s?");
  await expect(field).toHaveValue("g s?");
  await expect(page).toHaveURL(/\/runbooks/);
  await field.fill("");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeVisible();
  await page.keyboard.press("g");
  await page.keyboard.press("h");
  await expect(page).toHaveURL(/\/runbooks/);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog", { name: "Keys" })).toBeHidden();
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await expect(page.getByRole("heading", { level: 1, name: "Settings" })).toBeVisible();
});

test("on a run's page the second key of two stops nothing", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, {
    title: "Wait",
    blocks: [{ type: "timer", name: "For long", config: { duration: "1h" } }],
  });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByRole("button", { name: /^Run all/ }).click();
  await expect(page.getByRole("button", { name: /^Pause/ })).toBeVisible();
  await hydrated(page);
  const run = page.url();
  await page.keyboard.press("g");
  await page.keyboard.press("s");
  await expect(page.getByRole("heading", { level: 1, name: "Settings" })).toBeVisible();
  await page.goto(run);
  await expect(state(page, "Running")).toBeVisible();
});

test("without JavaScript the search leads to the list of runbooks", async ({ browser, page, studio }) => {
  await setUp(page, studio);
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const reader = await plain.newPage();
  await reader.goto(studio.url);
  await reader.getByRole("link", { name: "Search" }).click();
  await expect(reader.getByRole("heading", { level: 1, name: "Runbooks" })).toBeVisible();
  await plain.close();
});
