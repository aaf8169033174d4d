import { existsSync } from "node:fs";
import { expect, it, vi } from "vitest";
import { discardFailed } from "../../../../src/engine/containers/remove-container.ts";
import type { EngineContext } from "../../../../src/engine/context.ts";
import { readHostIds } from "../../../../src/rootless/host-ids.ts";
import { containerRecord, scratchStore } from "../../store/scratch-store.ts";

it("a container that could not be made, and is removed by another command, is gone for good", async () => {
  using scratch = scratchStore();
  const { containers } = scratch.store;
  const record = containerRecord("b");
  containers.create(record);
  const ensureRunDir = containers.ensureRunDir.bind(containers);
  // Between the look at the record and the lock.
  vi.spyOn(containers, "ensureRunDir").mockImplementation((id) => {
    containers.remove(id);
    return ensureRunDir(id);
  });
  const context = { store: scratch.store, host: readHostIds } as EngineContext;
  await discardFailed(context, record);
  expect(containers.has(record.id)).toBe(false);
  expect(existsSync(containers.dir(record.id))).toBe(false);
  expect(existsSync(containers.runDir(record.id))).toBe(false);
});
