import { describe, expect, it } from "vitest";
import { resolveEnvironment } from "../../../src/bundle/environment.ts";
import { optionsOf } from "./bundle-request.ts";

const resolve = (options: Parameters<typeof optionsOf>[0], image: string[] = []) =>
  Object.fromEntries(
    resolveEnvironment(optionsOf(options), image, "box").map(({ name, value }) => [name, value]),
  );

describe("resolveEnvironment", () => {
  it("sets PATH, container and HOSTNAME, and TERM with a terminal", () => {
    expect(resolve({})).toEqual({
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      container: "oci",
      HOSTNAME: "box",
    });
    expect(resolve({ tty: true }).TERM).toBe("xterm");
  });

  it("lets the image override defaults and the user override the image; the last one wins", () => {
    const env = resolve(
      {
        env: [
          ["A", "user"],
          ["A", "again"],
        ],
        tty: true,
      },
      ["PATH=/bin", "A=image", "B=x=y", "EMPTY", "TERM=vt100", "=odd"],
    );
    expect(env).toMatchObject({ PATH: "/bin", A: "again", B: "x=y", EMPTY: "", TERM: "vt100" });
    expect(Object.keys(env)).not.toContain("");
  });

  it("puts the caller's between the defaults and the image, but what says where the program runs", () => {
    const hostEnv = [
      ["PATH", "/caller"],
      ["A", "caller"],
      ["B", "caller"],
      ["HOSTNAME", "host"],
      ["container", "lxc"],
    ] as const;
    expect(resolve({ hostEnv, env: [["B", "user"]] }, ["A=image"])).toEqual({
      PATH: "/caller",
      A: "image",
      B: "user",
      HOSTNAME: "box",
      container: "oci",
    });
  });

  it("merges into what the image has, one after the other, before --env", () => {
    const braced = (name: string) => `$\{${name}}`;
    const envMerge = [
      ["PATH", `$PATH:${braced("HOME")}/bin`],
      ["A", `<$A$none${braced("")}>`],
      ["A", "$A$A"],
      ["B", "$A"],
      ["PRICE", "5$ and $1"],
    ] as const;
    const env = resolve({ envMerge, env: [["B", "user"]] }, ["PATH=/bin", "A=1", "HOME=/h"]);
    expect(env).toMatchObject({ PATH: "/bin:/h/bin", A: "<1><1>", B: "user", PRICE: "5$ and $1" });
  });

  it("removes what --unsetenv names and, with --unsetenv-all, everything but --env", () => {
    expect(resolve({ unsetEnv: ["PATH", "A"] }, ["A=1", "B=2"])).toEqual({
      container: "oci",
      HOSTNAME: "box",
      B: "2",
    });
    expect(resolve({ unsetEnvAll: true, env: [["X", "1"]] }, ["A=1"])).toEqual({ X: "1" });
  });

  it.each(["", "A=B"])("refuses the name %j", (name) => {
    expect(() => resolve({ env: [[name, "x"]] })).toThrow("not a variable's name");
  });

  it("says where each comes from", () => {
    const variables = resolveEnvironment(optionsOf({ env: [["C", "3"]] }), ["A=1"], "box");
    expect(variables.find((one) => one.name === "A")?.because).toBe("image ENV");
    expect(variables.find((one) => one.name === "C")?.because).toBe("--env C");
  });
});
