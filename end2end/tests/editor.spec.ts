// The editor by keyboard and by mouse: blocks come, move, are copied, go and come back; what is typed survives a reload.
import { createRunbook, expect, hydrated, setUp, test } from "../fixtures/studio";
import type { Locator, Page } from "@playwright/test";

const KINDS = ["Instruction", "Command", "API call", "Condition", "Timer"];

/** The names of the top blocks, in their order. */
async function names(page: Page): Promise<string[]> {
  return page.locator("section[aria-label=Blocks] > .block > .card > header > input").evaluateAll((inputs) => inputs.map((input) => (input as HTMLInputElement).value));
}

function block(page: Page, number: number | string, kind: string): Locator {
  return page.getByRole("group", { name: `Block ${number}: ${kind}`, exact: true });
}

function three(): { title: string; blocks: object[] } {
  return { title: "Three", blocks: ["One", "Two", "Three"].map((name) => ({ type: "command", name, config: { command: `echo ${name}` } })) };
}

/** Two waits and a condition whose branches are empty. */
function beside(): { title: string; blocks: object[] } {
  const wait = (name: string) => ({ type: "timer", name, config: { duration: "1s" } });
  const condition = { type: "condition", name: "Is it up?", config: { condition_type: "file_exists", file_path: "/run/queue" } };
  return { title: "Beside a condition", blocks: [wait("One"), wait("Two"), condition] };
}

async function edit(page: Page, url: string, id: string): Promise<void> {
  await page.goto(`${url}/runbooks/${id}/edit`);
  await hydrated(page);
  await expect(page.getByRole("button", { name: /^Save as version/ })).toBeEnabled();
}

test("every type of block is added with the mouse and with the keyboard", async ({ page, studio }) => {
  await setUp(page, studio);
  await page.goto(`${studio.url}/runbooks/new`);
  await hydrated(page);
  const offered = page.getByRole("region", { name: "Add a block" });
  for (const [index, kind] of KINDS.entries()) {
    await offered.getByRole("button", { name: kind, exact: true }).click();
    await expect(block(page, index + 1, kind).getByLabel("Name").first()).toBeFocused();
  }
  for (const [index, kind] of KINDS.entries()) {
    await offered.getByRole("button", { name: kind, exact: true }).focus();
    await page.keyboard.press("Enter");
    await expect(block(page, KINDS.length + index + 1, kind).getByLabel("Name").first()).toBeFocused();
  }
  await page.getByRole("button", { name: "Add a block here" }).first().click();
  await page.locator(".add--open").getByRole("button", { name: "Timer" }).click();
  await expect(block(page, 2, "Timer").getByLabel("Name").first()).toBeFocused();
});

