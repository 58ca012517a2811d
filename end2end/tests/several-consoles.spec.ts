// A block on several hosts: one card with a console for each of them, folded and unfolded, together or one by one.
import { asAdmin, createRunbook, expect, hydrated, setUp, state, step, type Studio } from "../fixtures/studio";
import { type ClientKey, type Sshd, test } from "../fixtures/sshd";
import type { Locator, Page } from "@playwright/test";

test("a block on several hosts is one group, and each host has a console of its own", async ({ page, studio, client, sshds, browser }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const group = step(page, "Restart the web");
  const [one, two] = ["web-1", "web-2"].map((host) => step(page, `Restart the web on ${host}`));

  await test.step("run a block on two hosts, one of which fails and is allowed to, and then another block", async () => {
    await setUp(page, studio);
    await addHosts(page, studio, client, sshds);
    const id = await createRunbook(page, studio, {
      title: "Restart",
      blocks: [
        {
          type: "command",
          name: "Restart the web",
          on_failure: "continue",
          config: { command: 'echo "on $SSHD_NAME"; seq 1 30; test "$SSHD_NAME" = first', host: ["web-1", "web-2"], concurrency: 2 },
        },
        { type: "command", name: "Look after it", config: { command: "echo all good" } },
      ],
    });
    await page.goto(`${studio.url}/runbooks/${id}`);
    await hydrated(page);
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(page).toHaveURL(/\/runs\//);
    await hydrated(page);
    await expect(state(page, "Succeeded")).toBeVisible();
  });

  await test.step("the run says that a step failed and was allowed to, and counts blocks", async () => {
    await expect(page.locator(".head").getByText("1 step failed and was allowed to")).toBeVisible();
    await expect(page.locator(".head").getByText("all 2 blocks done")).toBeVisible();
  });

  await test.step("the block stands once, its hosts below it, in the cards and in the list", async () => {
    await expect(page.getByRole("heading", { name: "Restart the web", exact: true })).toHaveCount(1);
    await expect(group.getByText("2 hosts")).toBeVisible();
    await expect(group.getByText("2 of 2 done, 1 failed")).toBeVisible();
    await expect(one.getByText("exit 0")).toBeVisible();
    await expect(two.getByText("exit 1", { exact: true })).toBeVisible();
    await expect(one.locator(".console")).toContainText("on first");
    await expect(two.locator(".console")).toContainText("on second");
    const list = page.getByRole("navigation", { name: "Steps" });
    await expect(list.getByRole("link", { name: /^Restart the web/ })).toHaveCount(1);
    await expect(list.getByRole("link", { name: /^web-2/ })).toHaveAttribute("href", "#step-2");
    await expect(list.getByRole("link", { name: /^Look after it/ })).toHaveAttribute("href", "#step-3");
  });

  await test.step("a console is folded by its head, which the page remembers", async () => {
    await fold(one).click();
    await expect(one.locator(".console")).toBeHidden();
    await expect(two.locator(".console")).toBeVisible();
    await page.reload();
    await hydrated(page);
    await expect(one.locator(".console")).toBeHidden();
    await expect(two.locator(".console")).toBeVisible();
    await fold(one).click();
    await expect(one.locator(".console")).toContainText("on first");
  });

  await test.step("all are closed and opened at once", async () => {
    await page.getByRole("button", { name: "Close all" }).click();
    await expect(page.locator(".console:visible")).toHaveCount(0);
    await page.getByRole("button", { name: "Open all consoles" }).click();
    await expect(page.locator(".console:visible")).toHaveCount(3);
  });

  await test.step("a link to a line opens the console it is in, also after a reload", async () => {
    await page.getByRole("button", { name: "Close all" }).click();
    await page.goto(`${page.url().split("#")[0]}#step-2-line-5`);
    await page.reload();
    await hydrated(page);
    await expect(two.locator("#step-2-line-5")).toBeInViewport();
    await expect(two.locator("#step-2-line-5")).toHaveClass(/\bon\b/);
    await expect(one.locator(".console")).toBeHidden();
  });

  await test.step("without a script every console can be read", async () => {
    const plain = await (await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() })).newPage();
    await plain.goto(page.url().split("#")[0]);
    const there = step(plain, "Restart the web on web-1");
    await expect(there.locator(".console")).toContainText("on first");
    await fold(there).click();
    await expect(there.locator(".console")).toBeHidden();
    await plain.context().close();
  });

  expect(problems).toEqual([]);
});

test("a console that was folded opens by itself when its step fails", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, {
    title: "Fail late",
    blocks: [
      { type: "command", name: "Prepare", config: { command: "echo prepared" } },
      { type: "command", name: "Break", config: { command: "echo begun; until test -e /tmp/never; do sleep 1; done", interpreter: "/bin/sh" }, timeout: 6 },
    ],
  });
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByRole("button", { name: /^Run all/ }).click();
  const card = step(page, "Break");
  await expect(card.locator(".console")).toContainText("begun");
  await hydrated(page);
  await fold(card).click();
  await expect(card.locator(".console")).toBeHidden();
  await expect(state(page, "Failed")).toBeVisible({ timeout: 30_000 });
  await expect(card.locator(".console")).toBeVisible();
  await expect(page.locator(".head").getByRole("link", { name: "block 2, “Break”" })).toHaveAttribute("href", "#step-2");
});

/** The head of a console. */
function fold(card: Locator): Locator {
  return card.locator(".fold > summary");
}

/** Two hosts, pinned to the keys that they show. */
async function addHosts(page: Page, studio: Studio, client: ClientKey, sshds: [Sshd, Sshd]): Promise<void> {
  const headers = await asAdmin(page, studio);
  const key = { name: "deploy-key", type: "ssh", secret: client.secret };
  const stored = await page.request.post(`${studio.url}/api/v1/credentials`, { headers, data: key });
  expect(stored.status(), await stored.text()).toBe(201);
  const credential = (await stored.json()).id;
  for (const [index, sshd] of sshds.entries()) {
    const host = { name: `web-${index + 1}`, address: "127.0.0.1", port: sshd.port, user: sshd.user, credential, host_key: sshd.hostKey };
    const made = await page.request.post(`${studio.url}/api/v1/hosts`, { headers, data: host });
    expect(made.status(), await made.text()).toBe(201);
  }
}
