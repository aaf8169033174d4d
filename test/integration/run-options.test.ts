import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { statusOf } from "../support/proc.ts";
import { background, sh, trySh } from "./in-container.ts";
import { registry, useStore } from "./support.ts";
import { runWrapped } from "./wrapped.ts";

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
    ["--systemd=always", "no systemd mode", "--tmpfs /run"],
    ["--preserve-fd 5", "descriptors are preserved from 3 on", "--preserve-fds"],
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

describe("variables of the caller and the image", () => {
  it("are passed on and merged when that is asked for", async () => {
    const options = "--env-host --env B=$x --env-merge A=$A+$A --env-merge PATH=$PATH:/opt/bin";
    const env = { A: "caller", container: "mine" };
    expect(await sh(store(), options, "echo $A $B $container $PATH", { env })).toMatch(
      /^caller\+caller \$x oci \/\S+:\/opt\/bin$/,
    );
    const proxies = { http_proxy: "http://proxy", NO_PROXY: "here" };
    const shown = "echo $http_proxy $NO_PROXY";
    expect(await sh(store(), "--http-proxy", shown, { env: proxies })).toBe("http://proxy here");
    expect(await sh(store(), "", shown, { env: proxies })).toBe("");
  });
});

describe("an image's VOLUME", () => {
  it("is a volume, a tmpfs or nothing, as --image-volume says", async () => {
    await store().succeed("create --name origin --network none busybox".split(" "));
    await store().succeed([
      ..."commit --change".split(" "),
      "VOLUME /vol",
      "origin",
      "localhost/v",
    ]);
    const run = async (mode: string) => {
      const line = `run --rm --network none --image-volume ${mode} localhost/v grep -c`.split(" ");
      return (await store().run([...line, " /vol ", "/proc/mounts"])).stdout;
    };
    const isTmpfs = "run --rm --network none --image-volume tmpfs localhost/v stat -f -c %T /vol";
    expect(await run("anonymous")).toBe("1\n");
    expect(await run("ignore")).toBe("0\n");
    expect((await store().succeed(isTmpfs.split(" "))).stdout).toBe("tmpfs\n");
    await store().succeed("rm origin".split(" "));
    await store().succeed("rmi localhost/v".split(" "));
  });
});

describe("an empty name", () => {
  it("is none, as of --name $NAME where there is no such variable", async () => {
    const { stdout } = await store().succeed([
      ...["create", "--name", "", "--network", "none", "busybox"],
    ]);
    const { stdout: name } = await store().succeed(["ps", "--latest", "--format", "{{.Names}}"]);
    expect(name).toMatch(/^[a-z]+_[a-z]+\n$/);
    await store().succeed(["rm", stdout.trim()]);
  });
});

describe("--preserve-fds", () => {
  it("gives the program the caller's descriptors, and no others", async () => {
    writeFileSync(join(store().scratch, "given"), "from the caller\n");
    const wrapper = ["sh", "-c", 'exec 3<given; exec "$0" "$@"'] as const;
    const run = async (count: string, inside: string) => {
      const line = `run --rm --network none --preserve-fds ${count} busybox sh -c`.split(" ");
      return await runWrapped(store(), wrapper, [...line, inside]);
    };
    expect(await run("1", "cat <&3; ls /proc/self/fd | wc -l")).toMatchObject({
      // Of ls: the three streams, the one that is given, and the directory.
      stdout: "from the caller\n5\n",
      status: 0,
    });
    const missing = await run("2", "true");
    expect(missing.stderr).toContain("descriptor 4 is not open");
    expect(missing.status).toBe(125);
  });
});

describe("--conmon-pidfile", () => {
  it("names the monitor of each life", async () => {
    const file = join(store().scratch, "monitor.pid");
    await using web = await background(store(), `--conmon-pidfile ${file}`);
    expect(readFileSync(file, "utf8")).toBe(statusOf(web.pid).PPid);
    await store().succeed(["restart", "--time", "0", web.id]);
    const { stdout } = await store().succeed([
      "inspect",
      "--format",
      "{{.State.ConmonPid}}",
      web.id,
    ]);
    expect(`${readFileSync(file, "utf8")}\n`).toBe(stdout);
    const lost = await trySh(store(), "--conmon-pidfile /nowhere/pid", "true");
    expect(lost.stderr).toContain("write /nowhere/pid: no such file or directory");
    expect(lost.status).toBe(125);
  });
});

describe("--rmi", () => {
  const list = async () =>
    (await store().succeed("images --noheading --format {{.Repository}}".split(" "))).stdout;

  it("takes the container and the image away, unless another container is of it", async () => {
    await store().succeed("create --name origin --network none busybox".split(" "));
    await store().succeed("commit origin localhost/once".split(" "));
    const run = "run --rmi --network none --name gone localhost/once".split(" ");
    await store().succeed("create --name user --network none localhost/once".split(" "));
    expect(await store().run([...run, "sh", "-c", "exit 3"])).toMatchObject({
      status: 3,
      stderr: "",
    });
    expect(await list()).toContain("localhost/once\n");
    await store().succeed("rm user".split(" "));
    expect((await store().succeed([...run, "echo", "ran"])).stdout).toBe("ran\n");
    expect(await list()).not.toContain("localhost/once\n");
    await store().succeed("rm origin".split(" "));
    expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
  });
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
