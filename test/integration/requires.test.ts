import { afterEach, describe, expect, it } from "vitest";
import { useStore } from "./support.ts";

const store = useStore();

afterEach(async () => {
  await store().succeed(["rm", "--force", "--time", "0", "--depend", "--all"]);
});

async function create(name: string, ...options: readonly string[]): Promise<void> {
  const program = ["busybox", "sleep", "1000"];
  await store().succeed(["create", "--network", "none", "--name", name, ...options, ...program]);
}

async function running(): Promise<string> {
  const { stdout } = await store().succeed(["ps", "--format", "{{.Names}}"]);
  return stdout.split("\n").filter(Boolean).sort().join(" ");
}

describe("a container that requires others", () => {
  it("starts them first, and what they require, whatever they are called by then", async () => {
    await create("base");
    await create("middle", "--requires", "base");
    await create("top", "--requires=middle,base");
    await store().succeed(["rename", "base", "foundation"]);
    await store().succeed(["start", "top"]);
    expect(await running()).toBe("foundation middle top");
    const format = "{{range .Dependencies}}{{slice . 0 4}} {{end}}";
    const ids = await store().succeed(["inspect", "--format", "{{slice .Id 0 4}}", "middle"]);
    const { stdout } = await store().succeed(["inspect", "--format", format, "top"]);
    expect(stdout).toContain(ids.stdout.trim());
  });

  it("is run after them; nothing of them is started by --explain", async () => {
    await create("base");
    const run = "run --rm --network none --requires base".split(" ");
    const explained = await store().succeed([...run, "--explain", "busybox"]);
    expect(explained.stdout).toMatch(
      /container \w+, which is started before, unless it runs\s+<- --requires/,
    );
    expect(await running()).toBe("");
    await store().succeed([...run, "busybox", "true"]);
    expect(await running()).toBe("base");
  });

  it("starts the container whose network it shares, as with Podman", async () => {
    await create("base", "--hostname", "shared");
    const shared = "run --rm --network container:base --uts container:base busybox hostname";
    expect((await store().succeed(shared.split(" "))).stdout).toBe("shared\n");
    expect(await running()).toBe("base");
  });

  it("does not start when one of them cannot, and says which", async () => {
    await store().succeed("create --name broken --network none busybox /no/such".split(" "));
    await create("top", "--requires", "broken");
    const { status, stderr } = await store().run(["start", "top"]);
    expect(status).toBe(127);
    expect(stderr).toContain("start what it needs, broken: ");
    expect(await running()).toBe("");
  });

  it("keeps them from being removed", async () => {
    await create("base");
    await create("top", "--requires", "base");
    const { status, stderr } = await store().run(["rm", "base"]);
    expect(status).toBe(125);
    expect(stderr).toContain("remove container base: it is needed by top");
    await store().succeed(["rm", "--depend", "base"]);
    expect((await store().succeed(["ps", "--all", "--quiet"])).stdout).toBe("");
  });

  it("is refused where there is no such container, or it would be replaced", async () => {
    const nobody = await store().run("create --requires nobody busybox".split(" "));
    expect(nobody.status).toBe(125);
    expect(nobody.stderr).toContain("require container nobody: no such container");
    await create("base");
    const itself = await store().run(
      "create --replace --name base --requires base busybox".split(" "),
    );
    expect(itself.status).toBe(125);
    expect(itself.stderr).toContain("it is the one to be replaced");
  });

  it("is refused in a circle, which other names can make, and removed with it", async () => {
    await create("base");
    const shared = "create --name middle --network container:base busybox true";
    await store().succeed(shared.split(" "));
    await store().succeed(["rename", "base", "foundation"]);
    await create("base", "--requires", "middle");
    const { status, stderr } = await store().run(["start", "middle"]);
    expect(status).toBe(125);
    expect(stderr).toContain("a circle: base, which needs middle, which needs base");
    await store().succeed(["rm", "--depend", "middle"]);
    const left = await store().succeed(["ps", "--all", "--format", "{{.Names}}"]);
    expect(left.stdout).toBe("foundation\n");
  });
});
