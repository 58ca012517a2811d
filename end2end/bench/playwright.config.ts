// For `cargo xtask ui-bench`.
import { defineConfig } from "@playwright/test";
import { browser } from "../playwright.base";

export default defineConfig({
  testDir: ".",
  testMatch: "*.bench.ts",
  outputDir: "../results",
  reporter: [["line"]],
  workers: 1,
  // Filling a store takes its time.
  timeout: 1_800_000,
  expect: { timeout: 60_000 },
  use: { ...browser, viewport: { width: 1280, height: 800 } },
});
