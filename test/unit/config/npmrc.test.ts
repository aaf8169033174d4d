import { describe, expect, it } from "vitest";
import { parseNpmrc, settingsOf } from "../../../src/config/npmrc.ts";

const variables: Record<string, string> = { TOKEN: "from-environment" };

function settings(...files: string[]) {
  const values = new Map<string, string>();
  for (const file of files) parseNpmrc(file, values, (name) => variables[name]);
  return settingsOf(values);
}

describe("npm's settings", () => {
  it("name the public registry when nothing is set", () => {
    expect(settings("").registryOf("image").href).toBe("https://registry.npmjs.org/");
  });

  it("have a registry for everything, and others for scopes", () => {
    const both = settings(
      "registry=https://npm.example/all\n@team:registry = https://team.example/",
    );
    expect(both.registryOf("image").href).toBe("https://npm.example/all/");
    expect(both.registryOf("@other/image").href).toBe("https://npm.example/all/");
    expect(both.registryOf("@team/image").href).toBe("https://team.example/");
  });

  it("are read over lines that are comments, and from the last file that says something", () => {
    const last = settings(
      "# a\n; b\n\nregistry=https://one.example",
      "registry='https://two.example'",
    );
    expect(last.registryOf("image").href).toBe("https://two.example/");
  });

  it("give a token to the place that it is for, and what lies below, and nobody else", () => {
    const { authorizationFor } = settings("//npm.example/team/:_authToken=\u0024{TOKEN}");
    const ask = (url: string) => authorizationFor(new URL(url));
    expect(ask("https://npm.example/team/")).toBe("Bearer from-environment");
    expect(ask("https://npm.example/team/@a%2fb")).toBe("Bearer from-environment");
    expect(ask("https://npm.example/team/@a/b/-/b-1.0.0.tgz")).toBe("Bearer from-environment");
    expect(ask("https://npm.example/")).toBeUndefined();
    expect(ask("https://npm.example/teammates/x")).toBeUndefined();
    expect(ask("https://other.example/team/")).toBeUndefined();
    expect(ask("https://npm.example:8443/team/")).toBeUndefined();
  });

  it("know user and password in both forms", () => {
    const encoded = Buffer.from("me:secret").toString("base64");
    const password = Buffer.from("secret").toString("base64");
    const url = new URL("https://npm.example/image");
    const whole = settings(`//npm.example/:_auth=${encoded}`);
    const parts = settings(`//npm.example/:username=me\n//npm.example/:_password=${password}`);
    expect(whole.authorizationFor(url)).toBe(`Basic ${encoded}`);
    expect(parts.authorizationFor(url)).toBe(`Basic ${encoded}`);
  });

  it.each(["no-url", "ftp://npm.example/", "file:///etc"])(
    "are refused where the registry is %s, without showing it",
    (registry) => {
      expect(() => settings(`registry=${registry}`).registryOf("image")).toThrow(
        expect.objectContaining({
          code: "CONFIG_INVALID",
          message: "read npm's setting registry: it is no http URL",
        }),
      );
    },
  );
});
