// Copying where the page came over plain http from another machine: there is no clipboard for scripts, and it works all the same.
import { createRunbook, expect, hydrated, setUp, state, step, test } from "../fixtures/studio";
import type { Page } from "@playwright/test";

test("commands, output and reports are copied over plain http too", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await overPlainHttp(page);
  await setUp(page, studio);
  const blocks = [{ type: "command", name: "Greet", config: { command: "echo hello" } }];
  await page.goto(`${studio.url}/runbooks/${await createRunbook(page, studio, { title: "Greet", blocks })}`);
  await hydrated(page);

  await test.step("a command", async () => {
    await page.getByRole("button", { name: "Copy", exact: true }).click();
    await expect(page.getByRole("button", { name: "Copied" })).toBeFocused();
    expect(await copied(page)).toBe("echo hello");
    await expect(page.locator("body > textarea")).toHaveCount(0);
  });

  await test.step("the output of a step, and the report", async () => {
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(state(page, "Succeeded")).toBeVisible();
    await expect(step(page, "Greet").locator(".console")).toContainText("hello");
    await page.getByRole("button", { name: "Copy output of Greet" }).click();
    await expect.poll(() => copied(page)).toMatch(/^hello\s*$/);
    const about = page.getByRole("complementary", { name: "About this run" });
    await about.getByRole("button", { name: "Copy", exact: true }).click();
    await expect(about.getByText("Copied", { exact: true })).toBeVisible();
    expect(await copied(page)).toContain("Greet");
  });

  await test.step("where the browser refuses, it is said", async () => {
    await page.evaluate(() => (document.execCommand = () => false));
    await page.getByRole("button", { name: "Copy output of Greet" }).click();
    await expect(page.getByText("The browser does not allow copying here: select the text and copy it by key.")).toBeVisible();
  });

  expect(problems).toEqual([]);
});

/** Takes from the page what a browser gives only to pages over https or of this machine, and remembers what is copied. */
async function overPlainHttp(page: Page): Promise<void> {
  await page.addInitScript(() => {
    Object.defineProperty(window, "isSecureContext", { value: false });
    Object.defineProperty(navigator, "clipboard", { value: undefined });
    document.addEventListener("copy", () => {
      const field = document.activeElement as HTMLTextAreaElement;
      (window as any).copied = field.value.slice(field.selectionStart, field.selectionEnd);
    });
  });
}

function copied(page: Page): Promise<string> {
  return page.evaluate(() => (window as any).copied);
}
