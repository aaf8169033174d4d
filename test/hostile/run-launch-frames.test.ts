import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { nativeProgram } from "../../src/platform/native.ts";
import { encodeFrame, encodeLaunch } from "../../src/runtime/encode.ts";
import { type PlanRecord, settingRecord, stepRecord } from "../../src/runtime/launch-plan.ts";
import { limits, message, setting, step } from "../../src/runtime/protocol.ts";
import { patience, within } from "../support/wait.ts";
import { directPlan, makeRootfs } from "./direct-launch.ts";
import { useStage } from "./run-stage.ts";

// S29: CVE-2021-43784 (lengths that overflow in what the program between clone and exec is told).
// The monitor takes the frame apart before anything else; whatever it is sent, it says FAILED or
// goes away, within bounds of time and memory, and is never ended by a signal.
const stage = useStage();
let rootfs: string;

beforeAll(() => {
  rootfs = makeRootfs(stage().directory());
});

interface Answer {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Types of the frames that it sent. */
  readonly types: readonly number[];
  /** Texts of its FAILED frame. */
  readonly failure: string;
}

/** Sends bytes to a new monitor, and the end of the file when `ends`. */
async function answerTo(bytes: Uint8Array, ends = true): Promise<Answer> {
  // Also for a build with sanitizers: make -C native CC=gcc LINK=-static-libasan CFLAGS=….
  const program = process.env.TSMAN_TEST_NATIVE ?? nativeProgram();
  const child = spawn(program, ["monitor"], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    env: {},
  });
  const control = child.stdio[3] as Socket;
  const chunks: Buffer[] = [];
  const errors: Buffer[] = [];
  control.on("error", () => {
    // It need not read to the end.
  });
  control.on("data", (chunk: Buffer) => void chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => void errors.push(chunk));
  control.write(bytes);
  if (ends) control.end();
  try {
    const [status, signal] = await within(patience, "the monitor to end", once(child, "close"));
    expect(Buffer.concat(errors).toString()).toBe("");
    return { status, signal, ...decode(Buffer.concat(chunks)) };
  } finally {
    child.kill("SIGKILL");
  }
}

function decode(bytes: Buffer): Pick<Answer, "types" | "failure"> {
  const types: number[] = [];
  let failure = "";
  for (let at = 0; at + 8 <= bytes.length; ) {
    const type = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    if (type === message.FAILED) failure = bytes.toString("utf8", at + 16, at + 8 + length);
    types.push(type);
    at += 8 + length;
  }
  return { types, failure };
}

async function expectRefusal(bytes: Uint8Array, ends = true): Promise<string> {
  const { status, signal, types, failure } = await answerTo(bytes, ends);
  expect(signal).toBeNull();
  expect(status).toBe(1);
  expect(types.filter((type) => type !== message.FAILED)).toEqual([]);
  return failure;
}

/** A record byte by byte, so that its counts and lengths may lie. */
function rawRecord(
  op: number,
  argc: number,
  args: readonly { length?: number; bytes: Uint8Array }[],
) {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(op, 0);
  head.writeUInt16LE(argc, 2);
  const parts = args.flatMap(({ length, bytes }) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(length ?? bytes.length);
    return [size, bytes, Buffer.alloc(1)];
  });
  return Buffer.concat([head, ...parts]);
}

const launchOf = (...records: readonly Uint8Array[]) =>
  encodeFrame(message.LAUNCH, Buffer.concat(records));
const version = rawRecord(setting.VERSION, 1, [{ bytes: Buffer.from("1") }]);
const exec = rawRecord(step.EXEC, 1, [{ bytes: Buffer.from("/bin/true") }]);

