import { describe, expect, it } from "vitest";
import { guardWarnings } from "../../../src/bundle/guard-rails.ts";
import type { BindMount } from "../../../src/container/options.ts";

const bind = (source: string, readOnly = false): BindMount => ({
  type: "bind",
  source,
  target: "/x",
  readOnly,
  recursive: true,
  flags: [],
  chown: false,
});

/** What is there, and where it leads. */
const files: Readonly<Record<string, string>> = Object.fromEntries(
  [
    "/",
    "/home",
    "/home/me",
    "/home/me/.ssh",
    "/home/me/.ssh/id_ed25519",
    "/home/me/.config",
    "/home/me/.config/gcloud",
    "/home/me/.config/gh",
    "/home/me/.aws",
    "/home/me/.docker",
    "/home/me/.docker/config.json",
    "/home/me/work",
    "/home/you",
    "/home/mean",
    "/run",
    "/run/docker.sock",
    "/run/user/1000",
    "/run/user/1000/podman",
    "/run/user/1000/podman/podman.sock",
    "/srv",
  ]
    .map((file) => [file, file])
    .concat([
      ["/var/run/docker.sock", "/run/docker.sock"],
      ["/srv/link", "/home/me"],
    ]),
);

const warn = (...mounts: Parameters<typeof guardWarnings>[0]) =>
  guardWarnings(mounts, {
    home: "/home/me",
    runtimeDirs: ["/run", "/run/user/1000"],
    resolve: (file) => files[file],
  });

describe("a mount", () => {
  it.each([
    ["/", /all files of this host/],
    ["/home", /whole home.*start-up files/],
    ["/home/me", /whole home/],
    ["/srv/link", /^mount \/srv\/link on \/x: .*whole home/],
    ["/home/me/.ssh", /SSH keys.*\(~\/\.ssh\)/],
    ["/home/me/.ssh/id_ed25519", /SSH keys/],
    ["/home/me/.config", /Google Cloud credentials.*GitHub token/],
    ["/home/me/.aws", /AWS credentials/],
    ["/home/me/.docker/config.json", /registry logins/],
    ["/run/docker.sock", /through \/run\/docker\.sock the container starts containers/],
    ["/var/run/docker.sock", /through \/run\/docker\.sock/],
    ["/run", /docker\.sock/],
    ["/run/user/1000", /podman\.sock/],
    ["/elsewhere/docker.sock", /through \/elsewhere\/docker\.sock/],
  ])("of %s is warned of, once", (source, risk) => {
    const warnings = warn(bind(source));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(risk);
  });

  it("that is read-only can be read", () => {
    expect(warn(bind("/home/me", true))).toEqual([
      "mount /home/me on /x: the container may read your whole home, its keys and credentials among it",
    ]);
  });

  it.each(["/srv", "/home/me/work", "/home/you", "/home/mean", "/home/me/.kube"])(
    "of %s is nothing special",
    (source) => expect(warn(bind(source))).toEqual([]),
  );

  it("of a volume or a tmpfs is none of the caller's", () => {
    const flags = { readOnly: false, flags: [], copyUp: true, target: "/x" };
    expect(warn({ type: "volume", name: "v", ...flags }, { type: "tmpfs", ...flags })).toEqual([]);
  });
});
