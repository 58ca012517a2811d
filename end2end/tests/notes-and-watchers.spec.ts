// What people tell each other while a run goes on: who else looks at it, and what they write.
import { asAdmin, createRunbook, expect, hydrated, setUp, signInAs, state, test } from "../fixtures/studio";
import type { Page } from "@playwright/test";

const hostile = "Errors fall\n<img src=x onerror=alert(1)> **bold**";

test("two people watch a run, see each other, and write notes that both read", async ({ page, studio, browser }) => {
  const problems: string[] = [];
  const other = await (await browser.newContext()).newPage();
  for (const each of [page, other]) each.on("pageerror", (error) => problems.push(String(error)));

  await test.step("one starts a run that takes long; the other opens it", async () => {
    await setUp(page, studio);
    const headers = await asAdmin(page, studio);
    await signInAs(other, studio, headers, "oncall-2", "sre");
    const id = await createRunbook(page, studio, {
      title: "Fail over",
      parameters: [{ name: "token", type: "secret", label: "Token" }],
      blocks: [{ type: "command", name: "Drain", config: { command: "echo draining; sleep 120" } }],
    });
    await page.goto(`${studio.url}/runbooks/${id}`);
    await hydrated(page);
    await page.getByLabel("Token").fill("open-sesame-42");
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(page).toHaveURL(/\/runs\//);
    await hydrated(page);
    await expect(watching(page)).toContainText("only you");
    await other.goto(page.url());
    await hydrated(other);
  });

  await test.step("each sees the other, and not themself", async () => {
    await expect(watching(page)).toContainText("oncall-2");
    await expect(watching(other)).toContainText("oncall-1");
    await expect(watching(page)).not.toContainText("oncall-1");
  });

  await test.step("what one writes the other reads at once, line by line, and as text", async () => {
    await page.getByLabel("Add a note").fill(hostile);
    await page.getByRole("button", { name: "Add note" }).click();
    await expect(page.getByLabel("Add a note")).toHaveValue("");
    const note = notes(other).filter({ hasText: "Errors fall" });
    await expect(note).toContainText("oncall-1");
    expect(await note.locator("p").innerText()).toBe(hostile);
    await expect(other.locator(".note img")).toHaveCount(0);
  });

  await test.step("a note may be about a step, and holds no secret of the run", async () => {
    await other.getByLabel("What the note is about").selectOption("Drain");
    await other.getByLabel("Add a note").fill("tried open-sesame-42");
    await other.getByRole("button", { name: "Add note" }).click();
    const note = notes(page).filter({ hasText: "tried ••••••" });
    await expect(note.getByRole("link", { name: "Drain" })).toHaveAttribute("href", "#step-1");
    await expect(notes(page)).toHaveCount(2);
  });

  await test.step("one's own note can be deleted, and is gone for both", async () => {
    await expect(notes(other).filter({ hasText: "Errors fall" }).getByRole("button")).toHaveCount(0);
    await notes(other).filter({ hasText: "tried" }).getByRole("button", { name: "Delete this note" }).click();
    await expect(notes(other)).toHaveCount(1);
    await expect(notes(page)).toHaveCount(1);
  });

  await test.step("without a script too", async () => {
    const plain = await (await browser.newContext({ javaScriptEnabled: false, storageState: await other.context().storageState() })).newPage();
    await plain.goto(page.url());
    await plain.getByLabel("Add a note").fill("written without a script");
    await plain.getByRole("button", { name: "Add note" }).click();
    await expect(notes(plain)).toHaveCount(2);
    await expect(notes(page).filter({ hasText: "written without a script" })).toBeVisible();
    await plain.context().close();
  });

  await test.step("who leaves is no longer there", async () => {
    await other.goto(`${studio.url}/runbooks`);
    await expect(watching(page)).toContainText("only you");
  });

  await test.step("the run over, notes stay, are added, and stand in the report", async () => {
    await page.getByRole("button", { name: /^Stop run/ }).click();
    await expect(state(page, "Stopped")).toBeVisible({ timeout: 30_000 });
    await expect(page.getByRole("button", { name: "Delete this note" })).toHaveCount(0);
    await page.getByLabel("Add a note").fill("stopped it by hand");
    await page.getByRole("button", { name: "Add note" }).click();
    await expect(notes(page)).toHaveCount(3);
    const href = await page.getByRole("link", { name: "Markdown" }).getAttribute("href");
    const report = await (await page.request.get(`${studio.url}${href}`)).text();
    expect(report).toContain("## Notes");
    expect(report).toContain("> stopped it by hand");
    expect(report).not.toContain("tried");
  });

  expect(problems).toEqual([]);
  await other.context().close();
});

test("a viewer reads notes and writes none", async ({ page, studio, browser }) => {
  await setUp(page, studio);
  const headers = await asAdmin(page, studio);
  const id = await createRunbook(page, studio, { title: "Look", blocks: [{ type: "command", name: "Look", config: { command: "echo seen" } }] });
  const run = (await (await page.request.post(`${studio.url}/api/v1/runbooks/${id}/execute`, { headers })).json()).job_id;
  const written = await page.request.post(`${studio.url}/api/v1/executions/${run}/notes`, { headers, data: { text: "seen by hand" } });
  expect(written.status(), await written.text()).toBe(201);
  const viewer = await (await browser.newContext()).newPage();
  await signInAs(viewer, studio, headers, "visitor", "viewer");
  await viewer.goto(`${studio.url}/runs/${run}`);
  await expect(notes(viewer).filter({ hasText: "seen by hand" })).toBeVisible();
  await expect(viewer.getByLabel("Add a note")).toHaveCount(0);
  await viewer.context().close();
});

function watching(page: Page) {
  return page.locator(".watchers");
}

function notes(page: Page) {
  return page.getByRole("list", { name: "Notes" }).getByRole("listitem");
}