describe("a launch frame", () => {
  it.each([0xff_ffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, limits.FRAME_BYTES + 1])(
    "that claims a length of %i is refused before it is read",
    async (length) => {
      const header = Buffer.alloc(8);
      header.writeUInt32LE(message.LAUNCH, 0);
      header.writeUInt32LE(length, 4);
      expect(await expectRefusal(header, false)).toContain("FRAME_BYTES");
    },
  );

  it("that ends too early, is of another type or empty is refused", async () => {
    const whole = launchOf(version, exec);
    for (const length of [0, 1, 7, 8, 9, whole.length - 1]) {
      await expectRefusal(whole.subarray(0, length));
    }
    await expectRefusal(encodeFrame(message.START), false);
    await expectRefusal(encodeFrame(message.LAUNCH), false);
    await expectRefusal(Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), false);
  });

  it.each([0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff0, 0xffff_ffff])(
    "with an operand that claims %i bytes is refused",
    async (length) => {
      const lie = rawRecord(setting.ID, 1, [{ length, bytes: Buffer.from("x") }]);
      expect(await expectRefusal(launchOf(version, lie, exec), false)).toContain("operand");
    },
  );

  it("with an embedded NUL, a missing one, or counts that lie is refused", async () => {
    const id = (bytes: Uint8Array) => rawRecord(setting.ID, 1, [{ bytes }]);
    await expectRefusal(launchOf(version, id(Buffer.from("a\0b")), exec), false);
    const unended = id(Buffer.from("ab"));
    unended[unended.length - 1] = 0x63;
    await expectRefusal(launchOf(version, unended, exec), false);
    for (const argc of [0, 2, 0xfffe, 0xffff]) {
      const lie = rawRecord(setting.ID, argc, [{ bytes: Buffer.from("x") }]);
      await expectRefusal(launchOf(version, lie, exec), false);
    }
    await expectRefusal(launchOf(version, version, exec), false);
    await expectRefusal(launchOf(version, rawRecord(4711, 0, []), exec), false);
    await expectRefusal(launchOf(version, exec, exec), false);
    await expectRefusal(launchOf(version), false);
    await expectRefusal(launchOf(exec), false);
  });

  it("with more mounts, operands or bytes than the limits is refused with the limit's name", async () => {
    const empty = rawRecord(step.PIVOT, 0, []);
    const mounts = Array.from({ length: 100_000 }, () => empty);
    expect(await expectRefusal(launchOf(version, ...mounts, exec), false)).toContain("RECORDS");
    const many = rawRecord(
      step.EXEC,
      20_001,
      Array.from({ length: 20_001 }, () => ({ bytes: Buffer.from("") })),
    );
    expect(await expectRefusal(launchOf(version, many), false)).toContain("ARGS");
    const slots = Array.from({ length: 1100 }, (_, index) =>
      rawRecord(
        setting.OPEN,
        3,
        [String(index), "/", "dir"].map((text) => ({ bytes: Buffer.from(text) })),
      ),
    );
    expect(await expectRefusal(launchOf(version, ...slots, exec), false)).toContain("OPENS");
  });

  it("whose steps are out of order or name slots that are not opened is refused", async () => {
    const plan = directPlan({ rootfs, command: ["/bin/true"] });
    const isStep = (record: PlanRecord) => record.op >= step.PROPAGATION;
    const [settings, steps] = [plan.filter((one) => !isStep(one)), plan.filter(isStep)];
    const without = (name: keyof typeof step) => steps.filter((one) => one.op !== step[name]);
    const wrong: PlanRecord[][] = [
      steps.toReversed(),
      without("ENTER_ROOT"),
      without("PIVOT"),
      without("ROOT_BIND"),
      without("EXEC"),
      [...steps, ...steps],
      [stepRecord("BIND", ["@1023", "/x", "", "", ""], "test"), ...steps],
      [stepRecord("BIND", ["@99999999999", "/x", "", "", ""], "test"), ...steps],
      [stepRecord("MASK", ["@-1", "/x"], "test"), ...steps],
    ];
    for (const one of wrong) {
      await expectRefusal(encodeLaunch({ records: [...settings, ...one] }), false);
    }
  });

  it("with impossible values in its operands is refused or fails in the step", async () => {
    const steps = (...records: readonly PlanRecord[]) =>
      encodeLaunch({
        records: directPlan({ rootfs, command: ["/bin/true"], steps: () => records }),
      });
    const long = "a/".repeat(3000);
    const bad: PlanRecord[] = [
      stepRecord("MKDIR", [long, "0755", "0", "0"], "test"),
      stepRecord("MKDIR", ["/x", "99999", "0", "0"], "test"),
      stepRecord("MKDIR", ["/x", "0755", "4294967295", "0"], "test"),
      stepRecord("MKDIR", ["", "0755", "0", "0"], "test"),
      stepRecord("MOUNT", ["x".repeat(100_000), "x", "/tmp", "", "", ""], "test"),
      stepRecord("MOUNT", ["tmpfs", "x", "/tmp", "x".repeat(5000), "", ""], "test"),
      stepRecord("MOUNT", ["tmpfs", "x", "/tmp", "", `size=${"9".repeat(5000)}`, ""], "test"),
      stepRecord("MOUNT", ["tmpfs", "x", "/tmp", "", `${"a=b,".repeat(5000)}`, ""], "test"),
      stepRecord("SYMLINK", ["x".repeat(5000), "/tmp/x"], "test"),
      stepRecord("SYMLINK", ["x", "/tmp/.."], "test"),
      stepRecord("WRITE_FILE", ["/tmp/../..", "x", "0644", "create"], "test"),
      stepRecord("SYSCTL", ["../../tmp/x", "1"], "test"),
      stepRecord("SYSCTL", ["x".repeat(5000), "1"], "test"),
      stepRecord("HOSTNAME", ["x".repeat(5000)], "test"),
      stepRecord("RLIMIT", ["4294967295", "1", "1"], "test"),
      stepRecord("USER", ["x".repeat(5000), "", "", "", ""], "test"),
      stepRecord("CHDIR", [long, "1"], "test"),
      stepRecord("CAPS", ["fffffffffffffffff", "0", "0", "0", "0"], "test"),
      stepRecord("SECCOMP", [Buffer.alloc(7), "0"], "test"),
      stepRecord("SECCOMP", [Buffer.alloc(8 * 70_000), "0"], "test"),
      stepRecord("CONSOLE", [], "test"),
      stepRecord("ROOT_PROPAGATION", ["x".repeat(300)], "test"),
      stepRecord("HOOK", ["container", `/${long}`, "0", "{pid}".repeat(5000), "0"], "test"),
      stepRecord("HOOK", ["container", "/bin/true", "0", "", "4294967295"], "test"),
      stepRecord("LABEL", ["apparmor", "x".repeat(5000)], "test"),
      stepRecord("MKNOD", ["/tmp/..", "p", "0", "0", "0644", "0", "0"], "test"),
      stepRecord(
        "SCHEDULER",
        ["4294967295", "0", `-${"9".repeat(18)}`, "0", "0", "0", "0"],
        "test",
      ),
      stepRecord("IO_PRIORITY", ["4294967295", "4294967295"], "test"),
    ];
    for (const record of bad) {
      const { status, signal, types, failure } = await answerTo(steps(record), false);
      expect(signal, failure).toBeNull();
      expect(status, JSON.stringify(record).slice(0, 100)).toBe(1);
      expect(types).toContain(message.FAILED);
      expect(types).not.toContain(message.STARTED);
    }
  });

  it("with settings that nobody sends is refused or fails", async () => {
    const base = directPlan({ rootfs, command: ["/bin/true"] });
    const path = "p".repeat(100_000);
    const bad: PlanRecord[] = [
      settingRecord("LOG", [path, "1", "1"], "test"),
      settingRecord("RUN_DIR", [path], "test"),
      settingRecord("EXIT_FILE", [path], "test"),
      settingRecord("PID_FILE", [path], "test"),
      settingRecord("JOIN", ["mount", path], "test"),
      settingRecord("JOIN", ["x".repeat(5000), "/"], "test"),
      settingRecord("OPEN", ["7", path, "dir"], "test"),
      settingRecord("OPEN", ["7", "/", "x".repeat(5000)], "test"),
      settingRecord("OPEN", ["7", "@9999/x", "dir"], "test"),
      settingRecord("OPEN", ["7", "@", "dir"], "test"),
      settingRecord("STAGE_COMMAND", [path], "test"),
      settingRecord("STAGE_COMMAND", ["/bin/true", "@{9999}", `@{${path}}`], "test"),
      settingRecord("STAGE_COMMAND", ["/bin/true", path, path], "test"),
      settingRecord("NETWORK", ["/bin/false", `{pid}${"{ready_fd}".repeat(5000)}`], "test"),
      settingRecord("NETWORK", [path], "test"),
      settingRecord("TIME_OFFSET", [path, "-1", "0"], "test"),
      settingRecord("SECCOMP_LISTENER", [path, "{pid}"], "test"),
      settingRecord("OPEN_IDMAPPED", ["9", path, "", "1", "0", "0", "1", "0", "0", "1"], "test"),
    ];
    for (const record of bad) {
      const { status, signal, types, failure } = await answerTo(
        encodeLaunch({ records: [record, ...base] }),
        false,
      );
      expect(signal, failure).toBeNull();
      expect(status, JSON.stringify(record).slice(0, 100)).toBe(1);
      expect(types).toContain(message.FAILED);
    }
    const maps = Array.from({ length: 2000 }, (_, index) =>
      settingRecord("UID_MAP", [String(index), "4294967294", "4294967295"], "test"),
    );
    await expectRefusal(encodeLaunch({ records: [...maps, ...base] }), false);
  });

  it("changed at random is refused, fails or runs, and never crashes", async () => {
    // A linear congruential generator: the same frames in every run.
    let seed = 20_260_101;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const good = encodeLaunch({ records: directPlan({ rootfs, command: ["/bin/true"] }) });
    const payload = good.subarray(8);
    const frames = Array.from({ length: 300 }, () => {
      const bytes = Buffer.from(payload);
      for (let count = 1 + random(4); count > 0; count -= 1) {
        const at = random(bytes.length);
        const kind = random(4);
        if (kind === 0) bytes[at] = random(256);
        else if (kind === 1 && at + 4 < bytes.length) bytes.writeUInt32LE(random(2 ** 32), at);
        else if (kind === 2) bytes.copyWithin(at, random(bytes.length));
        else bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
      }
      const end = random(10) === 0 ? random(bytes.length) : bytes.length;
      return encodeFrame(message.LAUNCH, bytes.subarray(0, end));
    });
    for (const [index, frame] of frames.entries()) {
      const { status, signal, types } = await answerTo(frame, false);
      expect(signal, `frame ${index}`).toBeNull();
      expect([0, 1], `frame ${index}`).toContain(status);
      expect(types.length, `frame ${index}`).toBeGreaterThan(0);
    }
    stage().expectVictimIntact();
  });
});

