// A page of another site, open in the browser of somebody who is signed in: it changes nothing and shows nothing of ours.
import { createRunbook, expect, setUp, test, type Studio } from "../fixtures/studio";
import type { Page } from "@playwright/test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A site of somebody else: other pages than ours on another name of this machine, which browsers take for another site. */
async function otherSite(html: string): Promise<{ url: string; server: Server }> {
  const server = createServer((_, answer) => answer.writeHead(200, { "Content-Type": "text/html" }).end(html));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://localhost:${(server.address() as AddressInfo).port}/`, server };
}

/** Their page, which has every way to ask something of us that a browser offers. */
function theirPage(studio: Studio, id: string): string {
  const form = (name: string, action: string, fields: string, kind = "") =>
    `<form id="${name}" method="post" action="${studio.url}${action}" ${kind}>${fields}</form>`;
  return `<!doctype html><title>Prizes</title>
    ${form("delete", "/rpc/delete_runbook", `<input name="id" value="${id}">`)}
    ${form("run", "/rpc/start_run", `<input name="id" value="${id}">`)}
    ${form("api", `/api/v1/runbooks/${id}/execute`, `<input name='{"reason":"' value='"}'>`, 'enctype="text/plain"')}
    ${form("out", "/rpc/sign_out", "")}
    <iframe id="frame" src="${studio.url}/runbooks/${id}"></iframe>`;
}

async function signedIn(page: Page, studio: Studio): Promise<boolean> {
  await page.goto(`${studio.url}/runbooks`);
  return page.url().endsWith("/runbooks");
}

test("a page of another site changes nothing and shows nothing of ours", async ({ page, studio }) => {
  await setUp(page, studio);
  const id = await createRunbook(page, studio, { title: "Fail over", blocks: [{ type: "instruction", config: { text: "Call first." } }] });
  const { url, server } = await otherSite(theirPage(studio, id));
  try {
    for (const form of ["delete", "run", "api", "out"]) {
      await page.goto(url);
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === "POST" && response.url().startsWith(studio.url)),
        page.evaluate((name) => (document.getElementById(name) as HTMLFormElement).submit(), form),
      ]);
      expect(answer.request().headers()["origin"], form).not.toBe(studio.url);
      expect([401, 403], `${form} answers ${answer.status()}`).toContain(answer.status());
    }

    await page.goto(url);
    const asked = await page.evaluate(
      async ([base, id]) => {
        const ask = (path: string, init: RequestInit) =>
          fetch(base + path, { credentials: "include", ...init }).then(
            (answer) => (answer.type === "opaque" ? "nothing to read" : `read: ${answer.status}`),
            () => "refused",
          );
        const json = { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } };
        return Promise.all([
          ask("/api/v1/runbooks", {}),
          ask("/api/v1/runbooks", { mode: "no-cors" }),
          ask(`/api/v1/runbooks/${id}/execute`, json),
          ask(`/api/v1/runbooks/${id}`, { method: "DELETE" }),
          ask(`/rpc/start_run`, { method: "POST", mode: "no-cors", body: new URLSearchParams({ id }) }),
        ]);
      },
      [studio.url, id],
    );
    expect(asked).toEqual(["refused", "nothing to read", "refused", "refused", "nothing to read"]);
    // Our page refuses to be shown within theirs.
    const frame = page.frames().find((frame) => frame !== page.mainFrame());
    expect(await frame?.locator("text=Fail over").count().catch(() => 0)).toBe(0);

    expect(await signedIn(page, studio), "still signed in").toBe(true);
    await expect(page.getByRole("link", { name: "Fail over" }).first()).toBeVisible();
    await page.goto(`${studio.url}/history`);
    await expect(page.getByText("#1", { exact: true })).toHaveCount(0);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});
