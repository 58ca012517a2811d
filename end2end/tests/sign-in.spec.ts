// Signing in: a mistake is said and can be mended, and one comes to where one wanted.
import { account, expect, setUp, test } from "../fixtures/studio";

test("a wrong password is said, and the right one leads to the page that was asked for", async ({ page, studio, browser }) => {
  await setUp(page, studio);
  const context = await browser.newContext();
  const theirs = await context.newPage();
  await theirs.goto(`${studio.url}/runbooks?q=queue`);
  await expect(theirs.getByRole("heading", { level: 1, name: "Sign in" })).toBeVisible();
  await theirs.getByLabel("User name").fill(account.username);
  await theirs.getByLabel("Password").fill("not the password at all");
  await theirs.getByRole("button", { name: "Sign in" }).click();
  await expect(theirs.getByRole("alert")).toHaveText("The user name or the password is wrong.");
  await theirs.getByLabel("User name").fill(account.username);
  await theirs.getByLabel("Password").fill(account.password);
  await theirs.getByRole("button", { name: "Sign in" }).click();
  await expect(theirs).toHaveURL(`${studio.url}/runbooks?q=queue`);
  await expect(theirs.getByRole("searchbox", { name: "Filter runbooks" })).toHaveValue("queue");
  await context.close();
});
