// What every kind of Playwright run here shares.
import type { PlaywrightTestConfig } from "@playwright/test";
import { existsSync } from "node:fs";

// The system's Chromium: nothing is downloaded.
const chromium = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));

export const browser: PlaywrightTestConfig["use"] = {
  viewport: { width: 1440, height: 900 },
  launchOptions: {
    executablePath: chromium,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  },
};
