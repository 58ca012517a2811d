// What all workloads share: rounds, samples, and the answer for `cargo xtask ui-bench`.
import { Api } from "../fixtures/api";
import { account, expect, hydrated, Studio } from "../fixtures/studio";
import { test as base, type Browser, type Page } from "@playwright/test";
import { writeFileSync } from "node:fs";

const number = (name: string, otherwise: number) => Number(process.env[name] ?? otherwise);

export const sizes = { rounds: number("BENCH_ROUNDS", 1), runbooks: number("BENCH_RUNBOOKS", 200), lines: number("BENCH_LINES", 20_000) };

/** Samples by the name of a quantity, one a round. */
export class Answer {
  private readonly samples: Record<string, number[]> = {};
  private readonly notes: string[] = [];

  add(found: Record<string, number>): void {
    for (const [name, value] of Object.entries(found)) (this.samples[name] ??= []).push(value);
  }

  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }

  write(): void {
    const text = JSON.stringify({ samples: this.samples, notes: this.notes });
    if (process.env.BENCH_ANSWER) writeFileSync(process.env.BENCH_ANSWER, text);
    else console.log(text);
  }
}

/** The smallest sample that at least this share of all does not exceed. */
export function percentile(samples: number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
}

/** A browser that has nothing yet but, where asked for, the session of the administrator. */
export async function fresh(browser: Browser, studio: Studio, signedIn = true): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  if (signedIn) await context.addCookies([await session(studio)]);
  return context.newPage();
}

/** A session of the administrator, by the form that a browser without scripts would send. */
export async function session(studio: Studio): Promise<{ name: string; value: string; url: string }> {
  const page = await (await fetch(`${studio.url}/sign-in`)).text();
  const action = page.match(/<form[^>]*action="([^"]*)"/)?.[1];
  if (!action) throw new Error("the sign-in has no form");
  const answer = await fetch(studio.url + action, {
    method: "POST",
    redirect: "manual",
    headers: { "content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin", accept: "text/html" },
    body: new URLSearchParams({ ...account, next: "/" }),
  });
  const cookie = answer.headers.getSetCookie().map((line) => line.split(";")[0]).find((pair) => pair.includes("session"));
  if (!cookie) throw new Error(`no session: ${answer.status} ${await answer.text()}`);
  const [name, ...value] = cookie.split("=");
  return { name, value: value.join("="), url: studio.url };
}

/** Milliseconds from the start of the navigation until the script has taken over. */
export async function live(page: Page): Promise<number> {
  await hydrated(page);
  return page.evaluate(() => (window as any).live as number);
}

/** Notes, before anything of the page runs, when its script takes over. */
export async function noteLive(page: Page): Promise<void> {
  await page.addInitScript(() => {
    new MutationObserver((_, observer) => {
      if (!document.body?.hasAttribute("data-hydrated")) return;
      (window as any).live = performance.now();
      observer.disconnect();
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-hydrated"] });
  });
}

export interface World {
  studio: Studio;
  api: Api;
}

export const test = base.extend<{ world: World; answer: Answer }>({
  world: async ({}, use) => {
    const studio = await Studio.start();
    await use({ studio, api: await Api.setUp(studio) });
    await studio.end();
  },
  answer: async ({}, use) => {
    const answer = new Answer();
    await use(answer);
    answer.write();
  },
});

export { expect };
