// Every page in every state: nothing for axe to find, in both themes, on a desk and on a phone; nothing sticks out sideways; no script
// complains and nothing is tried that the policy forbids.
import AxeBuilder from "@axe-core/playwright";
import { type Demo, test } from "../fixtures/demo";
import { become, type Place, places, visit } from "../fixtures/places";
import { expect } from "../fixtures/studio";
import type { Page } from "@playwright/test";

/** WCAG 2.2 up to AA, and what axe's authors hold to be good besides. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** What another theme can change. */
const COLOURS = ["color-contrast", "link-in-text-block"];
const HEIGHT = 900;
/** A desk, the desk at 200 % zoom, a phone, and the smallest phone. */
const WIDTHS = [1280, 640, 390, 360];

test.describe.configure({ timeout: 240_000 });

// In four parts, so that a fault names few pages and each part ends soon.
const PARTS = 4;
for (let part = 0; part < PARTS; part++) {
  test(`every page can be used by everybody, part ${part + 1} of ${PARTS}`, async ({ page, demo }) => {
    const complaints: string[] = [];
    let where = "";
    page.on("pageerror", (error) => complaints.push(`${where}: ${error}`));
    page.on("console", (message) => {
      const isStatus = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !isStatus) complaints.push(`${where}: ${message.text()}`);
    });
    const all = places(demo);
    for (const place of all.slice(Math.ceil((part * all.length) / PARTS), Math.ceil(((part + 1) * all.length) / PARTS))) {
      await test.step(place.name, async () => {
        where = place.name;
        // One page that cannot be looked at must not hide what is wrong with the others.
        const found = await look(page, demo, place).catch((error) => [String(error)]);
        complaints.push(...found.map((complaint) => `${place.name}: ${complaint}`));
      });
    }
    expect(complaints).toEqual([]);
  });
}

test("no page tried what its policy forbids", async ({ page, demo }) => {
  await become(page, demo, "admin");
  const metrics = await (await page.request.get(`${demo.studio.url}/metrics`)).text();
  expect(metrics.match(/^runbook_studio_csp_reports_total .*/m)?.[0] ?? "none").toBe("none");
});

/** Looks at a page in all sizes and themes; the sentences say what is wrong with it. */
async function look(page: Page, demo: Demo, place: Place): Promise<string[]> {
  const found: string[] = [];
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
  await page.setViewportSize({ width: WIDTHS[0], height: HEIGHT });
  await visit(page, demo, place);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: HEIGHT });
    found.push(...(await sticksOut(page)).map((what) => `at ${width} px ${what}`));
    if (width !== 1280 && width !== 390) continue;
    found.push(...(await axe(page, "light", width)));
    await page.emulateMedia({ colorScheme: "dark" });
    found.push(...(await axe(page, "dark", width, COLOURS)));
    await page.emulateMedia({ colorScheme: "light" });
  }
  return found;
}

async function axe(page: Page, theme: string, width: number, rules?: string[]): Promise<string[]> {
  // Without frames in a page there is nothing to be put together in another tab.
  const builder = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (rules ? builder.withRules(rules) : builder.withTags(RULES)).analyze();
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${theme}, ${width} px: ${id}: ${help}: ${node.html.slice(0, 160)} (${node.any.concat(node.all, node.none)[0]?.message ?? ""})`),
  );
}

/** What makes the page wider than the window. */
function sticksOut(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const room = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= room) return [];
    const wide = [...document.body.querySelectorAll("*")].filter((element) => {
      const { right, width } = element.getBoundingClientRect();
      if (width === 0 || right <= room + 1) return false;
      // What scrolls by itself may be as wide as it likes.
      for (let box = element.parentElement; box && box !== document.body; box = box.parentElement) {
        if (getComputedStyle(box).overflowX !== "visible") return false;
      }
      return true;
    });
    return [`the page scrolls sideways (${document.documentElement.scrollWidth} px): ${wide.slice(0, 3).map((element) => element.outerHTML.slice(0, 120)).join(" | ")}`];
  });
}
