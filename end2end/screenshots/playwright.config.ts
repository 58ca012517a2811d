// For `cargo xtask screenshots`.
import { defineConfig } from "@playwright/test";
import { browser } from "../playwright.base";

export default defineConfig({
  testDir: ".",
  testMatch: "*.shots.ts",
  outputDir: "../results",
  reporter: [["list"]],
  workers: 1,
  timeout: 600_000,
  expect: { timeout: 15_000 },
  use: browser,
});
