import { expect, it } from "vitest";
import { proxySignals } from "../../../../src/cli/session/signal-proxy.ts";

const ending = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"] as const;
const listeners = (): number[] => ending.map((name) => process.listenerCount(name));

it("keeps what comes early for whoever gets it, and passes on what comes later", () => {
  using proxy = proxySignals();
  process.emit("SIGUSR1", "SIGUSR1");
  process.emit("SIGINT", "SIGINT");
  const got: number[] = [];
  proxy.passTo((signal) => got.push(signal));
  expect(got).toEqual([10, 2]);
  process.emit("SIGTERM", "SIGTERM");
  process.emit("SIGTERM", "SIGTERM");
  expect(got).toEqual([10, 2, 15, 15]);
});

it("leaves a second one that is to end this process as ever, until there is somebody to have it", () => {
  const before = listeners();
  {
    using proxy = proxySignals();
    const during = before.map((count) => count + 1);
    process.emit("SIGUSR2", "SIGUSR2");
    expect(listeners()).toEqual(during);
    process.emit("SIGTERM", "SIGTERM");
    expect(listeners()).toEqual(before);
    proxy.passTo(() => {});
    expect(listeners()).toEqual(during);
  }
  expect(listeners()).toEqual(before);
});

it("tells of a second one whoever can clean up, and leaves the third one as ever", () => {
  const before = listeners();
  const impatient: string[] = [];
  using proxy = proxySignals((name) => impatient.push(name));
  process.emit("SIGINT", "SIGINT");
  expect(impatient).toEqual([]);
  process.emit("SIGTERM", "SIGTERM");
  expect(impatient).toEqual(["SIGTERM"]);
  expect(listeners()).toEqual(before);
  const got: number[] = [];
  proxy.passTo((signal) => got.push(signal));
  expect(got).toEqual([2, 15]);
});

it("tells of the first one when nobody is left who could have it", () => {
  const before = listeners();
  const impatient: string[] = [];
  using proxy = proxySignals((name) => impatient.push(name));
  proxy.passTo(() => {});
  process.emit("SIGINT", "SIGINT");
  proxy.giveUp();
  expect(impatient).toEqual([]);
  process.emit("SIGTERM", "SIGTERM");
  expect(impatient).toEqual(["SIGTERM"]);
  expect(listeners()).toEqual(before);
});
