// A guided run: nothing is done before a person has seen exactly what, and said yes.
import { createRunbook, expect, hydrated, setUp, state, step, type Studio, test } from "../fixtures/studio";
import type { Page } from "@playwright/test";
import { existsSync, readFileSync } from "node:fs";

// Every character of it would do something to a shell that is not told better.
const order = `it's $HOME; "now" & later`;
const quoted = `'it'\\''s $HOME; "now" & later'`;

test("a guided run shows exactly what it will do and does it only when approved", async ({ page, studio }, info) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const file = info.outputPath("orders");

  await test.step("start a guided run with a value that needs quoting", async () => {
    await setUp(page, studio);
    await startGuided(page, studio, file);
  });

  await test.step("the first step asks, with the quoted command, and has done nothing", async () => {
    await expect(state(page, "Waiting for you")).toBeVisible();
    const take = step(page, "Take the order");
    await expect(take.getByText(`echo ${quoted} >> ${file}; echo taken`)).toBeVisible();
    await expect(take.getByText("Run “Take the order” on this server?")).toBeVisible();
    await expect(step(page, "Repeat the order").getByRole("button")).toHaveCount(0);
    expect(existsSync(file)).toBe(false);
  });

  await test.step("each button says what it will do, and Stop what it will end; the tab says that it waits", async () => {
    const answers = step(page, "Take the order").getByRole("listitem");
    await expect(answers.filter({ hasText: "Approve and run" })).toContainText("Runs exactly this text on this server.");
    await expect(answers.filter({ hasText: "Skip" })).toContainText("The run goes on without it.");
    await expect(answers.filter({ hasText: "Reject" })).toContainText("Nothing more is run, and the run ends as failed.");
    await expect(page.getByText("Stop ends the run: nothing runs now, 3 blocks do not start.")).toBeVisible();
    await expect(page).toHaveTitle(/^✋ waits · Run #1/);
  });

  await test.step("approved, it does what it showed, and the next step asks", async () => {
    await answer(page, "Take the order", "Approve and run on this server");
    await expect(output(page, "Take the order")).toContainText("taken");
    expect(readFileSync(file, "utf8")).toBe(`${order}\n`);
    await expect(step(page, "Repeat the order").getByText(`echo you said ${quoted}`)).toBeVisible();
    await expect(step(page, "Repeat the order").getByRole("button", { name: "Approve and run on this server" })).toBeVisible();
  });

  await test.step("told to go on by itself, it still waits for the answer to what it asked", async () => {
    await page.getByRole("button", { name: "Go on by itself" }).click();
    await expect(page.getByRole("button", { name: "Ask me before each command" })).toBeVisible();
    await expect(state(page, "Waiting for you")).toBeVisible();
    await expect(output(page, "Repeat the order")).toBeHidden();
  });

  await test.step("that one answered, it asks nothing more", async () => {
    await answer(page, "Repeat the order", "Approve and run on this server");
    await expect(state(page, "Succeeded")).toBeVisible();
    await expect(page.getByText("Reconnecting…")).toBeHidden();
    await expect(output(page, "Repeat the order")).toContainText(`you said ${order}`);
    await expect(output(page, "Close the book")).toContainText(`closed after ${order}`);
    await expect(page.getByText("all 3 blocks done")).toBeVisible();
    await expect(page).toHaveTitle(/^✓ Run #1/);
  });

  expect(problems).toEqual([]);
});

test("a step that is rejected never runs and ends the run as failed", async ({ page, studio }, info) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const file = info.outputPath("orders");

  await test.step("start a guided run", async () => {
    await setUp(page, studio);
    await startGuided(page, studio, file);
  });

  await test.step("reject the first step", async () => {
    await answer(page, "Take the order", "Reject");
    await expect(state(page, "Failed")).toBeVisible();
    await expect(step(page, "Take the order").getByText("Rejected by oncall-1")).toBeVisible();
  });

  await test.step("neither it nor what follows has run", async () => {
    await expect(step(page, "Take the order").getByText("Rejected by oncall-1")).toBeVisible();
    await expect(step(page, "Repeat the order").getByText("Not started")).toBeVisible();
    await expect(output(page, "Take the order")).toBeHidden();
    expect(existsSync(file)).toBe(false);
  });

  expect(problems).toEqual([]);
});

/** Three commands that use a parameter, started with Guided ticked; the first of them makes the file. */
async function startGuided(page: Page, studio: Studio, file: string): Promise<void> {
  const id = await createRunbook(page, studio, {
    title: "Take an order",
    parameters: [{ name: "order", type: "string", label: "Order", required: true }],
    blocks: [
      { type: "command", name: "Take the order", config: { command: `echo {{ params.order }} >> ${file}; echo taken` } },
      { type: "command", name: "Repeat the order", config: { command: "echo you said {{ params.order }}" } },
      { type: "command", name: "Close the book", config: { command: "echo closed after {{ params.order }}" } },
    ],
  });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByLabel("Order", { exact: true }).fill(order);
  await page.getByLabel("Guided").check();
  await page.getByRole("button", { name: /^Run all/ }).click();
  await expect(page).toHaveURL(/\/runs\//);
  await hydrated(page);
}

async function answer(page: Page, name: string, button: string): Promise<void> {
  await step(page, name).getByRole("button", { name: button, exact: true }).click();
}

function output(page: Page, name: string) {
  return step(page, name).locator(".console");
}
