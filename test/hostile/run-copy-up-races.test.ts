import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { stepRecord } from "../../src/runtime/launch-plan.ts";
import { TarBuilder } from "../support/tar-builder.ts";
import { until } from "../support/wait.ts";
import { launchDirectly, makeRootfs } from "./direct-launch.ts";
import { compileProbe } from "./probe.ts";
import { useStage } from "./run-stage.ts";

// As S3: what a volume or tmpfs is filled with from the image goes to a directory where another
// container may be writing at the same time.
const stage = useStage();
let probes: TarBuilder;

beforeAll(() => {
  probes = new TarBuilder();
  for (const name of ["relink", "swap"])
    probes.file(`bin/${name}`, compileProbe(name), { mode: 0o755 });
});

/** Starts a container in which a probe works on a directory of the host. */
async function attacker(shared: string, ...words: readonly string[]) {
  const image = stage().image({ layers: [probes] });
  return await stage().background("-v", `${shared}:/shared`, image, ...words);
}

it("a volume that is being filled leads to no file of the host", async () => {
  const shared = stage().directory();
  const rootfs = makeRootfs(stage().directory());
  mkdirSync(join(rootfs, "many"));
  mkdirSync(join(rootfs, "volume"));
  for (let number = 0; number < 500; number += 1) {
    const file = join(rootfs, "many", `f${number}`);
    writeFileSync(file, "x");
    chmodSync(file, 0o777);
  }
  const target = `${"../".repeat(20)}${stage().victim("file").slice(1)}`;
  await using _container = await attacker(shared, "relink", "/shared", target);
  let links = 0;
  for (let round = 0; round < 6; round += 1) {
    const handle = await launchDirectly({
      rootfs,
      command: ["/bin/true"],
      steps: (slots) => [
        stepRecord("COPY_UP", ["/many", slots.open(shared, "any", "test")], "test"),
      ],
    });
    // Whether it has what it was filled with is another question.
    await handle.exited.catch(() => {});
    for (const name of readdirSync(shared)) {
      const found = lstatSync(join(shared, name), { throwIfNoEntry: false });
      if (found?.isSymbolicLink() === true) links += 1;
      rmSync(join(shared, name), { force: true });
    }
    stage().expectVictimIntact();
  }
  expect(links).toBeGreaterThan(200);
});

it("a tmpfs is filled itself, and not what its place was exchanged with", async () => {
  const shared = stage().directory();
  const rootfs = makeRootfs(stage().directory());
  for (const name of ["etc", "shared"]) mkdirSync(join(rootfs, name));
  mkdirSync(join(shared, "t"));
  writeFileSync(join(shared, "t/planted"), "planted");
  symlinkSync("/etc", join(shared, "b"));
  await using _container = await attacker(shared, "swap", "/shared", "t", "b");
  await until("the names to be swapped", () =>
    lstatSync(join(shared, "t"), { throwIfNoEntry: false })?.isSymbolicLink() ? true : undefined,
  );
  let ran = 0;
  for (let round = 0; round < 150; round += 1) {
    const handle = await launchDirectly({
      rootfs,
      command: ["/bin/true"],
      steps: (slots) => [
        stepRecord(
          "BIND",
          [slots.open(shared, "any", "test"), "/shared", "rbind", "rprivate", ""],
          "test",
        ),
        ...Array.from({ length: 10 }, () =>
          stepRecord("MOUNT", ["tmpfs", "tmpfs", "/shared/t", "", "", "tmpcopyup"], "test"),
        ),
      ],
    });
    const status = await handle.exited.catch(() => undefined);
    if (status === 0) ran += 1;
    expect(readdirSync(join(rootfs, "etc"))).toEqual([]);
  }
  expect(ran).toBeGreaterThan(0);
});

it("a mount is read-only in the end that is open while targets below it are made", async () => {
  const shared = stage().directory();
  const rootfs = makeRootfs(stage().directory());
  const source = stage().directory();
  for (const name of ["etc", "shared"]) mkdirSync(join(rootfs, name));
  mkdirSync(join(shared, "t"));
  symlinkSync("/etc", join(shared, "b"));
  await using _container = await attacker(shared, "swap", "/shared", "t", "b");
  await until("the names to be swapped", () =>
    lstatSync(join(shared, "t"), { throwIfNoEntry: false })?.isSymbolicLink() ? true : undefined,
  );
  let ran = 0;
  for (let round = 0; round < 200; round += 1) {
    const bound = (path: string, slot: string, flags: string, extra: string) =>
      stepRecord("BIND", [slot, path, flags, "rprivate", extra], "test");
    const handle = await launchDirectly({
      rootfs,
      command: [
        "/bin/sh",
        "-c",
        "for n in t b; do echo x >/shared/$n/written; done; echo x >/etc/written",
      ],
      steps: (slots) => [
        // Where the link leads: what is no mount itself the kernel would refuse to change.
        stepRecord("MOUNT", ["tmpfs", "tmpfs", "/etc", "", "", ""], "test"),
        bound("/shared", slots.open(shared, "any", "test"), "rbind", ""),
        bound("/shared/t", slots.open(source, "any", "test"), "ro", "writable"),
        ...Array.from({ length: 20 }, () =>
          stepRecord("MKDIR", ["/made", "755", "0", "0"], "test"),
        ),
        stepRecord("CHANGE_MOUNT", ["/shared/t", "ro", ""], "test"),
      ],
    });
    const status = await handle.exited.catch(() => undefined);
    if (status !== undefined) ran += 1;
    expect(readdirSync(source)).toEqual([]);
  }
  expect(ran).toBeGreaterThan(0);
});
