import { defineConfig } from "@playwright/test";
import { existsSync } from "node:fs";

// The system's Chromium: nothing is downloaded.
const chromium = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));

export default defineConfig({
  testDir: "tests",
  outputDir: "results",
  reporter: [["list"]],
  forbidOnly: !!process.env.CI,
  // Each worker starts a server of its own; two cores carry no more.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  use: {
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
    },
  },
});
