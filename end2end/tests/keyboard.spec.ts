// The main job without a mouse: every stop of the Tab key shows where it is, and after each action the focus is where one goes on.
import { test as furnished } from "../fixtures/demo";
import { places, visit } from "../fixtures/places";
import { createRunbook, expect, hydrated, setUp, state, step, test } from "../fixtures/studio";
import type { Locator, Page } from "@playwright/test";

test("a runbook is written, run, approved and stopped by keys alone", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  await setUp(page, studio);

  await test.step("the skip link is the first stop, and leads past the navigation", async () => {
    await page.goto(`${studio.url}/runbooks`);
    await hydrated(page);
    await page.keyboard.press("Tab");
    await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
    await expect(page.getByRole("link", { name: "Skip to content" })).toBeInViewport();
    await seen(page);
    await page.keyboard.press("Enter");
    await expect(page.locator("#main")).toBeFocused();
    await reach(page, page.getByRole("link", { name: "New runbook" }).first());
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/runbooks\/new$/);
    await expect(page.getByRole("textbox", { name: "Title" })).toBeEnabled();
  });

  await test.step("write it", async () => {
    await reach(page, page.getByRole("textbox", { name: "Title" }));
    await page.keyboard.type("Restart the queue");
    for (const number of [1, 2]) {
      await reach(page, page.getByRole("region", { name: "Add a block" }).getByRole("button", { name: "Command", exact: true }));
      await page.keyboard.press("Enter");
      const block = page.getByRole("group", { name: `Block ${number}: Command` });
      await expect(block).toBeVisible();
      // Whoever adds a block wants to fill it in.
      await expect.poll(() => block.evaluate((element) => element.contains(document.activeElement)), { message: "the focus goes into the new block" }).toBe(true);
      await reach(page, block.getByLabel("Name"));
      await page.keyboard.type(number === 1 ? "Drain" : "Wait for it");
      await reach(page, block.getByLabel("Command", { exact: true }));
      await page.keyboard.type(number === 1 ? "echo drained" : "echo waiting; sleep 120");
    }
    await reach(page, page.getByRole("button", { name: "Create runbook" }));
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { level: 1, name: "Restart the queue" })).toBeVisible();
  });

  await test.step("run it, guided", async () => {
    await page.reload();
    await hydrated(page);
    await reach(page, page.getByLabel("Guided"));
    await page.keyboard.press("Space");
    await expect(page.getByLabel("Guided")).toBeChecked();
    await reach(page, page.getByRole("button", { name: /^Run all/ }));
    await page.keyboard.press("Enter");
    await expect(page).toHaveURL(/\/runs\//);
    await expect(state(page, "Waiting for you")).toBeVisible();
    await hydrated(page);
  });

  await test.step("approve both steps", async () => {
    for (const name of ["Drain", "Wait for it"]) {
      await reach(page, step(page, name).getByRole("button", { name: "Approve and run on this server" }));
      await page.keyboard.press("Enter");
      await expect(step(page, name).locator(".console")).toContainText(name === "Drain" ? "drained" : "waiting");
    }
    // The button that was pressed is gone; the focus must not be lost with it.
    await expect.poll(() => page.evaluate(() => document.activeElement !== document.body), { message: "the focus is somewhere" }).toBe(true);
  });

  await test.step("stop it by its button", async () => {
    await reach(page, page.getByRole("button", { name: /^Stop/ }).first());
    await page.keyboard.press("Enter");
    const sure = page.getByRole("dialog").getByRole("button", { name: /^Stop/ });
    await expect(state(page, "Stopped").or(sure)).toBeVisible();
    if (await sure.isVisible()) {
      await reach(page, sure);
      await page.keyboard.press("Enter");
    }
    await expect(state(page, "Stopped")).toBeVisible();
    await expect.poll(() => page.evaluate(() => document.activeElement !== document.body), { message: "the focus is somewhere" }).toBe(true);
  });

  expect(problems).toEqual([]);
});

furnished("every stop on every kind of page is seen, and the way through it ends", async ({ page, demo }) => {
  furnished.setTimeout(240_000);
  const looked = ["home", "runbooks", "runbook", "versions", "editor-new", "import", "run-waiting", "run-failed", "history", "hosts", "credentials", "users", "audit", "profile", "sign-in"];
  for (const place of places(demo).filter((place) => looked.includes(place.name))) {
    await furnished.step(place.name, async () => {
      await visit(page, demo, place);
      await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      let stops = 0;
      do {
        if (++stops > 300) throw new Error(`${place.name}: the Tab key never comes to the end of the page`);
        await page.keyboard.press("Tab");
        await seen(page, place.name);
      } while (await page.evaluate(() => document.activeElement !== document.body && document.activeElement !== null));
      expect(stops, place.name).toBeGreaterThan(3);
    });
  }
});

/** Presses Tab until the focus is there; each stop on the way must be seen. */
async function reach(page: Page, target: Locator): Promise<void> {
  await expect(target).toBeVisible();
  const on = () => target.evaluate((element) => element === document.activeElement);
  for (let stop = 0; stop < 200 && !(await on()); stop++) {
    await page.keyboard.press("Tab");
    await seen(page);
  }
  await expect(target).toBeFocused();
}

/** What has the focus shows it: by an outline, a shadow or an edge, in sight. */
async function seen(page: Page, where = "what has the focus"): Promise<void> {
  const fault = await page.evaluate(() => {
    const element = document.activeElement;
    // Past the last stop the focus is the browser's own, as it is in the parts of a date.
    if (!(element instanceof HTMLElement) || element === document.body || !element.matches(":focus-visible")) return undefined;
    const shows = (box: Element) => {
      const style = getComputedStyle(box);
      return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1) || style.boxShadow !== "none";
    };
    // A field may have its edge drawn by the box around it.
    const visible = shows(element) || (element.parentElement !== null && element.parentElement.matches(":focus-within") && shows(element.parentElement));
    const { top, bottom, width, height } = element.getBoundingClientRect();
    const inSight = width > 0 && height > 0 && bottom > 0 && top < innerHeight;
    return visible && inSight ? undefined : `${element.outerHTML.slice(0, 200)}: ${visible ? "out of sight" : "no mark"}`;
  });
  expect(fault, where).toBeUndefined();
}

test("p pauses a run and lets it go on, s stops it", async ({ page, studio }) => {
  await setUp(page, studio);
  const blocks = [{ type: "timer", name: "Wait", config: { duration: "1h" } }];
  await page.goto(`${studio.url}/runbooks/${await createRunbook(page, studio, { title: "Wait", blocks })}`);
  await hydrated(page);
  await page.getByRole("button", { name: /^Run all/ }).click();
  await expect(state(page, "Running")).toBeVisible();
  await page.keyboard.press("p");
  await expect(state(page, "Paused")).toBeVisible();
  await page.keyboard.press("p");
  await expect(state(page, "Running")).toBeVisible();
  await page.keyboard.press("s");
  await expect(state(page, "Stopped")).toBeVisible();
});
