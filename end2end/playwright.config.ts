import { defineConfig } from "@playwright/test";
import { browser } from "./playwright.base";

export default defineConfig({
  testDir: "tests",
  outputDir: "results",
  reporter: [["list"]],
  forbidOnly: !!process.env.CI,
  // Each worker starts a server of its own; two cores carry no more.
  workers: 1,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  // A button that is not there fails soon, and says which.
  use: { ...browser, actionTimeout: 20_000, trace: "retain-on-failure" },
});
