import { existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  containerIdOf,
  containerRecord,
  digestOf,
  imageRecord,
  scratchStore,
} from "./scratch-store.ts";

const web = containerRecord("web");

describe("a container", () => {
  it("is found by id, by name and by the beginning of its id, and has its directories", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    containers.create(web);
    for (const handle of [web.id, "web", web.id.slice(0, 12)]) {
      expect(containers.find(handle)).toEqual(JSON.parse(JSON.stringify(web)));
    }
    expect(existsSync(containers.dir(web.id))).toBe(true);
    expect(existsSync(containers.runDir(web.id))).toBe(true);
    expect(containers.find("we")).toBeUndefined();
  });

  it("whose name looks like the beginning of another's id is meant by its name", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    containers.create(web);
    containers.create(containerRecord(web.id.slice(0, 6), { id: containerIdOf("other") }));
    expect(containers.find(web.id.slice(0, 6))?.id).toBe(containerIdOf("other"));
    expect(containers.find(web.id.slice(0, 7))?.id).toBe(web.id);
  });

  it("is not guessed from a beginning that several ids have", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    for (const end of ["1", "2"]) {
      containers.create(containerRecord(`c${end}`, { id: `${"a".repeat(63)}${end}` }));
    }
    expect(() => containers.find("aaa")).toThrow(/several ids/);
  });

  it("is not made of an image that was removed in the meantime", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    expect(() => containers.create({ ...web, imageId: digestOf("gone") })).toThrow(
      "removed in the meantime",
    );
    expect(containers.list()).toEqual([]);
    expect(existsSync(containers.dir(web.id))).toBe(false);
  });

  it("is made, though a command that removes it has its lock already", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    // That one has seen the row, and locks before it looks again.
    mkdirSync(containers.runDir(web.id));
    containers.create(web);
    expect(existsSync(containers.dir(web.id))).toBe(true);
  });

  it("leaves nothing where its volatile directory cannot be made", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    rmdirSync(scratch.runtimeDir);
    expect(() => containers.create(web)).toThrow("create container web");
    expect(containers.list()).toEqual([]);
    expect(readdirSync(`${scratch.root}/containers`)).toEqual([]);
  });

  it("cannot have the name of another, by creation or by renaming", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    containers.create(web);
    const second = containerRecord("db");
    containers.create(second);
    const expected = `the name is in use by container ${web.id.slice(0, 12)}`;
    const third = { ...web, id: containerIdOf("third") };
    expect(() => containers.create(third)).toThrow(expected);
    expect(existsSync(containers.dir(third.id))).toBe(false);
    expect(() => containers.rename(second.id, "web")).toThrow(expected);
    expect(containers.find("db")?.name).toBe("db");
  });

  it("keeps what one command changed when another changes something else", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    containers.create(web);
    containers.update(web.id, { bootId: "boot" });
    containers.rename(web.id, "www");
    const record = containers.update(web.id, { startedAt: "2026-01-01T00:00:00Z" });
    expect(record).toMatchObject({ name: "www", bootId: "boot" });
    expect(containers.find("www")).toEqual(record);
    expect(containers.find("web")).toBeUndefined();
  });

  it("that is not there cannot be changed, and its removal changes nothing", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    expect(() => containers.update(web.id, {})).toThrow(/no such container/);
    expect(containers.remove(web.id)).toBe(false);
  });

  it("is known to its image", () => {
    using scratch = scratchStore();
    const { containers } = scratch.store;
    const image = imageRecord("image");
    scratch.store.images.put(image);
    const imageId = image.id;
    containers.create({ ...web, imageId });
    containers.create(containerRecord("db"));
    expect(containers.listByImage(imageId).map(({ name }) => name)).toEqual(["web"]);
  });

  // S32: an id that came from outside goes into paths.
  it.each(["../x", ".", "", "A".repeat(64), `${"a".repeat(64)}/..`])(
    "never has the directory of %j",
    (id) => {
      using scratch = scratchStore();
      expect(() => scratch.store.containers.dir(id)).toThrow(/not 64 hex digits/);
      expect(() => scratch.store.containers.runDir(id)).toThrow(/not 64 hex digits/);
    },
  );
});
