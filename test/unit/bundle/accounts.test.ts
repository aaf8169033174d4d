import { describe, expect, it } from "vitest";
import { accountForms, hostUserLines } from "../../../src/bundle/accounts.ts";
import type { AccountOptions } from "../../../src/container/options.ts";
import { requestOf } from "./bundle-request.ts";

const me = { name: "me", uid: 1000, gid: 1001, fullName: "My Name", home: "/home/me" };

function lines(accounts: AccountOptions, mounted: readonly string[] = []) {
  const request = requestOf({ accounts }, { hostUsers: [me] });
  const mounts = mounted.map((destination) => ({
    destination,
    type: "bind",
    source: "/somewhere",
    options: [],
    because: "-v",
  }));
  return hostUserLines(request, "/work", mounts).hostUsers;
}

describe("hostUserLines", () => {
  it("have the working directory for a home, unless that is mounted", () => {
    const line = (home: string) => `me:*:1000:1001:My Name:${home}:/bin/sh`;
    expect(lines({})?.[0]).toEqual({ name: "me", uid: 1000, line: line("/work") });
    expect(lines({}, ["/home/me"])?.[0]?.line).toBe(line("/home/me"));
    expect(lines({}, ["/home"])?.[0]?.line).toBe(line("/home/me"));
    expect(lines({}, ["/home/me/sub", "/home/m"])?.[0]?.line).toBe(line("/work"));
  });

  it("have the form that is asked for, and are none with --passwd=false", () => {
    const [user] = lines({ passwdEntry: "$NAME:$UID$GID:$HOMELESS:$OTHER" }) ?? [];
    expect(user?.line).toBe("My Name:10001001:/workLESS:$OTHER");
    expect(lines({ isAdded: false })).toBeUndefined();
  });
});

describe("accountForms", () => {
  it("are what init is told of a user without a line", () => {
    expect(accountForms(undefined)).toEqual({});
    expect(accountForms({ isAdded: false, passwdEntry: "a:" })).toEqual({ isUnlisted: true });
    expect(accountForms({ groupEntry: "g:" })).toEqual({ forms: { group: "g:" } });
  });
});
