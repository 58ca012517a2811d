// Texts of an attacker in every place that takes a text: nothing runs, nothing is loaded, and the policy has nothing to report.
import { createRunbook, expect, hydrated, setUp, test, type Studio } from "../fixtures/studio";
import { payloads, sequences } from "../fixtures/payloads";
import type { Page } from "@playwright/test";

const EACH = 20;

test("no text of a runbook, a run or a host becomes a script", async ({ page, studio }) => {
  test.setTimeout(300_000);
  expect(payloads.length).toBeGreaterThanOrEqual(300);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(`${page.url()}: ${error}`));
  page.on("dialog", async (dialog) => {
    problems.push(`${page.url()}: a dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(studio.url)) problems.push(`${page.url()} asks ${request.url()}`);
  });
  await setUp(page, studio);
  const ids: string[] = [];

  await test.step("write them everywhere", async () => {
    for (let at = 0; at < payloads.length; at += EACH) {
      const texts = payloads.slice(at, at + EACH);
      const plain = (text: string) => text.replace(/\{\{/g, "{ {");
      const oneLine = (text: string) => text.replace(/[\x00-\x1f\x7f]/g, " ").slice(0, 190);
      ids.push(
        await createRunbook(page, studio, {
          title: oneLine(texts[0]),
          description: texts.join("\n"),
          parameters: texts.map((text, index) => ({ name: `p${index}`, type: index % 2 ? "string" : "select", label: text, description: text, ...(index % 2 ? { default: text } : { options: [text], default: text }) })),
          blocks: texts.flatMap((text, index) => [
            // What is a template would be one here too, and rightly fail.
            { type: "instruction", name: oneLine(text), config: { text: `${plain(text)}\n\n> ${plain(text)}\n\n\`\`\`html\n${plain(text)}\n\`\`\`` } },
            ...(index === 0 ? [print(texts)] : []),
          ]),
        } as Parameters<typeof createRunbook>[2]),
      );
    }
  });

  await test.step("a tag, a user name or a host that is no plain word is refused", async () => {
    const headers = await signedIn(page, studio);
    for (const text of payloads.filter((_, index) => index % 7 === 0)) {
      const runbook = await page.request.post(`${studio.url}/api/v1/runbooks`, { headers, data: { title: "x", description: "", blocks: [], tags: [text] } });
      expect(runbook.status(), text).toBe(422);
      const host = await page.request.post(`${studio.url}/api/v1/hosts`, { headers, data: { name: text, address: "127.0.0.1", user: "root" } });
      expect(host.status(), text).toBe(422);
    }
    const described = { name: "web-1", address: "127.0.0.1", user: "root", description: payloads.slice(0, 5).join(" ") };
    expect((await page.request.post(`${studio.url}/api/v1/hosts`, { headers, data: described })).status()).toBe(201);
  });

  await test.step("look at them: pages of runbooks, their versions and their editors", async () => {
    for (const path of ["/", "/runbooks", "/hosts", "/history", "/audit"]) await look(page, studio, path, problems);
    for (const id of ids) await look(page, studio, `/runbooks/${id}`, problems);
    for (const id of ids.filter((_, index) => index % 4 === 0)) {
      await look(page, studio, `/runbooks/${id}/edit`, problems);
      await look(page, studio, `/runbooks/${id}/versions`, problems);
    }
    await look(page, studio, `/runbooks?q=${encodeURIComponent(payloads[0])}`, problems);
    await look(page, studio, `/history?state=${encodeURIComponent(payloads[1])}`, problems);
    await look(page, studio, `/no-such-page/${encodeURIComponent(payloads[1])}`, problems);
  });

  await test.step("run them, and look at the output while it comes and afterwards", async () => {
    const headers = await signedIn(page, studio);
    for (const id of ids) {
      const started = await page.request.post(`${studio.url}/api/v1/runbooks/${id}/execute`, { headers, data: { reason: payloads[3] } });
      expect(started.status(), await started.text()).toBe(202);
      const run = (await started.json()).job_id;
      await look(page, studio, `/runs/${run}`, problems);
      await expect.poll(async () => (await (await page.request.get(`${studio.url}/api/v1/executions/${run}`, { headers })).json()).status).toBe("completed");
      await look(page, studio, `/runs/${run}`, problems);
      await expect(page.locator(".console").first()).toContainText("the end");
    }
    await look(page, studio, "/history", problems);
  });

  // A text is a description, a label, a help, a default, a name, thrice a part of an instruction, and output in each sequence; every
  // seventh is a tag and a host's name too.
  const refused = 2 * Math.ceil(payloads.length / 7);
  console.log(`attacked: pages: ${payloads.length * (8 + sequences.length) + refused} tried, ${refused} refused`);
  expect(problems).toEqual([]);
  const metrics = await (await page.request.get(`${studio.url}/metrics`)).text();
  expect(metrics.match(/^runbook_studio_csp_reports_total .*/m)?.[0] ?? "none").toBe("none");
});

/** A command that prints the texts, each in every terminal sequence. */
function print(texts: string[]): object {
  const output = texts.map((text) => sequences.map((sequence) => sequence(text)).join("\n")).join("\n") + "\n\x1b\\\x1b[0m\nthe end\n";
  return { type: "command", name: "Print", config: { command: `printf %s ${Buffer.from(output).toString("base64")} | base64 -d` } };
}

async function signedIn(page: Page, studio: Studio): Promise<Record<string, string>> {
  const login = await page.request.post(`${studio.url}/api/v1/users/login`, { data: { username: "oncall-1", password: "a long and quiet night" } });
  return { "X-API-KEY": (await login.json()).api_key };
}

/** Opens a page, lets its script take over, and looks for what only a payload could have made. */
async function look(page: Page, studio: Studio, path: string, problems: string[]): Promise<void> {
  await page.goto(`${studio.url}${path}`);
  await hydrated(page).catch(() => problems.push(`${path}: its script does not take over`));
  const found = await page.evaluate(() => {
    const bad: string[] = [];
    if ("pwned" in window) bad.push("a script ran");
    for (const element of document.body.querySelectorAll("*")) {
      for (const { name, value } of element.attributes) {
        const handles = /^on/i.test(name);
        const leads = /^(href|src|action|data|srcdoc|formaction|xlink:href)$/i.test(name) && /^\s*(java\s*script|data|vbscript):/i.test(value);
        if (handles || leads || name === "srcdoc") bad.push(`<${element.localName} ${name}="${value.slice(0, 60)}">`);
      }
      if (/^(iframe|object|embed|base|meta|style|math|audio|video|form)$/.test(element.localName) && element.closest(".markdown, .console")) bad.push(`<${element.localName}>`);
    }
    return bad;
  });
  problems.push(...found.map((what) => `${path}: ${what}`));
}
