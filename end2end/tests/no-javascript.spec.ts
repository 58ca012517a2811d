// No script runs: every page is read, and signing in, running, answering, stopping, deleting, restoring and filtering are plain forms.
import { type Demo, test as furnished } from "../fixtures/demo";
import { places } from "../fixtures/places";
import { account, createRunbook, expect, state, step, type Studio, test } from "../fixtures/studio";
import type { Page } from "@playwright/test";

test.use({ javaScriptEnabled: false });
furnished.use({ javaScriptEnabled: false });

test("the main job is done by plain forms", async ({ page, studio }) => {
  await test.step("set up, sign out, and sign in again", async () => {
    await page.goto(studio.url);
    await page.getByLabel("User name").fill(account.username);
    await page.getByLabel("Password").fill(account.password);
    await page.getByRole("button", { name: /create/i }).click();
    await expect(page.getByRole("link", { name: "Runbooks" }).first()).toBeVisible();
    await page.getByRole("button", { name: "Sign out" }).click();
    await signIn(page, studio);
  });

  const id = await createRunbook(page, studio, {
    title: "Restart the queue",
    parameters: [{ name: "queue", label: "Queue", type: "string", required: true }],
    blocks: [
      { type: "instruction", name: "Say so", config: { text: "Tell **#ops** that you begin.", acknowledge: true } },
      { type: "command", name: "Drain", config: { command: "echo drained {{ params.queue }}" } },
      { type: "command", name: "Wait", config: { command: "echo waiting; sleep 600" } },
    ],
  });

  await test.step("run it, guided, with a value", async () => {
    await page.goto(`${studio.url}/runbooks/${id}`);
    await page.getByLabel("Queue", { exact: true }).fill("orders in & out");
    await page.getByLabel("Reason").fill("Alert 4711");
    await page.getByLabel("Guided").check();
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(page).toHaveURL(/\/runs\//);
    await until(page, async () => expect(state(page, "Waiting for you")).toBeVisible({ timeout: 500 }));
    await expect(page.getByText("Alert 4711").first()).toBeVisible();
  });

  await test.step("answer its questions", async () => {
    await step(page, "Say so").getByRole("button", { name: "Done" }).click();
    await until(page, async () => expect(step(page, "Drain").getByRole("button", { name: /^Approve and run/ })).toBeVisible({ timeout: 500 }));
    await expect(step(page, "Drain").getByText("echo drained 'orders in & out'")).toBeVisible();
    await step(page, "Drain").getByRole("button", { name: /^Approve and run/ }).click();
    await until(page, async () => expect(step(page, "Wait").getByRole("button", { name: /^Approve and run/ })).toBeVisible({ timeout: 500 }));
    await expect(step(page, "Drain").locator(".console")).toContainText("drained orders in & out");
    await step(page, "Wait").getByRole("button", { name: /^Approve and run/ }).click();
    await until(page, async () => expect(step(page, "Wait").locator(".console")).toContainText("waiting", { timeout: 500 }));
  });

  await test.step("stop it", async () => {
    await page.getByRole("button", { name: /^Stop/ }).first().click();
    await until(page, async () => expect(state(page, "Stopped")).toBeVisible({ timeout: 500 }));
  });

  await test.step("find it in the history", async () => {
    await page.goto(`${studio.url}/history`);
    await page.getByLabel("State").selectOption("succeeded");
    await page.getByRole("button", { name: "Filter" }).click();
    await expect(page.getByRole("row", { name: /Restart the queue/ })).toHaveCount(0);
    await page.getByLabel("State").selectOption("stopped");
    await page.getByRole("button", { name: "Filter" }).click();
    await expect(page.getByRole("row", { name: /Restart the queue/ })).toHaveCount(1);
  });

  await test.step("restore a version", async () => {
    await change(page, studio, id, { ...(await read(page, studio, id)), title: "Restart the queue twice" });
    await page.goto(`${studio.url}/runbooks/${id}/versions`);
    await page.getByText("Restore…").first().click();
    await page.getByRole("button", { name: "Restore version 1" }).first().click();
    await page.goto(`${studio.url}/runbooks/${id}`);
    await expect(page.getByRole("heading", { level: 1, name: "Restart the queue", exact: true })).toBeVisible();
  });

  await test.step("find it among all, and delete it", async () => {
    await page.goto(`${studio.url}/runbooks?q=queue`);
    await expect(page.getByRole("link", { name: "Restart the queue", exact: true })).toBeVisible();
    await page.goto(`${studio.url}/runbooks/${id}`);
    await page.getByText("Delete…").first().click();
    await page.getByRole("button", { name: "Delete “Restart the queue”" }).click();
    await page.goto(`${studio.url}/runbooks`);
    await expect(page.getByRole("link", { name: "Restart the queue", exact: true })).toHaveCount(0);
  });
});

furnished("every page is there before any script is", async ({ page, demo }) => {
  await signIn(page, demo.studio);
  // What is done on them needs a script; whose pages they are is another matter.
  for (const place of places(demo).filter((place) => !place.act && (place.as ?? "admin") === "admin")) {
    const answer = await page.goto(demo.studio.url + place.path);
    expect(answer?.status(), place.name).toBe(place.status ?? 200);
    await expect(page.getByRole("heading", { level: 1 }), place.name).toHaveCount(1);
    await expect(page.getByRole("main"), place.name).not.toHaveText(/^\s*(Loading.*)?\s*$/);
    // What is at no address of ours has a page of its own.
    await expect(page.getByRole("navigation", { name: "Main" }), place.name).toHaveCount(place.name === "not-found" ? 0 : 1);
  }
  await runPage(page, demo);
});

/** A run's page holds what has been written so far. */
async function runPage(page: Page, demo: Demo): Promise<void> {
  await page.goto(`${demo.studio.url}/runs/${demo.runs.failed}`);
  await expect(step(page, "Evict what runs there").locator(".console")).toContainText("would violate the disruption budget");
  await idle(page);
  await page.goto(`${demo.studio.url}/runs/${demo.runs.running}`);
  await expect(page.locator(".cbar").first()).toBeVisible();
  await idle(page);
  await page.goto(`${demo.studio.url}/runbooks/${demo.runbooks.failover}`);
  await idle(page);
  await expect(page.getByText("Promote the standby").first()).toBeVisible();
}

/** What does nothing without a script is not offered. */
async function idle(page: Page): Promise<void> {
  for (const name of [/^Cop(y|ied)/, "Search", "Wrap long lines", "stderr only", "Follow"]) {
    await expect(page.getByRole("main").getByRole("button", { name })).toHaveCount(0);
  }
}

async function signIn(page: Page, studio: Studio): Promise<void> {
  await page.goto(`${studio.url}/sign-in`);
  await page.getByLabel("User name").fill(account.username);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("link", { name: "Runbooks" }).first()).toBeVisible();
}

/** Loads the page again until it is as wanted: that is what a person does who has no script. */
async function until(page: Page, wanted: () => Promise<void>): Promise<void> {
  await expect(async () => {
    await wanted().catch(async (error) => {
      await page.reload();
      throw error;
    });
  }).toPass({ timeout: 20_000 });
}

async function key(page: Page, studio: Studio): Promise<Record<string, string>> {
  const login = await page.request.post(`${studio.url}/api/v1/users/login`, { data: account });
  return { "X-API-KEY": (await login.json()).api_key };
}

async function read(page: Page, studio: Studio, id: string): Promise<any> {
  return (await page.request.get(`${studio.url}/api/v1/runbooks/${id}`, { headers: await key(page, studio) })).json();
}

async function change(page: Page, studio: Studio, id: string, runbook: any): Promise<void> {
  const { title, description, tags, parameters, blocks } = runbook;
  const answer = await page.request.put(`${studio.url}/api/v1/runbooks/${id}`, { headers: await key(page, studio), data: { title, description, tags, parameters, blocks } });
  expect(answer.status(), await answer.text()).toBe(200);
}
