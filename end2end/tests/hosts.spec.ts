// Hosts over SSH: a key is stored, the hosts' own keys are looked at and pinned, and a run reaches them, or refuses to.
import { asAdmin, createRunbook, expect, hydrated, setUp, state, step, type Studio } from "../fixtures/studio";
import { type ClientKey, type Sshd, test } from "../fixtures/sshd";
import type { Page } from "@playwright/test";

test("a run on two hosts", async ({ page, studio, client, sshds }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const hosts: [string, Sshd][] = [["web-1", sshds[0]], ["web-2", sshds[1]]];

  await test.step("store the key that lets us in", async () => {
    await setUp(page, studio);
    await storeKey(page, studio, client);
  });

  for (const [name, sshd] of hosts) {
    await test.step(`add ${name} without a host key`, async () => {
      await addHost(page, studio, name, sshd);
      await expect(page.getByRole("row", { name }).getByText("No host key yet: nothing can connect")).toBeVisible();
    });

    await test.step(`look at ${name} and pin the key that it shows`, async () => {
      const found = page.getByRole("status", { name: `Check of ${name}` });
      await page.getByRole("button", { name: `Check ${name}` }).click();
      await expect(found.getByText(`Shows a key that nobody has pinned: ${sshd.fingerprint}`)).toBeVisible();
      await expect(found.getByText("Lets us in")).toBeHidden();
      await found.getByRole("button", { name: `Pin this key for ${name}` }).click();
      await expect(page.getByRole("row", { name }).getByText(sshd.fingerprint)).toBeVisible();
      await page.getByRole("button", { name: `Check ${name}` }).click();
      await expect(found.getByText(`Shows the pinned key, ${sshd.fingerprint}`)).toBeVisible();
      await expect(found.getByText("Lets us in")).toBeVisible();
    });
  }

  await test.step("run a command on each", async () => {
    const id = await createRunbook(page, studio, {
      title: "Greet the hosts",
      parameters: [{ name: "word", type: "string", default: "it's fine" }],
      blocks: hosts.map(([host]) => command(host, 'echo {{ params.word }} on "$SSHD_NAME", port "${SSH_CONNECTION##* }"')),
    });
    await run(page, studio, id, "Run all on web-1, web-2");
    await expect(state(page, "Succeeded")).toBeVisible();
    await expect(page.getByText("Reconnecting…")).toBeHidden();
  });

  await test.step("each output is from its host", async () => {
    for (const [host, sshd] of hosts) {
      const greeting = step(page, `Greet ${host}`);
      await expect(greeting.locator("header").getByText(host, { exact: true })).toBeVisible();
      await expect(greeting.locator(".console")).toContainText(`it's fine on ${sshd.name}, port ${sshd.port}`);
    }
  });

  expect(problems).toEqual([]);
});

test("a host that shows another key than the pinned one is not talked to", async ({ page, studio, client, sshds }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const [expected, other] = sshds;

  await test.step("a host is pinned to one key, and another answers at its address", async () => {
    await setUp(page, studio);
    await storeKey(page, studio, client);
    await addHost(page, studio, "db-1", other, expected.hostKey);
    await expect(page.getByRole("row", { name: "db-1" }).getByText(expected.fingerprint)).toBeVisible();
  });

  await test.step("a check says so", async () => {
    const found = page.getByRole("status", { name: "Check of db-1" });
    await page.getByRole("button", { name: "Check db-1" }).click();
    await expect(found.getByText(`Shows another key than the pinned one: ${other.fingerprint}`)).toBeVisible();
    await expect(found.getByText("Somebody may be in between")).toBeVisible();
    await expect(found.getByText("Lets us in")).toBeHidden();
  });

  await test.step("a run fails before anything happens there, and names both keys", async () => {
    const id = await createRunbook(page, studio, { title: "Greet the database", blocks: [command("db-1", "echo hello")] });
    await run(page, studio, id, "Run all on db-1");
    await expect(state(page, "Failed")).toBeVisible();
    const greeting = step(page, "Greet db-1");
    const keys = `${other.fingerprint} instead of ${expected.fingerprint}`;
    await expect(greeting.getByText(`host db-1 shows another key than the pinned one: ${keys}`)).toBeVisible();
    await expect(greeting.locator(".console")).toBeHidden();
  });

  expect(problems).toEqual([]);
});

async function storeKey(page: Page, studio: Studio, client: ClientKey): Promise<void> {
  await page.goto(`${studio.url}/credentials`);
  await hydrated(page);
  await page.getByLabel("Name").fill("deploy-key");
  await page.getByLabel("Type").selectOption("ssh");
  await page.getByLabel("Secret").fill(client.secret);
  await page.getByRole("button", { name: "Store credential" }).click();
  await expect(page.getByRole("row", { name: /deploy-key/ })).toBeVisible();
  await expect(page.getByLabel("Secret")).toHaveValue("");
}

async function addHost(page: Page, studio: Studio, name: string, sshd: Sshd, hostKey = ""): Promise<void> {
  await page.goto(`${studio.url}/hosts`);
  await hydrated(page);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Address").fill("127.0.0.1");
  await page.getByLabel("Port").fill(String(sshd.port));
  await page.getByLabel("User").fill(sshd.user);
  await page.getByLabel("Credential").selectOption("deploy-key");
  await page.getByLabel("Host key").fill(hostKey);
  await page.getByRole("button", { name: "Add host" }).click();
  await expect(page.getByRole("row", { name })).toBeVisible();
}

function command(host: string, command: string): object {
  return { type: "command", name: `Greet ${host}`, config: { command, host } };
}

async function run(page: Page, studio: Studio, id: string, button: string): Promise<void> {
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  await page.getByRole("button", { name: button, exact: true }).click();
  await expect(page).toHaveURL(/\/runs\//);
}

test("a check says at its own row that it is under way, and only that row waits", async ({ page, studio }) => {
  await setUp(page, studio);
  const headers = await asAdmin(page, studio);
  for (const name of ["db-1", "web-1"]) {
    // Nothing listens there.
    const made = await page.request.post(`${studio.url}/api/v1/hosts`, { headers, data: { name, address: "127.0.0.1", port: 1, user: "deploy" } });
    expect(made.status(), await made.text()).toBe(201);
  }
  let answer = () => {};
  const held = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/rpc/check_host*", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${studio.url}/hosts`);
  await hydrated(page);
  const row = page.getByRole("row", { name: "db-1" });
  await expect(row.getByRole("status")).toBeAttached();
  await page.getByRole("button", { name: "Check db-1" }).click();
  await expect(row.getByRole("status")).toHaveText("Looking at db-1…");
  await expect(page.getByRole("button", { name: "Check db-1" })).toBeDisabled();
  await expect(page.getByRole("button", { name: "Check web-1" })).toBeEnabled();
  await expect(page.getByRole("row", { name: "web-1" }).getByRole("status")).toHaveText("");
  answer();
  await expect(page.getByRole("status", { name: "Check of db-1" })).toBeVisible();
  await expect(row.getByRole("status")).toHaveText("");
  await expect(page.getByRole("button", { name: "Check db-1" })).toBeEnabled();
});
