import { readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { background, sh, trySh } from "./in-container.ts";
import { registry, useStore } from "./support.ts";

const store = useStore();

describe("options of run", () => {
  it("may be written together, joined by = or not, and negated", async () => {
    expect(
      await sh(store(), "-ie A=1 --env=B=2 -eC=3 -w=/tmp", "echo $A $B $C; pwd; cat", {
        input: "typed",
      }),
    ).toBe("1 2 3\n/tmp\ntyped");
    const args = "run -dit --rm=true --rm=false --network none --name together busybox cat";
    await store().succeed(args.split(" "));
    await store().succeed("kill together".split(" "));
    await store().succeed("wait together".split(" "));
    const { stdout } = await store().succeed("ps --all --format {{.Names}}".split(" "));
    expect(stdout).toBe("together\n");
    await store().succeed("rm together".split(" "));
  });

  it("end at the image or at --", async () => {
    const { stdout } = await store().succeed(
      "run --rm --network none -- busybox echo --rm -x -- --name".split(" "),
    );
    expect(stdout).toBe("--rm -x -- --name\n");
  });

  it("that do not exist are an error that proposes one that does", async () => {
    const { status, stderr } = await trySh(store(), "--hostnam x", "true");
    expect(stderr).toContain("--hostnam");
    expect(stderr).toContain("--hostname");
    expect(status).toBe(125);
  });

  it("without their value, or without an image, are an error", async () => {
    for (const args of ["run --name", "run", "run --rm", "run --rm=maybe busybox"]) {
      const { status, stderr, stdout } = await store().run(args.split(" "));
      expect(stdout, args).toBe("");
      expect(stderr, args).toMatch(/^tsman: error: /);
      expect(status, args).toBe(125);
    }
  });
});

describe("options that tsman refuses", () => {
  for (const [args, reason, remedy] of [
    ["--memory-swappiness 10", "cgroup v1 only", "leave it out"],
    ["--pod p", "no pods", "--network container:NAME"],
    ["--network-alias x", "no user-defined networks", "leave it out"],
    ["--secret s", "no secrets", "-v ./secret"],
    ["--gpus all", "Container Device Interface", "--device"],
    ["--env-host", "all your variables", "--env NAME"],
    ["--preserve-fds 2", "no descriptor beyond 0 to 2", "volume"],
    ["--network none --network host", "a container has one network", "give it once"],
  ] as const) {
    it(`name the reason and what to do instead: ${args}`, async () => {
      const { status, stdout, stderr } = await trySh(store(), args, "echo started");
      expect(stdout).toBe("");
      expect(stderr).toContain("is not supported: ");
      expect(stderr).toContain(reason);
      expect(stderr).toContain(remedy);
      expect(status).toBe(125);
    });
  }
});

describe("--pull", () => {
  const image = () => `${registry()}/user-by-name`;
  async function pulling(policy: string) {
    return await store().run([
      ..."run --rm --network none --entrypoint= --pull".split(" "),
      policy,
      image(),
      ..."echo ran".split(" "),
    ]);
  }

  it("never is an error for an image that is not there, and asks no registry for it", async () => {
    const { status, stdout, stderr } = await pulling("never");
    expect(stdout).toBe("");
    expect(stderr).toContain("user-by-name");
    expect(stderr).not.toContain("Pulling");
    expect(status).toBe(125);
  });

  it("missing pulls once, always asks every time, and newer runs what is there when nothing changed", async () => {
    const first = await pulling("missing");
    expect(first.stdout).toBe("ran\n");
    expect(first.stderr).toContain("Pulling");
    expect((await pulling("missing")).stderr).not.toContain("Pulling");
    expect((await pulling("never")).stdout).toBe("ran\n");
    const again = await pulling("always");
    expect(again.stdout).toBe("ran\n");
    expect(again.stderr).toContain("Pulling");
    expect((await pulling("newer")).stdout).toBe("ran\n");
  });

  it("of another word is refused with those that there are", async () => {
    const { status, stderr } = await pulling("sometimes");
    for (const word of ["sometimes", "always", "missing", "never", "newer"]) {
      expect(stderr).toContain(word);
    }
    expect(status).toBe(125);
  });

  it("is quiet with --quiet", async () => {
    await store().succeed(["rmi", image()]);
    const { stderr, stdout } = await store().succeed([
      ..."run --rm --quiet --network none --entrypoint=".split(" "),
      image(),
      ..."echo ran".split(" "),
    ]);
    expect(stdout).toBe("ran\n");
    expect(stderr).toBe("");
  });
});

describe("the log", () => {
  it("is not kept with --log-driver none", async () => {
    await store().succeed(
      "run --network none --name unlogged --log-driver none busybox echo said".split(" "),
    );
    const { stdout } = await store().run(["logs", "unlogged"]);
    expect(stdout).toBe("");
    await store().succeed(["rm", "unlogged"]);
  });

  it("is cut at --log-opt max-size, and ends with the last words", async () => {
    await store().succeed([
      ..."run --network none --name cut --log-opt max-size=20k busybox sh -c".split(" "),
      "seq 1 20000 >/dev/stdout; echo last",
    ]);
    const directory = join(store().root, "containers");
    const { stdout } = await store().succeed(["logs", "cut"]);
    expect(stdout).toMatch(/\nlast\n$/);
    expect(stdout.length).toBeLessThan(80_000);
    expect(readdirSync(directory)).toHaveLength(1);
    await store().succeed(["rm", "cut"]);
  });
});

describe("the namespaces of the host", () => {
  it("--pid host shows the host's processes, --ipc and --uts host are the host's", async () => {
    await using container = await background(store(), "--pid host --ipc host --uts host");
    const own = (kind: string) => `/proc/${container.pid}/ns/${kind}`;
    for (const kind of ["pid", "ipc", "uts"]) {
      expect(readlinkSync(own(kind)), kind).toBe(readlinkSync(`/proc/self/ns/${kind}`));
    }
    for (const kind of ["user", "mnt", "net"]) {
      expect(readlinkSync(own(kind)), kind).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
    }
  });
});
