import { expect, it } from "vitest";
import { tellMovedStore } from "../../../src/engine/moved-store.ts";
import { scratchStore } from "../store/scratch-store.ts";

it("a store that is not below the home says so once", () => {
  using scratch = scratchStore();
  const said: string[] = [];
  const tell = () =>
    tellMovedStore(scratch, "/home/ada/.local/share/tsman", (one) => said.push(one));
  tell();
  tell();
  expect(said).toEqual([
    `/home/ada/.local/share/tsman is on a network file system, where containers cannot have their files: images and containers are in ${scratch.store.root} (to choose another place: TSMAN_ROOT)`,
  ]);
  tellMovedStore(scratch, "/elsewhere", undefined);
});
