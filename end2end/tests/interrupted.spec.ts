// What becomes of a command when its server and its runner are both lost in the middle of it.
import { createRunbook, expect, hydrated, setUp, state, step, test } from "../fixtures/studio";

test("a step whose outcome nobody knows is settled by a person", async ({ page, studio }) => {
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  const cut = step(page, "Move the archive");
  const next = step(page, "Go to the next");

  await test.step("start a run whose first command takes long", async () => {
    await setUp(page, studio);
    const id = await createRunbook(page, studio, {
      title: "Move the archive",
      blocks: [
        { type: "command", name: "Move the archive", config: { command: "echo half of it moved; sleep 60; echo all of it moved" } },
        { type: "command", name: "Go to the next", config: { command: "echo on to the next" } },
      ],
    });
    await page.goto(`${studio.url}/runbooks/${id}`);
    await hydrated(page);
    await page.getByRole("button", { name: /^Run all/ }).click();
    await expect(cut.locator(".console")).toContainText("half of it moved");
  });

  await test.step("lose the server and the runner, and start again", async () => {
    await studio.kill();
    await studio.killRunner();
    await expect(page.getByText("Reconnecting…")).toBeVisible();
    await studio.launch();
  });

  await test.step("the open page finds its server again: the run is interrupted and says why", async () => {
    await expect(state(page, "Interrupted")).toBeVisible();
    await expect(page.getByText("Reconnecting…")).toBeHidden();
    await expect(cut.getByText(/the server was lost while this step ran; .*; stopped, 0 processes left/i)).toBeVisible();
    await expect(cut.locator(".console")).toContainText("half of it moved");
    await expect(next.getByText("Pending")).toBeVisible();
    for (const name of ["Retry", "Skip", "Mark as done"]) {
      await expect(cut.getByRole("button", { name, exact: true })).toBeVisible();
    }
  });

  await test.step("a person looked, and marks it as done: the run goes on and nothing is repeated", async () => {
    await cut.getByRole("button", { name: "Mark as done" }).click();
    await expect(state(page, "Succeeded")).toBeVisible();
    await expect(page.getByText("Reconnecting…")).toBeHidden();
    await expect(cut.getByText("marked as done by oncall-1")).toBeVisible();
    await expect(cut.locator(".console")).not.toContainText("all of it moved");
    await expect(cut.getByText("attempt 2")).toBeHidden();
    await expect(next.locator(".console")).toContainText("on to the next");
  });

  expect(problems).toEqual([]);
});
