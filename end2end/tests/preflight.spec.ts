// A look before a run: what refuses it, what would fail, and exactly what would run.
import { createRunbook, expect, hydrated, setUp, test } from "../fixtures/studio";

const runbook = {
  title: "Look first",
  parameters: [
    { name: "word", type: "string", required: true },
    { name: "token", type: "secret" },
  ],
  blocks: [
    { type: "command", name: "Greet", config: { command: "echo {{ params.word }}" } },
    { type: "command", name: "Repeat", config: { command: "echo {{ steps.greet.stdout }}" } },
  ],
};

test("a check names what refuses the run, and with that mended what exactly would run", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  const found = page.getByRole("status", { name: "Check before the run" });
  await page.getByRole("button", { name: "Check first" }).click();
  await expect(found.getByText("It cannot start")).toBeVisible();
  await expect(found.getByText("“word” needs an answer.")).toBeVisible();
  const run = page.getByRole("button", { name: "Run all on this server" });
  await expect(run).toBeDisabled();

  await page.getByLabel("word").fill("two; words");
  await expect(run).toBeEnabled();
  await expect(found.getByText("The form has changed since")).toBeVisible();
  await page.getByRole("button", { name: "Check first" }).click();
  await expect(found.getByText("Ready to run")).toBeVisible();
  await expect(found.getByText("echo 'two; words'")).toBeVisible();
  await expect(found.getByText("With steps.greet.stdout, known only when it runs")).toBeVisible();
  await run.click();
  await expect(page).toHaveURL(/\/runs\//);
});

test("only what is ticked is checked", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);
  const found = page.getByRole("status", { name: "Check before the run" });
  await page.getByLabel("word").fill("x");
  await page.getByLabel("Select Repeat").check();
  await page.getByRole("button", { name: "Check selected" }).click();
  await expect(found.getByText("is not part of this run")).toBeVisible();
  await expect(found.getByText("echo x")).toBeHidden();
});

test("a button that names many hosts counts them, stays within its column, and the rest can be read below", async ({ page, studio }) => {
  await setUp(page, studio);
  const host = ["tag:web", "local", ...Array.from({ length: 5 }, (_, index) => `a-host-with-quite-a-long-name-${index + 1}.example.net`)];
  const id = await createRunbook(page, studio, { title: "Many", blocks: [{ type: "command", name: "All", config: { command: "uptime", host } }] });
  for (const width of [1280, 390, 360]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${studio.url}/runbooks/${id}`);
    const run = page.getByRole("button", { name: /^Run all on a-host.* and 5 more$/ });
    await expect(run).toHaveAttribute("title", /hosts tagged web/);
    await expect(page.getByText(/^On a-host.*this server$/)).toBeVisible();
    const room = await run.evaluate((button) => {
      const [own, card] = [button.getBoundingClientRect(), button.closest(".card")!.getBoundingClientRect()];
      return { inside: button.scrollWidth <= button.clientWidth, right: card.right - own.right, left: own.left - card.left };
    });
    expect(room.inside && room.right >= 0 && room.left >= 0, `${width}: ${JSON.stringify(room)}`).toBe(true);
  }
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("the page answers the form with what was found, and keeps what was typed but the secrets", async ({ page, studio }) => {
    await setUp(page, studio);
    const id = await createRunbook(page, studio, runbook);
    await page.goto(`${studio.url}/runbooks/${id}`);
    await page.getByLabel("word").fill("by hand");
    await page.getByLabel("token").fill("hush-hush-1");
    await page.getByLabel("Reason").fill("INC-7");
    await page.getByRole("button", { name: "Check first" }).click();
    const found = page.getByRole("status", { name: "Check before the run" });
    await expect(found.getByText("Ready to run")).toBeVisible();
    await expect(found.getByText("echo 'by hand'")).toBeVisible();
    await expect(page.getByLabel("word")).toHaveValue("by hand");
    await expect(page.getByLabel("Reason")).toHaveValue("INC-7");
    await expect(page.getByLabel("token")).toHaveValue("");
    expect(await page.content()).not.toContain("hush-hush-1");
    await page.getByRole("button", { name: "Run all on this server" }).click();
    await expect(page).toHaveURL(/\/runs\//);
  });
});
