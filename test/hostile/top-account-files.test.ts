import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { patience, until, within } from "../support/wait.ts";
import { useStage } from "./run-stage.ts";

// S25: CVE-2022-1227 (what looks into a container executes a program of the image).  S23 from
// outside: `top` shows the container's names for ids, so somebody who rules its files must not lead it
// to files of the host, keep it waiting, or fill its memory.
const stage = useStage();

/** What `tsman top` shows as the user of init after a script has made /etc/passwd something else. */
async function userAfter(script: string): Promise<string> {
  const image = stage().image({});
  const ready = join(stage().directory(), "ready");
  writeFileSync(ready, "");
  const program = `rm -rf /etc/passwd; ${script}; echo >/given/ready; sleep 1000`;
  await using container = await stage().background(
    ...["--volume", `${join(ready, "..")}:/given`, "--tmpfs", "/scratch"],
    ...[image, "sh", "-c", program],
  );
  await stage().store.succeed(["exec", container.id, "sh", "-c", waitForReady]);
  const top = stage().store.succeed(["top", container.id, "pid", "user"]);
  const { stdout } = await within(patience, "top to answer", top);
  return /^1\s+(\S+)$/m.exec(stdout)?.[1] ?? "";
}

const waitForReady = "until [ -s /given/ready ]; do sleep 0.05; done";

describe("the account file of a running container", () => {
  it("is its own", async () => {
    expect(await userAfter("echo mine:x:0:0::/: >/etc/passwd")).toBe("mine");
  });

  it("behind a link within its root is its own too", async () => {
    const script = "echo linked:x:0:0::/: >/scratch/x; ln -s ../../../scratch/x /etc/passwd";
    expect(await userAfter(script)).toBe("linked");
  });

  it("behind a link is not the host's", async () => {
    const outside = join(stage().directory(), "passwd");
    writeFileSync(outside, "host:x:0:0::/:\n");
    expect(await userAfter(`ln -s ${outside} /etc/passwd`)).toBe("0");
    const climbing = `/proc/1/root${"/..".repeat(20)}${outside}`;
    expect(await userAfter(`ln -s ${climbing} /etc/passwd`)).toBe("0");
    expect(await userAfter("rm -rf /etc; ln -s /proc/self/cwd/etc /etc")).toBe("0");
  });

  it("may be no file at all: a fifo, a directory, a device", async () => {
    expect(await userAfter("mkfifo /etc/passwd")).toBe("0");
    expect(await userAfter("mkdir /etc/passwd")).toBe("0");
    expect(await userAfter("ln -s /dev/zero /etc/passwd")).toBe("0");
  });

  it("may be as large as its owner likes", async () => {
    expect(await userAfter("truncate -s 100G /etc/passwd")).toBe("0");
  });
});

it("no program of the container is executed by who looks at it", async () => {
  const image = stage().image({});
  const given = stage().directory();
  const names = "ps top nsenter sh ls id cat getent busybox ip ss df du tar".split(" ");
  const poison = [
    "cp /bin/busybox /tmp/busybox; mkdir -p /usr/bin /sbin /usr/sbin",
    "printf '#!/tmp/busybox sh\\n/tmp/busybox touch /given/executed\\n' >/tmp/poison",
    "/tmp/busybox chmod 755 /tmp/poison",
    "for d in /bin /usr/bin /sbin /usr/sbin; do",
    `  for n in ${names.join(" ")}; do /tmp/busybox rm -f $d/$n; /tmp/busybox cp /tmp/poison $d/$n; done`,
    "done; /tmp/busybox touch /given/ready; exec /tmp/busybox sleep 1000",
  ].join("\n");
  await using container = await stage().background(
    ...["--volume", `${given}:/given`, image, "sh", "-c", poison],
  );
  await until("the container to be poisoned", () =>
    existsSync(join(given, "ready")) ? true : undefined,
  );
  const looks = ["top", "inspect", "logs", "port", "diff", "ps", "stats --no-stream"];
  for (const look of looks) {
    const args = [...look.split(" "), ...(look === "ps" ? [] : [container.id])];
    // Without control groups there are no numbers to show; that is not what is tested.
    await stage().store.run(args);
    expect([look, existsSync(join(given, "executed"))]).toEqual([look, false]);
  }
  // It would be seen: exec is asked to execute one.
  await stage().store.run(["exec", container.id, "ps"]);
  expect(existsSync(join(given, "executed"))).toBe(true);
});
