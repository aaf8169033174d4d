import process from "node:process";
import { Tsman } from "../../src/engine/index.ts";

// A program with tsman as a library, to be killed: starts what its argument says, tells of it in a
// line of JSON, and waits.

const tsman = await Tsman.open();
const idle = { command: ["sleep", "1000"], network: "none" } as const;
const image = "localhost/busybox";

const starts: Readonly<Record<string, () => Promise<void>>> = {
  several: async () => {
    const plain = await tsman.containers.run(image, { ...idle, name: "plain" });
    await plain.spawn(["sleep", "1001"]);
    // With files of subordinate ids and a volume, which take the clean-up command.
    const foreign = await tsman.containers.run(image, {
      ...idle,
      name: "foreign",
      mounts: [{ type: "volume", target: "/data" }],
    });
    await foreign.exec(["sh", "-c", "mkdir /x; echo a >/x/y; chown -R 7:7 /x; chmod 700 /x"]);
    await tsman.containers.run(image, {
      command: idle.command,
      name: "published",
      ports: [80],
    });
    const ended = await tsman.containers.run(image, { ...idle, name: "ended", command: ["true"] });
    await ended.wait();
    const restarted = await tsman.containers.run(image, { ...idle, name: "restarted" });
    await restarted.stop({ timeout: 0 });
    await restarted.start();
    await tsman.containers.run(image, { ...idle, name: "kept", keep: true });
  },
  single: async () => {
    await tsman.containers.run(image, { ...idle, name: "single" });
  },
  kept: async () => {
    const kept = await tsman.containers.get("kept");
    await kept.spawn(["sleep", "1001"]);
  },
  forgotten: async () => {
    await tsman.containers.run(image, { ...idle, name: "forgotten" });
  },
};

const what = process.argv[2] ?? "";
await starts[what]?.();
const list = await tsman.containers.list({ all: true });
process.stdout.write(`${JSON.stringify(list.map(({ id, name }) => ({ id, name })))}\n`);
// What is forgotten does not keep the process.
if (what !== "forgotten") setInterval(() => undefined, 1000);
