// Accounts: an invitation is taken up, a key is made and revoked, a session ended from elsewhere, a password changed and set by a link;
// with and without JavaScript.
import { account, asAdmin, expect, hydrated, setUp, signInAs, test } from "../fixtures/studio";

const guest = { username: "ann", password: "some other quiet words" };

test("somebody is invited, signs in, and is locked out", async ({ page, studio, browser }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  await page.getByRole("link", { name: "Users" }).click();
  await hydrated(page);
  await page.getByRole("button", { name: "Make an invitation" }).click();
  const made = page.getByRole("region", { name: "Invitation as developer" });
  await expect(made).toBeVisible();
  const link = await made.locator("code").innerText();
  expect(link).toContain(`${studio.url}/invite/`);

  const context = await browser.newContext();
  const theirs = await context.newPage();
  await test.step("the invited person chooses a name and a password", async () => {
    await theirs.goto(link);
    await theirs.getByLabel("User name").fill(guest.username);
    await theirs.getByLabel("Password").fill(guest.password);
    await theirs.getByRole("button", { name: "Create account" }).click();
    await expect(theirs.getByRole("link", { name: "Runbooks" }).first()).toBeVisible();
    await expect(theirs.getByRole("link", { name: "Users" })).toBeHidden();
  });

  await test.step("the link is good once", async () => {
    await page.goto(link);
    await expect(page.getByRole("heading", { name: "This link leads nowhere" })).toBeVisible();
  });

  await test.step("a lock ends their session at once", async () => {
    await page.goto(`${studio.url}/users`);
    await hydrated(page);
    const row = page.getByRole("row", { name: guest.username });
    await row.getByText("Lock out…").click();
    await row.getByRole("button", { name: `Lock out “${guest.username}”` }).click();
    await expect(row.getByText("Locked out")).toBeVisible();
    await theirs.goto(`${studio.url}/runbooks`);
    await expect(theirs.getByRole("heading", { name: "Sign in" })).toBeVisible();
  });

  await test.step("the last administrator stays one", async () => {
    const row = page.getByRole("row", { name: "oncall-1" });
    await row.getByText("Role…").click();
    await row.getByRole("combobox").selectOption("viewer");
    await row.getByRole("button", { name: /Change/ }).click();
    await expect(page.getByText("is the last administrator")).toBeVisible();
  });
  await context.close();
  expect(problems).toEqual([]);
});

test("a key is made, used and revoked, and the password changed", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  await page.getByRole("link", { name: /oncall-1/ }).click();
  await hydrated(page);
  await expect(page.getByText("This browser")).toBeVisible();
  await page.getByLabel("Name", { exact: true }).fill("deploy pipeline");
  await page.getByRole("button", { name: "Make key" }).click();
  const made = page.getByRole("region", { name: "API key “deploy pipeline”" });
  const key = await made.locator("code").innerText();
  const ask = async () => (await page.request.get(`${studio.url}/api/v1/runbooks`, { headers: { "X-API-KEY": key } })).status();
  expect(await ask()).toBe(200);
  const row = page.getByRole("row", { name: /deploy pipeline/ });
  await row.getByText("Revoke…").click();
  await row.getByRole("button", { name: "Revoke “deploy pipeline”" }).click();
  await expect(row).toBeHidden();
  expect(await ask()).toBe(401);

  await page.getByLabel("Present password").fill("a long and quiet night");
  await page.getByLabel("New password").fill("another long and quiet night");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password is changed")).toBeVisible();
  expect(problems).toEqual([]);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a key is made and shown once", async ({ page, studio }) => {
    await setUp(page, studio);
    await page.goto(`${studio.url}/profile`);
    await page.getByLabel("Name", { exact: true }).fill("by hand");
    await page.getByRole("button", { name: "Make key" }).click();
    await expect(page.getByRole("region", { name: "API key “by hand”" }).locator("code")).toHaveText(/^rbs_/);
    await page.reload();
    await expect(page.getByRole("region", { name: "API key “by hand”" })).toBeHidden();
    await expect(page.getByRole("row", { name: /by hand/ })).toBeVisible();
  });
});

test("the button that confirms never moves to another row: where one is gone, the next begins closed", async ({ page, studio }) => {
  await setUp(page, studio);
  const headers = await asAdmin(page, studio);
  for (const name of ["first pipeline", "second pipeline", "third pipeline"]) {
    const made = await page.request.post(`${studio.url}/api/v1/users/me/api-keys`, { headers, data: { name, scopes: ["read"] } });
    expect(made.status()).toBe(201);
  }
  await page.goto(`${studio.url}/profile`);
  await hydrated(page);
  const rows = page.getByRole("row", { name: /pipeline/ });
  await expect(rows).toHaveCount(3);
  const name = await rows.first().locator("b").innerText();
  await rows.first().getByText("Revoke…").click();
  await rows.first().getByRole("button", { name: `Revoke “${name}”` }).click();
  await expect(rows).toHaveCount(2);
  await expect(page.locator("main details[open]")).toHaveCount(0);
});

test("a link sets a new password: the old one is good no more, nor is the link", async ({ page, studio, browser }) => {
  await setUp(page, studio);
  const context = await browser.newContext();
  const theirs = await context.newPage();
  await signInAs(theirs, studio, await asAdmin(page, studio), guest.username, "developer");
  await page.goto(`${studio.url}/users`);
  await hydrated(page);
  const row = page.getByRole("row", { name: guest.username });
  await row.getByText("Password…").click();
  await row.getByRole("button", { name: `Make a link for “${guest.username}”` }).click();
  const link = await page.getByRole("region", { name: "Link to a new password" }).locator("code").innerText();
  expect(link).toContain(`${studio.url}/reset/`);

  await theirs.goto(link);
  await expect(theirs.getByRole("heading", { name: "Choose a new password" })).toBeVisible();
  await theirs.getByLabel("Password").fill(guest.password);
  await theirs.getByRole("button", { name: "Set password" }).click();
  const signIn = async (password: string) => {
    await theirs.getByLabel("User name").fill(guest.username);
    await theirs.getByLabel("Password").fill(password);
    await theirs.getByRole("button", { name: "Sign in" }).click();
  };
  await expect(theirs.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await signIn("another long and quiet night");
  await expect(theirs.getByRole("alert")).toContainText("password is wrong");
  await signIn(guest.password);
  await expect(theirs.getByRole("link", { name: "Runbooks" }).first()).toBeVisible();
  await theirs.goto(link);
  await expect(theirs.getByRole("heading", { name: "This link leads nowhere" })).toBeVisible();
  await context.close();
});

test("a session is ended from another browser", async ({ page, studio, browser }) => {
  await setUp(page, studio);
  const context = await browser.newContext();
  const left = await context.newPage();
  await left.goto(`${studio.url}/sign-in`);
  await left.getByLabel("User name").fill(account.username);
  await left.getByLabel("Password").fill(account.password);
  await left.getByRole("button", { name: "Sign in" }).click();
  await expect(left.getByRole("link", { name: "Runbooks" }).first()).toBeVisible();
  await page.goto(`${studio.url}/profile`);
  await hydrated(page);
  await page.getByRole("button", { name: /^End the session on/ }).click();
  await expect(page.getByRole("button", { name: /^End the session on/ })).toHaveCount(0);
  await expect(page.getByText("This browser")).toBeVisible();
  await left.goto(`${studio.url}/runbooks`);
  await expect(left.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await context.close();
});
