import { describe, expect, it } from "vitest";
import { isTsmanError } from "../../../src/errors/index.ts";
import { applyChange } from "../../../src/oci/commit-change.ts";

describe("an instruction of a Containerfile", () => {
  it.each([
    ['CMD ["sh", "-l"]', {}, { Cmd: ["sh", "-l"] }],
    ["CMD echo hello", {}, { Cmd: ["/bin/sh", "-c", "echo hello"] }],
    ["CMD=/bin/sh", {}, { Cmd: ["/bin/sh", "-c", "/bin/sh"] }],
    ['entrypoint ["/init"]', { Cmd: ["x"] }, { Cmd: ["x"], Entrypoint: ["/init"] }],
    [
      "ENV A=b C='d e' F=\"g h\"",
      { Env: ["A=x", "Z=1"] },
      { Env: ["A=b", "Z=1", "C=d e", "F=g h"] },
    ],
    ["ENTRYPOINT ", { Entrypoint: ["x"] }, { Entrypoint: null }],
    ["CMD=", { Cmd: ["x"] }, { Cmd: null }],
    ["ENV A b c", {}, { Env: ["A=b c"] }],
    [
      "EXPOSE 80 53/udp",
      { ExposedPorts: { "1/tcp": {} } },
      { ExposedPorts: { "1/tcp": {}, "80/tcp": {}, "53/udp": {} } },
    ],
    ["LABEL a=b c=d", { Labels: { a: "x" } }, { Labels: { a: "b", c: "d" } }],
    ["ONBUILD RUN make", { OnBuild: ["x"] }, { OnBuild: ["x", "RUN make"] }],
    ["STOPSIGNAL SIGINT", {}, { StopSignal: "SIGINT" }],
    ["USER 1000:1000", {}, { User: "1000:1000" }],
    ['VOLUME ["/a", "/b"]', {}, { Volumes: { "/a": {}, "/b": {} } }],
    ["VOLUME /a /b", {}, { Volumes: { "/a": {}, "/b": {} } }],
    ["WORKDIR /srv", { WorkingDir: "/x" }, { WorkingDir: "/srv" }],
    ["WORKDIR sub", { WorkingDir: "/x" }, { WorkingDir: "/x/sub" }],
  ])("%s", (change, before, after) => {
    expect(applyChange(before, change)).toEqual(after);
  });

  it.each(["", "CMD", "USER ", "RUN make", "FROM x", "EXPOSE http", "LABEL a=b c"])(
    "%j is refused with what could be meant",
    (change) => {
      let thrown: unknown;
      try {
        applyChange({}, change);
      } catch (error) {
        thrown = error;
      }
      expect(isTsmanError(thrown, "USAGE") && thrown.hint).toContain("CMD, ENTRYPOINT");
    },
  );
});