describe("a command to a running container", () => {
  it("that is malformed is left, and does not end the monitor by a signal", async () => {
    const launch = encodeLaunch({ records: directPlan({ rootfs, command: ["/bin/sleep", "1"] }) });
    const frame = (type: number, length: number, bytes = Buffer.alloc(0)) => {
      const header = Buffer.alloc(8);
      header.writeUInt32LE(type, 0);
      header.writeUInt32LE(length, 4);
      return Buffer.concat([header, bytes]);
    };
    const commands = [
      encodeFrame(message.SIGNAL),
      encodeFrame(message.SIGNAL, Buffer.from([0xff, 0xff, 0xff, 0xff])),
      encodeFrame(message.SIGNAL, Buffer.from([65, 0, 0, 0])),
      encodeFrame(message.RESIZE, Buffer.alloc(3)),
      encodeFrame(message.RESIZE, Buffer.alloc(4, 0xff)),
      encodeFrame(message.STOP, Buffer.alloc(7)),
      encodeFrame(4711, Buffer.alloc(8)),
      frame(message.SIGNAL, 0xffff_ffff, Buffer.alloc(100)),
    ];
    for (const command of commands) {
      const { signal, status } = await answerTo(Buffer.concat([launch, command]), false);
      expect(signal).toBeNull();
      expect([0, 1]).toContain(status);
    }
  });
});
