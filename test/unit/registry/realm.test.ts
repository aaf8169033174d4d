import { describe, expect, test } from "vitest";
import { judgeRealm } from "../../../src/registry/realm.ts";

function verdict(registry: string, realm: string, trustedRealms: readonly string[] = []) {
  return judgeRealm({ registry: new URL(registry), realm, trustedRealms }).kind;
}

describe("a realm gets the credentials", () => {
  test.each([
    ["https://ghcr.io/", "https://ghcr.io/token"],
    ["https://harbor.example:8443/", "https://harbor.example:8443/service/token"],
    ["https://registry.gitlab.com/", "https://gitlab.com/jwt/auth"],
    ["https://example.com/", "https://auth.example.com/token"],
    ["https://registry-1.docker.io/", "https://auth.docker.io/token"],
    ["http://127.0.0.1:5000/", "http://127.0.0.1:5000/token"],
    ["https://10.0.0.1/", "https://10.0.0.1/token"],
  ])("if the registry %s names %s", (registry, realm) => {
    expect(verdict(registry, realm)).toBe("trusted");
  });

  test("if the user has named it", () => {
    expect(verdict("https://a.example/", "https://b.test/t", ["b.test"])).toBe("trusted");
  });
});

describe("a realm is asked without credentials", () => {
  test.each([
    ["https://registry.example/", "https://evil.test/token"],
    ["https://evil.test/", "https://auth.docker.io/token"],
    ["https://a.github.io/", "https://b.github.io/token"],
    ["https://xexample.com/", "https://example.com/token"],
    ["https://example.com/", "https://example.com.evil.test/token"],
    ["https://host/", "https://com/token"],
    ["http://127.0.0.1:5000/", "http://localhost:5001/token"],
  ])("if the registry %s names %s (S51)", (registry, realm) => {
    expect(verdict(registry, realm)).toBe("anonymous");
  });
});

describe("a realm is not asked at all", () => {
  test.each([
    ["https://registry.example/", "http://registry.example/token"],
    ["https://registry.example/", "http://evil.test/token"],
    ["https://registry.example/", "https://169.254.169.254/latest/meta-data"],
    ["https://registry.example/", "https://127.0.0.1/token"],
    ["https://registry.example/", "https://localhost/token"],
    ["https://registry.example/", "https://localhost./token"],
    ["https://registry.example/", "https://x.localhost/token"],
    ["https://registry.example/", "https://[::1]/token"],
    ["https://registry.example/", "https://[::ffff:127.0.0.1]/token"],
    ["https://registry.example/", "https://[fe80::1]/token"],
    ["https://registry.example/", "https://2130706433/token"],
    ["https://registry.example/", "https://0x7f.1/token"],
    ["https://registry.example/", "https://8.8.8.8/token"],
    ["https://registry.example/", "https://user:password@registry.example/token"],
    ["https://registry.example/", "ftp://registry.example/token"],
    ["https://registry.example/", "file:///etc/passwd"],
    ["https://registry.example/", "/token"],
    ["https://registry.example/", ""],
    ["http://registry.example:5000/", "http://evil.test/token"],
    ["http://registry.example:5000/", "http://127.0.0.1/token"],
  ])("if the registry %s names %s (S51)", (registry, realm) => {
    expect(verdict(registry, realm)).toBe("refused");
  });
});
