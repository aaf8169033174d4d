// A tsman command as far as the store can tell, run by the tests in a process of its own.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { Database } from "../../../src/store/database.ts";
import { EventFile } from "../../../src/store/events.ts";
import { openStore } from "../../../src/store/store.ts";
import {
  chainIdOf,
  containerRecord,
  imageRecord,
  mappingKey,
  storePaths,
} from "./scratch-store.ts";

const [task, base, ...args] = process.argv.slice(2);
if (base === undefined) throw new Error("usage: store-worker.ts TASK DIRECTORY [ARG…]");
// All workers of a test begin when the test lets go of their standard input.
await text(process.stdin);
const store = openStore(storePaths(base));
const name = args[0] ?? "x";
switch (task) {
  case "create":
    store.containers.create(containerRecord(name));
    break;
  case "say-what-is-loaded":
    store.containers.create(containerRecord(name));
    store.containers.update(containerRecord(name).id, { bootId: "boot" });
    process.stdout.write(
      /koffi/.test(readFileSync("/proc/self/maps", "utf8")) ? "koffi\n" : "no koffi\n",
    );
    break;
  case "emit": {
    const database = Database.open(path.join(store.root, "store.db"));
    const events = new EventFile(database, store.root, Number(args[1]));
    for (let n = 0; n < 200; n += 1) {
      events.emit({ type: "volume", status: "create", name: `${name}-${n}` });
    }
    database.close();
    break;
  }
  case "race-for-name":
    store.containers.create(containerRecord("wanted", { id: containerRecord(name).id }));
    break;
  case "die-while-unpacking":
    writeFileSync(path.join(store.layers.begin(mappingKey, chainIdOf(name)), "half"), "a file");
    process.kill(process.pid, "SIGKILL");
    break;
  case "commit":
    writeFileSync(path.join(store.layers.begin(mappingKey, chainIdOf(name)), "file"), "a file");
    store.layers.commit(mappingKey, chainIdOf(name), 6);
    break;
  case "die-in-transaction":
    store.transaction(() => {
      store.images.put(imageRecord(name));
      store.containers.create(containerRecord(name));
      process.kill(process.pid, "SIGKILL");
    });
    break;
  default:
    throw new Error(`unknown task ${task}`);
}
store.close();
