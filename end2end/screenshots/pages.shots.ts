// A picture of every place: in light, in dark, and on a phone.
import { test } from "../fixtures/demo";
import { type Place, places, visit } from "../fixtures/places";
import { join } from "node:path";

const into = process.env.SCREENSHOTS ?? "results";
const only = process.env.SCREENSHOTS_ONLY ?? "";

/** What README and docs show. */
const OF_DOCUMENTS = ["run-waiting-light", "run-waiting-dark", "run-failed-phone", "runbook-light", "editor-light", "home-light"];
const ofDocuments = process.env.SCREENSHOTS_OF_DOCUMENTS !== undefined;

const LOOKS = [
  { look: "light", colorScheme: "light", width: 1280, height: 800 },
  { look: "dark", colorScheme: "dark", width: 1280, height: 800 },
  { look: "phone", colorScheme: "light", width: 390, height: 844 },
] as const;

test("every page in every look", async ({ page, demo }) => {
  const file = (place: Place, look: string) => `${place.name}-${look}`;
  for (const place of places(demo).filter((place) => place.name.includes(only))) {
    for (const { look, colorScheme, width, height } of LOOKS) {
      if (ofDocuments && !OF_DOCUMENTS.includes(file(place, look))) continue;
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height });
      await visit(page, demo, place);
      // What moves with the mouse shall not be in the picture.
      await page.mouse.move(0, 0);
      await page.screenshot({ path: join(into, `${file(place, look)}.png`), fullPage: !ofDocuments });
    }
  }
});