test("blocks move with Alt and the arrows and by dragging, and it is said where they went", async ({ page, studio }) => {
  await setUp(page, studio);
  await edit(page, studio.url, await createRunbook(page, studio, three()));
  await block(page, 1, "Command").getByLabel("Name").focus();
  await page.keyboard.press("Alt+ArrowDown");
  await expect.poll(() => names(page)).toEqual(["Two", "One", "Three"]);
  await expect(page.getByText("Moved to place 2 of 3")).toBeAttached();
  await expect(block(page, 2, "Command").getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Alt+ArrowUp");
  await page.keyboard.press("Alt+ArrowUp");
  await expect(page.getByText("It is the first already")).toBeAttached();

  await page.getByRole("button", { name: "Move block 3", exact: true }).dragTo(block(page, 1, "Command"), { targetPosition: { x: 200, y: 20 } });
  await expect.poll(() => names(page)).toEqual(["Three", "One", "Two"]);
  await expect(page.getByText("Moved to place 1")).toBeAttached();
});

test("a block is dragged to any place: after one below, to the end, into an empty branch; nothing is said where nothing moved", async ({ page, studio }) => {
  await setUp(page, studio);
  await edit(page, studio.url, await createRunbook(page, studio, beside()));
  const grip = (number: number | string) => page.getByRole("button", { name: `Move block ${number}`, exact: true });
  const place = (within: Locator) => within.getByRole("button", { name: "Add a block here" });

  await grip(1).dragTo(block(page, 2, "Timer"), { targetPosition: { x: 200, y: 20 } });
  await expect.poll(() => names(page)).toEqual(["Two", "One", "Is it up?"]);
  await expect(page.getByText("Moved to place 2 of 3", { exact: true })).toBeAttached();

  await test.step("onto itself it says nothing new", async () => {
    await grip(1).dragTo(block(page, 1, "Timer"), { targetPosition: { x: 200, y: 20 } });
    await expect(page.locator(".block--dragging")).toHaveCount(0);
    await expect(page.getByText("Moved to place 2 of 3", { exact: true })).toBeAttached();
    expect(await names(page)).toEqual(["Two", "One", "Is it up?"]);
  });

  await test.step("to the last place", async () => {
    await grip(1).dragTo(page.locator("section[aria-label=Blocks] > .add").last().getByRole("button"));
    await expect.poll(() => names(page)).toEqual(["One", "Is it up?", "Two"]);
    await expect(page.getByText("Moved to place 3 of 3", { exact: true })).toBeAttached();
  });

  await test.step("into an empty branch, and out of it between two", async () => {
    const otherwise = block(page, 2, "Condition").getByRole("group", { name: "Otherwise", exact: true });
    await grip(3).dragTo(place(otherwise));
    await expect(block(page, "2.1", "Timer").getByLabel("Name")).toHaveValue("Two");
    await expect(page.getByText("Moved to place 1 of 1 in “Otherwise” of block 2", { exact: true })).toBeAttached();
    await grip("2.1").dragTo(page.locator("section[aria-label=Blocks] > .add").first().getByRole("button"));
    await expect.poll(() => names(page)).toEqual(["One", "Two", "Is it up?"]);
  });
});

test("keys alone bring a block into both branches of a condition and out again", async ({ page, studio }) => {
  await setUp(page, studio);
  await edit(page, studio.url, await createRunbook(page, studio, beside()));
  const said = (text: string) => expect(page.getByText(text, { exact: true })).toBeAttached();
  await block(page, 2, "Timer").getByLabel("Name").focus();
  await page.keyboard.press("Alt+Shift+ArrowDown");
  await said("Moved to place 1 of 1 in “Then” of block 2");
  await expect(block(page, "2.1", "Timer").getByLabel("Name")).toHaveValue("Two");
  await expect(block(page, "2.1", "Timer").getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Alt+ArrowDown");
  await said("Moved to place 1 of 1 in “Otherwise” of block 2");
  await expect(block(page, "2.1", "Timer").getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Alt+ArrowDown");
  await said("Moved to place 3 of 3");
  await expect.poll(() => names(page)).toEqual(["One", "Is it up?", "Two"]);
  await expect(block(page, 3, "Timer").getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Alt+Shift+ArrowUp");
  await said("Moved to place 1 of 1 in “Otherwise” of block 2");
  await expect(block(page, "2.1", "Timer").getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Alt+Shift+ArrowUp");
  await said("Moved to place 2 of 3");
  await expect.poll(() => names(page)).toEqual(["One", "Two", "Is it up?"]);
  await expect(block(page, 2, "Timer").getByLabel("Name")).toBeFocused();
  await page.keyboard.press("Alt+Shift+ArrowUp");
  await said("There is no condition just above it");
  expect(await names(page)).toEqual(["One", "Two", "Is it up?"]);
});

test("a branch is filled, changed and saved in the editor", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, beside());
  await edit(page, studio.url, id);
  const otherwise = block(page, 3, "Condition").getByRole("group", { name: "Otherwise", exact: true });
  await otherwise.getByRole("button", { name: "Add a block here" }).click();
  await otherwise.getByRole("button", { name: "Command", exact: true }).click();
  const added = block(page, "3.1", "Command");
  await expect(added.getByLabel("Name")).toBeFocused();
  await page.keyboard.type("Start it");
  await added.getByLabel("Command", { exact: true }).fill("echo started");
  await added.getByRole("button", { name: "Duplicate" }).click();
  await block(page, "3.2", "Command").getByLabel("Name").fill("Start it again");
  await added.getByRole("button", { name: "Delete" }).click();
  await expect(block(page, "3.1", "Command").getByLabel("Name")).toHaveValue("Start it again");
  await page.keyboard.press("Control+s");
  await expect(page.getByRole("heading", { level: 1, name: "Beside a condition" })).toBeVisible();
  await expect(page.locator(".branch").getByRole("heading", { name: "Start it again" })).toBeVisible();
  await page.goto(`${studio.url}/runbooks/${id}/edit`);
  await expect(block(page, "3.1", "Command").getByLabel("Command", { exact: true })).toHaveValue("echo started");
});

test("a block is copied, deleted and brought back", async ({ page, studio }) => {
  await setUp(page, studio);
  await edit(page, studio.url, await createRunbook(page, studio, three()));
  await block(page, 2, "Command").getByRole("button", { name: "Duplicate" }).click();
  await expect.poll(() => names(page)).toEqual(["One", "Two", "Two", "Three"]);
  await block(page, 1, "Command").getByRole("button", { name: "Delete" }).click();
  await expect.poll(() => names(page)).toEqual(["Two", "Two", "Three"]);
  await expect(page.getByRole("button", { name: "Undo" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect.poll(() => names(page)).toEqual(["One", "Two", "Two", "Three"]);
  await block(page, 1, "Command").getByRole("button", { name: "Fold", exact: true }).click();
  await expect(block(page, 1, "Command").getByLabel("Command", { exact: true })).toBeHidden();
});

test("what was typed survives a reload in the instant after, and can be taken back", async ({ page, studio }) => {
  await setUp(page, studio);
  await edit(page, studio.url, await createRunbook(page, studio, three()));
  await block(page, 2, "Command").getByLabel("Command", { exact: true }).press("End");
  await page.keyboard.type(" and more");
  await page.reload();
  await hydrated(page);
  await page.getByRole("button", { name: "Restore the draft" }).click();
  await expect(block(page, 2, "Command").getByLabel("Command", { exact: true })).toHaveValue("echo Two and more");
  await expect(page.getByText("Unsaved, kept in this browser")).toBeVisible();
  await page.getByRole("button", { name: "Discard" }).click();
  await expect(block(page, 2, "Command").getByLabel("Command", { exact: true })).toHaveValue("echo Two");
  await expect(page.getByText("Unsaved, kept in this browser")).toBeHidden();
});

test("what is wrong is named as one types, and leads to where it is mended", async ({ page, studio }) => {
  await setUp(page, studio);
  await edit(page, studio.url, await createRunbook(page, studio, three()));
  const codes = block(page, 2, "Command").getByLabel("Expected exit codes");
  await codes.fill("0, x");
  const mend = page.getByRole("region", { name: "To mend" });
  await expect(mend.getByText("1 thing to mend before saving")).toBeVisible();
  await page.getByRole("button", { name: /^Save as version/ }).click();
  await expect(codes).toBeFocused();
  await page.getByRole("textbox", { name: "Title" }).focus();
  await mend.getByRole("link").click();
  await expect(codes).toBeFocused();
  await codes.fill("0, 3");
  await expect(mend).toBeHidden();
  await page.keyboard.press("Control+s");
  await expect(page.getByRole("heading", { level: 1, name: "Three" })).toBeVisible();
});

test("several hosts are chips, added by typing and taken away by key and by button", async ({ page, studio }) => {
  await setUp(page, studio);
  await edit(page, studio.url, await createRunbook(page, studio, three()));
  const command = block(page, 1, "Command");
  await command.getByLabel("Host", { exact: true }).selectOption("Several, or by tag…");
  const add = command.getByLabel("Add a host, or tag:…");
  await expect(add).toBeFocused();
  await add.pressSequentially("web-1,tag:db");
  await page.keyboard.press("Enter");
  const chips = command.getByRole("group", { name: "Hosts and tags" }).locator(".tag");
  await expect(chips).toHaveText(["local", "web-1", "every host tagged db"]);
  await expect(command.getByText("There is no host “web-1” yet")).toBeVisible();
  await command.getByRole("button", { name: "Remove local" }).click();
  await expect(add).toBeFocused();
  await page.keyboard.press("Backspace");
  await expect(chips).toHaveText(["web-1"]);
  await page.keyboard.press("Control+s");
  await expect(page.getByRole("button", { name: "Run on web-1: One alone" })).toBeVisible();
});

test("a preview shows what a block comes to, and names what it lacks", async ({ page, studio }) => {
  await setUp(page, studio);
  const parameters = [{ name: "path", type: "string", default: "/a b" }, { name: "host", type: "string", required: true }];
  await edit(page, studio.url, await createRunbook(page, studio, { ...three(), parameters }));
  const command = block(page, 1, "Command");
  const text = command.getByLabel("Command", { exact: true });
  await text.fill("ls {{ params.path }}");
  await expect(command.locator(".preview")).toContainText("ls '/a b'");
  await expect(command.locator(".preview")).toContainText("Would run on this server");
  await text.fill("ping {{ params.host }}");
  await expect(command.getByText("Needs params.host")).toBeVisible();
  const parameter = page.getByRole("group", { name: "Parameter host" });
  await parameter.getByText("More", { exact: true }).click();
  await parameter.getByLabel("Sample").fill("db-1");
  await expect(command.locator(".preview")).toContainText("ping db-1");
  await text.fill("ls {{ params.nope }}");
  await expect(command.getByText("this runbook has no parameter “nope”")).toBeVisible();
  await text.fill("ls plain");
  await expect(command.locator(".preview")).toBeHidden();
  await expect(command.getByText("It would fail")).toBeHidden();
});

test("a parameter is added, given a type and taken away again", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, three());
  await edit(page, studio.url, id);
  await page.getByRole("button", { name: "Add parameter" }).click();
  const parameter = page.getByRole("group", { name: /^Parameter/ });
  await expect(parameter.getByLabel("Name")).toBeFocused();
  await page.keyboard.type("stage");
  await expect(page.getByRole("group", { name: "Parameter stage" })).toBeVisible();
  await parameter.getByLabel("Type").selectOption("Choice");
  await parameter.getByRole("textbox", { name: "Choices" }).fill("eu\nus");
  await parameter.getByLabel("Default").fill("us");
  await page.keyboard.press("Control+s");
  const answer = page.getByRole("combobox", { name: "stage" });
  await expect(answer).toHaveValue("us");
  await expect(answer.getByRole("option")).toHaveText(["eu", "us"]);

  await edit(page, studio.url, id);
  await page.getByRole("button", { name: "Remove stage" }).click();
  await expect(parameter).toHaveCount(0);
  await page.keyboard.press("Control+s");
  await expect(page.getByRole("heading", { level: 1, name: "Three" })).toBeVisible();
  await expect(answer).toHaveCount(0);
});

test("what a version changes is written when it is saved, and read among the versions", async ({ page, studio }) => {
  await setUp(page, studio);
  await edit(page, studio.url, await createRunbook(page, studio, three()));
  await block(page, 1, "Command").getByLabel("Command", { exact: true }).fill("echo One, louder");
  await page.getByLabel("What changes (optional)").fill("One is louder");
  await page.getByRole("button", { name: "Save as version 2" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Three" })).toBeVisible();
  await page.getByRole("navigation", { name: "Runbook" }).getByRole("link", { name: "Versions" }).click();
  const newest = page.getByRole("listitem").filter({ hasText: "One is louder" });
  await expect(newest.getByRole("link", { name: "v2" })).toBeVisible();
  await expect(newest.getByText("Current")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "First version" }).getByRole("link", { name: "v1" })).toBeVisible();
});
