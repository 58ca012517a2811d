// A runbook leaves as a file and comes back as it was, also without JavaScript.
import { createRunbook, expect, hydrated, setUp, test } from "../fixtures/studio";
import { readFileSync } from "node:fs";

const runbook = {
  title: "Restart: the queue",
  tags: ["queue"],
  parameters: [{ name: "queue", type: "string", default: "yes" }],
  blocks: [
    { name: "Drain", type: "command", config: { command: "set -eu\n\nqueue drain {{ params.queue }}\n" } },
    { name: "Let it settle", type: "timer", config: { duration: "90s" } },
    {
      name: "Is it up?",
      type: "condition",
      config: {
        condition_type: "file_exists",
        file_path: "/run/queue",
        nested_blocks: [{ name: "All is well", type: "instruction", config: { text: "Tell **#ops**." } }],
      },
    },
  ],
};

test("a runbook is exported as a file and imported again as it was", async ({ page, studio }, info) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  await page.goto(`${studio.url}/runbooks/${id}`);
  await hydrated(page);

  const file = info.outputPath("exported.yaml");
  await test.step("export it as YAML", async () => {
    await page.getByText("Export", { exact: true }).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: /^YAML/ }).click()]);
    expect(download.suggestedFilename()).toBe("restart-the-queue.yaml");
    await download.saveAs(file);
    expect(readFileSync(file, "utf8")).toContain("      command: |\n        set -eu\n\n        queue drain {{ params.queue }}\n");
  });

  await test.step("import it again", async () => {
    await page.goto(`${studio.url}/import`);
    await hydrated(page);
    await page.getByLabel("Choose a file").setInputFiles(file);
    await expect(page.getByLabel("YAML, JSON or Markdown")).toHaveValue(/title: "Restart: the queue"/);
    await page.getByRole("button", { name: "Import as a runbook" }).click();
    await expect(page.getByRole("heading", { level: 1, name: "Restart: the queue" })).toBeVisible();
    await expect(page).not.toHaveURL(`${studio.url}/runbooks/${id}`);
    await expect(page.getByText("1m 30s")).toBeVisible();
    await expect(page.getByText("All is well")).toBeVisible();
  });

  await test.step("what is wrong with a document is said with its line", async () => {
    await page.goto(`${studio.url}/import`);
    await hydrated(page);
    await page.getByLabel("YAML, JSON or Markdown").fill("title: Broken\nblocks:\n  - type: timr\n");
    await page.getByRole("button", { name: "Import as a runbook" }).click();
    await expect(page.getByRole("alert")).toContainText("“timr” is none of");
    await expect(page.getByRole("alert")).toContainText("line 3");
  });

  expect(problems).toEqual([]);
});

test("a runbook is exported and imported without JavaScript", async ({ browser, page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, runbook);
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState() });
  const reader = await plain.newPage();
  await reader.goto(`${studio.url}/runbooks/${id}`);
  await reader.getByText("Export", { exact: true }).click();
  const [download] = await Promise.all([reader.waitForEvent("download"), reader.getByRole("link", { name: /^JSON/ }).click()]);
  expect(download.suggestedFilename()).toBe("restart-the-queue.json");
  const text = readFileSync(await download.path(), "utf8");
  await reader.goto(`${studio.url}/import`);
  await reader.getByLabel("YAML, JSON or Markdown").fill(text);
  await reader.getByRole("button", { name: "Import as a runbook" }).click();
  await expect(reader.getByRole("heading", { level: 1, name: "Restart: the queue" })).toBeVisible();
  await plain.close();
});

test("what becomes of a chosen file is said: read, refused because it is no text or too large, saved", async ({ page, studio }) => {
  await setUp(page, studio);
  await page.goto(`${studio.url}/import`);
  await hydrated(page);
  const said = page.getByRole("status", { name: "The file" });
  const file = (name: string, buffer: Buffer) => page.getByLabel("Choose a file").setInputFiles({ name, mimeType: "text/plain", buffer });
  const field = page.getByLabel("YAML, JSON or Markdown");

  await file("photo.txt", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0xff, 0xfe]));
  await expect(said).toHaveText("“photo.txt” is no text in UTF-8. Save it as one, and choose it again.");
  await expect(field).toHaveValue("");
  await file("huge.md", Buffer.alloc(1024 * 1024 + 1, "a"));
  await expect(said).toContainText("“huge.md” is larger than 1 MiB");
  await expect(field).toHaveValue("");
  await file("queue.md", Buffer.from("# Restart the queue\n\n```sh\necho restarted\n```\n"));
  await expect(said).toHaveText("Read “queue.md”. Look it over below, then import it.");
  await expect(field).toHaveValue(/echo restarted/);

  let answer = () => {};
  const held = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/rpc/import_document*", async (route) => {
    await held;
    await route.continue();
  });
  await page.getByRole("button", { name: "Import as a runbook" }).click();
  await expect(said).toHaveText("Saving the runbook…");
  answer();
  await expect(page.getByRole("heading", { level: 1, name: "Restart the queue" })).toBeVisible();
});
